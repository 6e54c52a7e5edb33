"""What catalog and state need to know of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class StreamKeys:
    """The keys of a stream, as the tap declares them.

    Attributes:
        name: Of the stream.
        primary_keys: What identifies its records.
        replication_key: What its bookmark is a value of; None where the stream can be
            read as FULL_TABLE only.
        spell: Returns a bookmark in canonical form, which sorts as text. Raises a
            ValueError where the text is no bookmark.
    """

    name: str
    primary_keys: Sequence[str]
    replication_key: str | None
    spell: Callable[[str], str]
