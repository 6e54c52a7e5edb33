"""Reads the queries of a list in pages, several at a time, and proves them complete.

When a row is created or deleted meanwhile, others move to another page: a row may then
come twice, or not at all. Each row is emitted once, and a query is read again, at most
twice, while some of its rows are missing.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from singer_sdk.exceptions import FatalAPIError

from tap_partoo.errors import NotFoundError, RefusedError
from tap_partoo.reading.proof import Proof
from tap_partoo.reading.queue import Queue
from tap_partoo.reading.slices import PART_PAGES
from tap_partoo.reading.walks import InvalidPagingError, invalid_paging
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tap_partoo.reading.pages import Page, Position, Slice
    from tap_partoo.reading.queue import Query
    from tap_partoo.reading.slices import Slices

    Record = dict[str, Any]

MAX_EXTRA_ATTEMPTS = 2
MAX_REFUSED_CHILDREN = 10
"""If this many are refused before any is read, the stream is refused."""


@dataclass(slots=True)
class Batch:
    """The new records of one page, or the end of a query."""

    part: Slice
    records: list[Record]
    outcome: Literal["", "complete", "incomplete", "refused"] = ""
    """Set only at the end of the query, where there are no records."""


class Reader:
    """Reads the queries of one list once; its counters are final at the end."""

    def __init__(  # noqa: PLR0913 - what differs between lists
        self,
        fetch: Callable[[Slice, Position], Page],
        make: Callable[[Slice, list[Record]], list[Record]],
        *,
        workers: int,
        primary_keys: Sequence[str],
        entered_at: Sequence[str],
        time_of: Callable[[Record], str | None],
        name: str,
        logger: logging.Logger,
    ) -> None:
        """Prepare; the first request is sent by `batches`.

        Args:
            fetch: Gets a page. Called in several threads where there are several
                workers.
            make: Makes records from the rows of a page.
            workers: How many pages are fetched at a time.
            primary_keys: The fields that identify a record.
            entered_at: The timestamps that show when a record may have entered the
                list.
            time_of: Returns the time that puts a record in a range, as RFC 3339.
            name: The name of the stream, for messages.
            logger: Logs them.
        """
        self.pages = 0
        self.read = 0
        self.repeats = 0
        self.extra_attempts = 0
        self.ended = 0
        """How many queries have been read."""
        self.refused: list[RefusedError] = []
        """The refusals of queries per parent."""
        self.snapshot_at = ""
        """The `snapshot_at` of the first response."""
        self.on_page: Callable[[Reader], None] = lambda _: None
        self._fetch = fetch
        self._make = make
        self._queue = Queue(fetch, workers=workers)
        self._key = itemgetter(*primary_keys)
        self._entered_at = entered_at
        self._time_of = time_of
        self._name = name
        self._logger = logger
        self._proof: Proof
        self._total: int | None = None
        self._boundary: tuple[object, set[object]] = (None, set())

    def batches(self, slices: Slices) -> Iterator[Batch]:
        """Yield the records of each page that no previous page of its query had.

        Args:
            slices: The queries.

        Raises:
            RefusedError: If Partoo refuses the list.
            FatalAPIError: If it cannot be read, or its pages contradict each other.
        """
        pending = iter(slices)
        self._total = slices.total
        try:
            with closing(self._queue):
                while True:
                    self._queue.fill(pending)
                    if not self._queue.active:
                        return
                    yield from self._next(slices)
        except InvalidPagingError as error:
            failure = FatalAPIError(f"{self._name}: {error}")
        raise failure

    @property
    def is_slow(self) -> bool:
        """Whether responses lag behind processing, so that workers pay off."""
        return self._queue.is_slow

    def progress(self) -> tuple[int, int | None]:
        """Return how many pages or queries are done, of how many (None: not known)."""
        if self._total:
            return self.ended + len(self.refused), self._total
        left = 0
        for query in self._queue.active:
            if query.walk is None:
                left += PART_PAGES if query.part.range else 0
            elif query.walk.last is None:
                return self.pages, None
            else:
                left += query.walk.last - query.taken
        return self.pages, self.pages + left

    # What the pages contain.

    def _next(self, slices: Slices) -> Iterator[Batch]:
        """Take the next page of the first query."""
        query = self._queue.active[0]
        part = query.part
        if part.known_rows is not None:
            self.read += len(part.known_rows)
            yield Batch(part, self._make(part, part.known_rows))
            yield self._end(query, "complete")
            return
        request = query.ahead.popleft()
        try:
            page = request.result()
        except RefusedError as error:
            yield from self._without_page(query, request.position, error)
            return
        self.snapshot_at = self.snapshot_at or page.snapshot_at
        self._queue.lag_seconds += page.elapsed_seconds
        if request.position is None:
            if query.attempts == 0:
                parts = slices.divide(part, page, self._fetch)
                if parts is not None:
                    self._queue.replace_first(parts)
                    return
            self._begin(query, page)
        began = time.monotonic()
        yield Batch(part, self._take(query, page, request.position))
        self._queue.lag_seconds -= time.monotonic() - began
        self.on_page(self)
        if query.walk and query.walk.ended:
            yield from self._conclude(query)

    def _begin(self, query: Query, first: Page) -> None:
        """Begin an attempt with its first page."""
        part = query.part
        if query.attempts == 0 and part.range and part.range.low:
            high, known = self._boundary
            query.emitted |= known if high == part.range.low else set()
        # One set serves both purposes in the first attempt: half the memory.
        is_fresh = not query.emitted
        query.attempts += 1
        query.walk = walk = query.walk or part.paging.walk(first, part)
        seen = query.emitted if is_fresh else set()
        self._proof = Proof(first, walk.expected, seen)

    def _take(self, query: Query, page: Page, position: Position) -> list[Record]:
        self.pages += 1
        query.taken += 1
        self.read += len(page.rows)
        proof, emitted = self._proof, query.emitted
        before = len(proof.seen)
        new = []
        for record in self._make(query.part, page.rows):
            key = self._key(record)
            if key in emitted:
                self.repeats += 1
                proof.see(key)
            else:
                proof.see(key)
                proof.mark_possibly_new(record, self._entered_at)
                emitted.add(key)
                new.append(record)
        if query.part.range and query.part.range.high:
            self._remember_boundary(query.part.range.high, new)
        if query.walk:
            query.walk.follow(page, position, len(proof.seen) - before)
        return new

    def _remember_boundary(self, high: datetime, new: list[Record]) -> None:
        """Keep the keys of the boundary second, which is also in the next range."""
        if self._boundary[0] != high:
            self._boundary = (high, set())
        text, known = high.isoformat(), self._boundary[1]
        known.update(
            self._key(record) for record in new if (self._time_of(record) or "") >= text
        )

    def _without_page(
        self,
        query: Query,
        position: Position,
        error: RefusedError,
    ) -> Iterator[Batch]:
        """Handle a page that does not exist, or may not be read."""
        if query.walk and isinstance(error, NotFoundError):
            # The list may have become shorter: the count of rows decides.
            self._proof.is_cut = not query.walk.may_end_before(position)
            yield from self._conclude(query)
            return
        if not query.part.is_child:
            raise error
        self.refused.append(error)
        if not self.ended and len(self.refused) == MAX_REFUSED_CHILDREN:
            raise error
        yield Batch(query.part, self._make(query.part, query.part.if_refused))
        yield self._end(query, "refused")

    # When a query is over.

    def _conclude(self, query: Query) -> Iterator[Batch]:
        proof = self._proof
        if proof.is_complete:
            yield self._end(query, "complete")
        elif query.attempts <= MAX_EXTRA_ATTEMPTS:
            self._logger.info(
                "%s: %s: rows may have moved meanwhile. Reading them again%s",
                self._name,
                proof.gap,
                _label(query.part),
            )
            self.extra_attempts += 1
            query.walk, query.taken = None, 0
            query.ahead.clear()
        elif proof.is_cut and not query.part.is_child:
            msg = f"{proof.gap} (HTTP 404)"
            raise invalid_paging(msg)
        else:
            self._logger.warning(
                "%s may be incomplete: %s in the last of %d attempts%s. The next run "
                "covers the gap",
                self._name,
                proof.gap,
                query.attempts,
                _label(query.part),
            )
            yield self._end(query, "incomplete")

    def _end(
        self,
        query: Query,
        outcome: Literal["complete", "incomplete", "refused"],
    ) -> Batch:
        self._queue.active.remove(query)
        if outcome != "refused":
            self.ended += 1
        return Batch(query.part, [], outcome)


def _label(part: Slice) -> str:
    return f" ({redact.quote(part.label)})" if part.label else ""  # ids are Partoo's
