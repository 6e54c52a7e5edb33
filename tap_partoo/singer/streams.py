"""What catalog and state need to know about a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class StreamKeys:
    """The keys of a stream, as the tap declares them.

    Attributes:
        name: The name of the stream.
        primary_keys: The fields that identify its records.
        replication_key: The field that its bookmark is a value of; None if the stream
            can only be read as FULL_TABLE.
        canonical: Returns a bookmark in canonical form, which sorts as text. Raises a
            ValueError if the text is not a bookmark.
    """

    name: str
    primary_keys: Sequence[str]
    replication_key: str | None
    canonical: Callable[[str], str]
