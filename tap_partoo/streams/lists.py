"""The lists of one run that several streams need; each is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_partoo.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_partoo.streams.base import PartooStream


@dataclass(frozen=True)
class Kept:
    """A list that was read in this run, or the part of it that is needed."""

    rows: list[dict[str, Any]]
    snapshot_at: str = ""
    is_complete: bool = True


class ParentRefusedError(RefusedError):
    """Partoo refused the parent rows that a stream needs for its queries."""

    def __init__(self, parent: str) -> None:
        """Name the stream of the parent rows."""
        super().__init__(f"It needs the rows of `{parent}`, which Partoo refused.")
        self.parent = parent


class Lists:
    """Keeps what streams per parent need from their parents."""

    def __init__(self, streams: Mapping[str, PartooStream]) -> None:
        """Find out which lists are needed.

        Args:
            streams: All streams of the tap, by name.
        """
        self._streams = streams
        self._needed = {s.parent for s in streams.values() if s.parent and s.selected}
        self._kept: dict[type[PartooStream], Kept | RefusedError] = {}

    def stream(self, stream: type[PartooStream]) -> PartooStream:
        """Return the tap's stream of a class, selected or not."""
        return self._streams[stream.name]

    def is_needed(self, stream: type[PartooStream]) -> bool:
        """Return whether a selected stream has a query per row of this one."""
        return stream in self._needed

    def keep(self, stream: type[PartooStream], result: Kept | RefusedError) -> None:
        """Keep the list of a stream, or the error if Partoo refused it."""
        if self.is_needed(stream):
            self._kept[stream] = result

    def has(self, stream: type[PartooStream]) -> bool:
        """Return whether a list was read, or refused."""
        return stream in self._kept

    def whole(self, stream: type[PartooStream]) -> Kept | None:
        """Return the list of a stream with whole rows, if another one has read it.

        Raises:
            RefusedError: If Partoo refused it.
        """
        kept = self._kept.get(stream)
        if isinstance(kept, RefusedError):
            raise kept
        return kept if stream.kept_fields is None else None

    def of(self, parent: type[PartooStream]) -> Kept:
        """Return the needed part of a list, which is read if it was not yet.

        Raises:
            ParentRefusedError: If Partoo refuses it.
        """
        if parent not in self._kept:
            try:
                self._kept[parent] = self._streams[parent.name].read_all()
            except RefusedError as error:
                self._kept[parent] = error
        kept = self._kept[parent]
        if isinstance(kept, RefusedError):
            raise ParentRefusedError(parent.name) from kept
        return kept
