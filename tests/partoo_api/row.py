"""A row of the account and the JSON of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from .data import Key

Record = dict[str, Any]


@dataclass(frozen=True)
class View:
    """A form in which rows are sent.

    Attributes:
        name: Identifies it among the forms of the same rows.
        record: Returns the record in this form.
    """

    name: Hashable
    record: Callable[[Row], Record]


class Row:
    """A row and its JSON, kept because a benchmark reads each row many times."""

    __slots__ = ("_text", "_view", "hidden", "place", "record")

    def __init__(self, record: Record, hidden: Key | None = None) -> None:
        """Store the record, and what is never sent."""
        self.record = record
        self.hidden = hidden
        self.place = 0
        self._text: bytes | None = None
        self._view: Hashable = None

    def json(self, view: View | None = None) -> bytes:
        """Return the JSON of the record in a form."""
        name = view.name if view else None
        if self._text is None or self._view != name:
            self._text = dump(view.record(self) if view else self.record)
            self._view = name
        return self._text

    def value(self, name: str) -> Hashable:
        """Return a field to look for; arrays and objects are not found."""
        value = self.record.get(name)
        return None if isinstance(value, list | dict) else value

    def change(self, fields: Record) -> None:
        """Set fields."""
        self.record |= fields
        self._text = None


def dump(value: object) -> bytes:
    """Return the JSON of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
