"""Which pages are requested: several at a time, also beyond the end of a query."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from tap_partoo.reading.slices import MAX_PAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_partoo.reading.pages import Page, Position, Slice
    from tap_partoo.reading.slices import Fetch
    from tap_partoo.reading.walks import Walk

SLOW_SECONDS = 0.02
"""Start the workers once responses lag behind processing by this much. Workers slow
down the thread that makes records by a sixth: they only pay off if there is something
to wait for."""


@dataclass(eq=False, slots=True)
class Request:
    """A page that has been requested."""

    position: Position
    result: Callable[[], Page]
    is_done: Callable[[], bool]


@dataclass(eq=False, slots=True)
class Query:
    """A query that is being read."""

    part: Slice
    emitted: set[object] = field(default_factory=set)
    attempts: int = 0
    taken: int = 0
    walk: Walk | None = None
    ahead: deque[Request] = field(default_factory=deque)

    def next_position(self) -> Position | Literal[False]:
        """Return the position of the next page; False if it is not known yet."""
        if self.walk is None:
            return False if self.ahead or self.part.known_rows is not None else None
        position = self.walk.next_position()
        return False if position is None else position


class Queue:
    """The queries that are being read, the current one first."""

    def __init__(self, fetch: Fetch, *, workers: int) -> None:
        """Prepare; nothing is requested yet.

        Args:
            fetch: Gets a page. Called in several threads where there are several
                workers.
            workers: How many pages are fetched at a time.
        """
        self.active: deque[Query] = deque()
        self.lag_seconds = 0.0
        """How far responses lag behind processing."""
        self._fetch = fetch
        self._workers = workers
        self._window = 1
        self._pool: ThreadPoolExecutor | None = None

    @property
    def is_slow(self) -> bool:
        """Whether responses lag behind processing, so that workers pay off."""
        return self._workers > 1 and self.lag_seconds > SLOW_SECONDS

    def close(self) -> None:
        """Request nothing more."""
        if self._pool:
            # Do not wait: a worker may be blocked in a socket for another minute.
            self._pool.shutdown(wait=False, cancel_futures=True)

    def replace_first(self, parts: Iterable[Slice]) -> None:
        """Read others in the place of the current query."""
        self.active.popleft()
        fresh = [Query(part) for part in parts]
        self.active.extendleft(reversed(fresh))

    def fill(self, pending: Iterator[Slice]) -> None:
        """Request as many pages as allowed at the same time, those needed first.

        The workers do not stop at the end of a query: they also fetch the first pages
        of the queries that follow, and their next ones as soon as they are known.

        Args:
            pending: The queries that have not been begun.
        """
        if self._window == 1 and self.is_slow:
            self._start_workers()
        requests = [request for query in self.active for request in query.ahead]
        room = self._window - sum(not request.is_done() for request in requests)
        # Pages fetched before their turn wait in memory, and are lost if the run is
        # interrupted: at most one window for the first query, and one for all others.
        spare = 2 * self._window - len(requests)
        for query in self.active:
            if query is self.active[0]:
                asked = self._ask_ahead(query, room if query.ahead else max(room, 1))
            elif query.part.waits or min(room, spare) <= 0:
                return
            else:
                self._look_into(query)
                asked = self._ask_ahead(query, min(room, spare))
            room, spare = room - asked, spare - asked
        while min(room, spare) > 0 and len(self.active) < self._window:
            part = next(pending, None)
            if part is None:
                return
            query = Query(part)
            self.active.append(query)
            if part.waits and len(self.active) > 1:
                return
            asked = self._ask_ahead(query, min(room, spare))
            room, spare = room - asked, spare - asked

    def _ask_ahead(self, query: Query, most: int) -> int:
        """Request the next pages of a query that are known; return how many."""
        asked = 0
        while asked < most and len(query.ahead) < self._window:
            position = query.next_position()
            if position is False:
                break
            query.ahead.append(self._submit(query.part, position))
            asked += 1
        return asked

    def _look_into(self, query: Query) -> None:
        """Find the pages of a query before its turn, if its first page allows it."""
        if query.walk or self._window == 1 or len(query.ahead) != 1:
            return
        first = query.ahead[0]
        if not first.is_done() or query is self.active[0]:
            return
        try:
            page = first.result()
        except Exception:  # noqa: BLE001 - raised again in its turn
            return
        if query.part.range and (page.max_page or 0) > MAX_PAGES:
            return  # to be divided, in its turn
        query.walk = query.part.paging.walk(page, query.part)

    def _start_workers(self) -> None:
        self._pool = ThreadPoolExecutor(self._workers)
        self._window = 2 * self._workers

    def _stop_workers(self) -> None:
        """Let the workers finish, and request all other pages in this thread."""
        if self._pool:
            self._pool.shutdown(wait=False)
        self._pool, self._window, self._workers = None, 1, 1

    def _submit(self, part: Slice, position: Position) -> Request:
        call = partial(self._fetch, part, position)
        if self._pool:
            try:
                future = self._pool.submit(call)
            except RuntimeError:
                # No thread can be had, so do without. The call is queued all the same:
                # another worker, if there is one, requests this page a second time.
                self._stop_workers()
            else:
                return Request(position, future.result, future.done)
        # Requested when its turn comes, in this thread.
        return Request(position, call, lambda: False)
