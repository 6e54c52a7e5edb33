"""Whether one attempt has read the whole list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_partoo.reading.pages import Page


class Proof:
    """Compares the rows that one attempt reads with the `count` of the list.

    When a row is deleted meanwhile, the rows after it move up, and one may be missed.
    The `count` of the last response does not show this (the deleted row had been read),
    and no `count` does if as many rows were added as deleted. Therefore, as many rows
    must be read as the first response counted, and rows added since do not count.

    A row that enters a list without a timestamp, such as a category, or a key whose
    label was edited to match a search text, cannot be recognised as added.
    """

    def __init__(self, first: Page, expected: int | None, seen: set[object]) -> None:
        """Start from the first page.

        Args:
            first: The first page of this attempt.
            expected: How many rows the list had then; None if Partoo does not report
                it: then the list is complete when its pages end.
            seen: An empty set, which gets the keys that this attempt reads.
        """
        self.expected = expected
        self.seen = seen
        self.see = seen.add
        self.is_cut = False
        """Whether a page was not found that must be there."""
        self._snapshot_at = first.snapshot_at
        self._possibly_new = 0

    def mark_possibly_new(
        self,
        record: Mapping[str, Any],
        entered_at: Iterable[str],
    ) -> None:
        """Do not count the last key if its record may have been added since the start.

        Args:
            record: Its record, which no previous attempt has read.
            entered_at: The timestamps that show when it may have entered the list.
        """
        for name in entered_at:
            if (record.get(name) or "") >= self._snapshot_at:
                self._possibly_new += 1
                return

    @property
    def found(self) -> int:
        """How many of the expected keys have certainly been read."""
        return len(self.seen) - self._possibly_new

    @property
    def is_complete(self) -> bool:
        """Whether no row that was in the list all the time can be missing."""
        if self.is_cut:
            return False
        return self.expected is None or self.found >= self.expected

    @property
    def gap(self) -> str:
        """What is wrong with an attempt that is not complete, for messages."""
        if self.is_cut:
            return "a page was not found"
        return f"Partoo reports {self.expected}, {self.found} were read"
