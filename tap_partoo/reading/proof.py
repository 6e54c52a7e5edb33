"""Whether one attempt saw all that the list had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_partoo.errors import NotFoundError
    from tap_partoo.reading.pages import Page


class Proof:
    """Counts what one attempt sees against what the list says it has.

    Rows move to other pages when one is deleted meanwhile, so that one may be missed.
    `count` of the last response does not show it (the deleted one had been seen), and
    no `count` does when as many came in as went. So: all that the first response
    counted must be seen, and what came in since is not among them.

    What comes into a filtered list without a timestamp, such as a key whose label was
    edited to match a search text, cannot be told from the others.
    """

    def __init__(self, first: Page, expected: int | None, seen: set[object]) -> None:
        """Start from the first page.

        Args:
            first: The first page of this attempt.
            expected: How many rows the list has by then; None where Partoo does not
                report it, so that the end of the pages is all there is to go by.
            seen: Empty; the keys that this attempt sees are added to it.
        """
        self.expected = expected
        self.seen = seen
        self.see = seen.add
        self.not_found: NotFoundError | None = None
        """Set where the attempt ended at a page that was not there."""
        self._snapshot_at = first.snapshot_at
        self._possibly_new = 0

    def mark_possibly_new(
        self,
        record: Mapping[str, Any],
        entered_at: Iterable[str],
    ) -> None:
        """Do not count the key seen last, if it may have come in since the start.

        Args:
            record: Its record; not one that an earlier attempt has seen.
            entered_at: The timestamps that tell when it may have entered the list.
        """
        for name in entered_at:
            if (record.get(name) or "") >= self._snapshot_at:
                self._possibly_new += 1
                return

    @property
    def found(self) -> int:
        """How many of the expected keys have been seen for certain."""
        return len(self.seen) - self._possibly_new

    @property
    def is_complete(self) -> bool:
        """Whether nothing that was in the list throughout can be missing."""
        return self.expected is None or self.found >= self.expected
