"""The lists of one run that more than one stream needs, each of which is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_partoo.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_partoo.streams.base import PartooStream


@dataclass(frozen=True)
class Kept:
    """A list that was read in this run, or what is needed of it."""

    rows: list[dict[str, Any]]
    snapshot_at: str = ""
    is_complete: bool = True


class ParentRefusedError(RefusedError):
    """Partoo refuses the rows that the queries of a stream are made of."""

    def __init__(self, parent: str) -> None:
        """Name the stream of these rows."""
        super().__init__(f"It is read per row of `{parent}`, which Partoo refused.")
        self.parent = parent


class Lists:
    """Keeps what streams per parent need of their parents."""

    def __init__(self, streams: Mapping[str, PartooStream]) -> None:
        """Find out which lists are needed.

        Args:
            streams: All streams of the tap, by name.
        """
        self._streams = streams
        self._needed = {s.parent for s in streams.values() if s.parent and s.selected}
        self._kept: dict[type[PartooStream], Kept | RefusedError] = {}

    def stream(self, stream: type[PartooStream]) -> PartooStream:
        """Return the one of the tap, selected or not."""
        return self._streams[stream.name]

    def is_needed(self, stream: type[PartooStream]) -> bool:
        """Return whether a selected stream has a query per row of this one."""
        return stream in self._needed

    def keep(self, stream: type[PartooStream], result: Kept | RefusedError) -> None:
        """Keep what a stream has read, or that Partoo refused it."""
        if self.is_needed(stream):
            self._kept[stream] = result

    def has(self, stream: type[PartooStream]) -> bool:
        """Return whether a list was read, or refused."""
        return stream in self._kept

    def whole(self, stream: type[PartooStream]) -> Kept | None:
        """Return the whole rows of a stream, if another one has read them."""
        kept = self._kept.get(stream)
        if isinstance(kept, RefusedError):
            raise kept
        return kept if stream.kept_fields is None else None

    def of(self, parent: type[PartooStream]) -> Kept:
        """Return what is needed of a list, and read it if nobody has.

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
