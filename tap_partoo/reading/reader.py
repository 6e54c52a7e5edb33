"""Reads the queries of a list in pages, several at a time, and proves them complete.

When a row is created or deleted meanwhile, others move to another page: a row may then
come twice, or not at all. Each row is emitted once, and a query is read again, at most
twice, while some of its rows are missing.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from singer_sdk.exceptions import FatalAPIError

from tap_partoo.errors import NotFoundError, RefusedError
from tap_partoo.reading.proof import Proof
from tap_partoo.reading.slices import MAX_PAGES, PART_PAGES
from tap_partoo.reading.walks import InvalidPagingError
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tap_partoo.reading.pages import Page, Position, Slice
    from tap_partoo.reading.slices import Slices
    from tap_partoo.reading.walks import Walk

    Record = dict[str, Any]

MAX_EXTRA_ATTEMPTS = 2
MAX_REFUSED_CHILDREN = 10
"""If this many are refused before any is read, the stream is refused."""

SLOW_SECONDS = 0.02
"""Start the workers once responses lag behind processing by this much. Workers slow
down the thread that makes records by a sixth: they only pay off if there is something
to wait for."""


@dataclass(slots=True)
class Batch:
    """The new records of one page, or the end of a query."""

    part: Slice
    records: list[Record]
    outcome: Literal["", "complete", "incomplete", "refused"] = ""
    """Set only at the end of the query, where there are no records."""


@dataclass(eq=False, slots=True)
class _Request:
    """A page that has been requested."""

    position: Position
    result: Callable[[], Page]
    is_done: Callable[[], bool]


@dataclass(eq=False, slots=True)
class _Query:
    """A query that is being read."""

    part: Slice
    emitted: set[object] = field(default_factory=set)
    attempts: int = 0
    taken: int = 0
    walk: Walk | None = None
    ahead: deque[_Request] = field(default_factory=deque)

    def ask(self) -> Position | Literal[False]:
        """Return the position of the next page; False if it is not known yet."""
        if self.walk is None:
            return False if self.ahead or self.part.known_rows is not None else None
        position = self.walk.ask()
        return False if position is None else position


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
        """The refusals of queries for one parent."""
        self.snapshot_at = ""
        """The `snapshot_at` of the first response."""
        self.clock: Callable[[], float] = time.monotonic
        self.on_page: Callable[[Reader], None] = lambda _: None
        self._fetch = fetch
        self._make = make
        self._workers = workers
        self._key = itemgetter(*primary_keys)
        self._entered_at = entered_at
        self._time_of = time_of
        self._name = name
        self._logger = logger
        self._window = 1
        self._lag_seconds = 0.0
        self._submit: Callable[[Slice, Position], _Request] = self._ask_later
        self._proof: Proof
        self._total: int | None = None
        self._active: deque[_Query] = deque()
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
            with ExitStack() as stack:
                while True:
                    self._fill(pending, stack)
                    if not self._active:
                        return
                    yield from self._next(slices)
        except InvalidPagingError as error:
            failure = FatalAPIError(f"{self._name}: {error}")
        raise failure

    @property
    def is_slow(self) -> bool:
        """Whether responses lag behind processing, so that workers pay off."""
        return self._workers > 1 and self._lag_seconds > SLOW_SECONDS

    def progress(self) -> tuple[int, int | None]:
        """Return how many pages or queries are done, of how many (None: not known)."""
        if self._total:
            return self.ended + len(self.refused), self._total
        left = 0
        for query in self._active:
            if query.walk is None:
                left += PART_PAGES if query.part.range else 0
            elif query.walk.last is None:
                return self.pages, None
            else:
                left += query.walk.last - query.taken
        return self.pages, self.pages + left

    # Which pages are requested.

    def _fill(self, pending: Iterator[Slice], stack: ExitStack) -> None:
        """Request as many pages as allowed at the same time, those needed first.

        The workers do not stop at the end of a query: they also fetch the first pages
        of the queries that follow, and their next ones as soon as they are known.
        """
        if self._window == 1 and self.is_slow:
            self._start_workers(stack)
        requests = [request for query in self._active for request in query.ahead]
        room = self._window - sum(not request.is_done() for request in requests)
        # Pages fetched before their turn wait in memory, and are lost if the run is
        # interrupted: at most one window for the first query, and one for all others.
        spare = 2 * self._window - len(requests)
        for query in self._active:
            if query is self._active[0]:
                asked = self._ask_ahead(query, room if query.ahead else max(room, 1))
            elif query.part.waits or min(room, spare) <= 0:
                return
            else:
                self._look_into(query)
                asked = self._ask_ahead(query, min(room, spare))
            room, spare = room - asked, spare - asked
        while min(room, spare) > 0 and len(self._active) < self._window:
            part = next(pending, None)
            if part is None:
                return
            query = _Query(part)
            self._active.append(query)
            if part.waits and len(self._active) > 1:
                return
            asked = self._ask_ahead(query, min(room, spare))
            room, spare = room - asked, spare - asked

    def _ask_ahead(self, query: _Query, most: int) -> int:
        """Request the next pages of a query that are known; return how many."""
        asked = 0
        while asked < most and len(query.ahead) < self._window:
            position = query.ask()
            if position is False:
                break
            query.ahead.append(self._submit(query.part, position))
            asked += 1
        return asked

    def _look_into(self, query: _Query) -> None:
        """Find the pages of a query before its turn, if its first page allows it."""
        if query.walk or self._window == 1 or len(query.ahead) != 1:
            return
        first = query.ahead[0]
        if not first.is_done() or query is self._active[0]:
            return
        try:
            page = first.result()
        except Exception:  # noqa: BLE001 - raised again in its turn
            return
        if query.part.range and (page.max_page or 0) > MAX_PAGES:
            return  # to be divided, in its turn
        query.walk = query.part.paging.walk(page, query.part)

    def _start_workers(self, stack: ExitStack) -> None:
        pool = ThreadPoolExecutor(self._workers)
        # Do not wait: a worker may be blocked in a socket for another minute.
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        self._window = 2 * self._workers

        def submit(part: Slice, position: Position) -> _Request:
            try:
                future = pool.submit(self._fetch, part, position)
            except RuntimeError:  # no thread is available: do without
                return self._ask_later(part, position)
            return _Request(position, future.result, future.done)

        self._submit = submit

    def _ask_later(self, part: Slice, position: Position) -> _Request:
        """Request a page when its turn comes, in this thread."""
        return _Request(position, partial(self._fetch, part, position), lambda: False)

    # What the pages contain.

    def _next(self, slices: Slices) -> Iterator[Batch]:
        """Take the next page of the first query."""
        query = self._active[0]
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
        self._lag_seconds += page.elapsed_seconds
        if request.position is None:
            if query.attempts == 0:
                parts = slices.divide(part, page, self._fetch)
                if parts is not None:
                    self._active.popleft()
                    fresh = [_Query(part) for part in parts]
                    self._active.extendleft(reversed(fresh))
                    return
            self._begin(query, page)
        began = self.clock()
        yield Batch(part, self._take(query, page, request.position))
        self._lag_seconds -= self.clock() - began
        self.on_page(self)
        if query.walk and query.walk.ended:
            yield from self._conclude(query)

    def _begin(self, query: _Query, first: Page) -> None:
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

    def _take(self, query: _Query, page: Page, position: Position) -> list[Record]:
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
        query: _Query,
        position: Position,
        error: RefusedError,
    ) -> Iterator[Batch]:
        """Handle a page that does not exist, or may not be read."""
        if position is not None and isinstance(error, NotFoundError):
            if query.walk and query.walk.may_end_at_404:
                # The list may have become shorter: the count of rows decides.
                self._proof.not_found = error
                yield from self._conclude(query)
                return
            raise FatalAPIError(str(error))
        if not query.part.is_child:
            raise error
        self.refused.append(error)
        if not self.ended and len(self.refused) == MAX_REFUSED_CHILDREN:
            raise error
        yield Batch(query.part, self._make(query.part, query.part.if_refused))
        yield self._end(query, "refused")

    # When a query is over.

    def _conclude(self, query: _Query) -> Iterator[Batch]:
        proof = self._proof
        if proof.is_complete:
            yield self._end(query, "complete")
        elif query.attempts <= MAX_EXTRA_ATTEMPTS:
            self._logger.info(
                "%s: Partoo reports %d, %d were read: rows may have moved meanwhile. "
                "Reading them again%s",
                self._name,
                proof.expected,
                proof.found,
                _label(query.part),
            )
            self.extra_attempts += 1
            query.walk, query.taken = None, 0
            query.ahead.clear()
        elif proof.not_found:
            raise FatalAPIError(str(proof.not_found))
        else:
            self._logger.warning(
                "%s may be incomplete: Partoo reports %d, %d were read in the last of "
                "%d attempts%s. %s",
                self._name,
                proof.expected,
                proof.found,
                query.attempts,
                _label(query.part),
                # A pass after the ranges does not hold back their bookmark.
                "The next run reads it again"
                if query.part.waits and query.part.range is None
                else "The bookmark stays where it is, so that the next run covers the "
                "gap",
            )
            yield self._end(query, "incomplete")

    def _end(
        self,
        query: _Query,
        outcome: Literal["complete", "incomplete", "refused"],
    ) -> Batch:
        self._active.remove(query)
        if outcome != "refused":
            self.ended += 1
        return Batch(query.part, [], outcome)


def _label(part: Slice) -> str:
    return f" ({redact.quote(part.label)})" if part.label else ""  # ids are Partoo's
