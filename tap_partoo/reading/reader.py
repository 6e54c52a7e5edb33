"""Reads a whole list in pages, several at a time, and finds out if anything is missing.

Rows move to other pages when one is created or deleted meanwhile: one may then come
twice, or not at all. Each is yielded once, and the list is read again as long as some
are missing, at most twice.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from tap_partoo.errors import NotFoundError
from tap_partoo.reading.paging import Completeness, Page, PageNumbers

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.helpers.types import Record

MAX_EXTRA_READINGS = 2
PROGRESS_SECONDS = 5.0

SLOW_SECONDS = 0.02
"""How much longer than their use answers take before pages are fetched ahead. Threads
that take turns with the one that makes records cost a sixth of its speed: they pay
where there is something to wait for."""


class ListReader:
    """Reads one list once; the figures are for its end."""

    def __init__(  # noqa: PLR0913 - what differs between lists
        self,
        fetch: Callable[[int | None], Page],
        fit: Callable[[Record], Record],
        *,
        workers: int,
        primary_keys: Sequence[str],
        entry_keys: Sequence[str],
        logger: logging.Logger,
    ) -> None:
        """Prepare; nothing is asked for before the records are.

        Args:
            fetch: Gets a page by its number; None asks for the first, whatever its
                number is. Called in several threads where there are several workers.
            fit: Makes a record of a row.
            workers: How many pages are fetched at a time.
            primary_keys: What tells one record from another.
            entry_keys: The timestamps of what brings a record into the list.
            logger: Where progress and what is missing are told.
        """
        self.pages = 0
        self.read = 0
        self.repeats = 0
        self.readings = 0
        self.complete = False
        self.started = ""
        self._fetch = fetch
        self._fit = fit
        self._workers = workers
        self._key = itemgetter(*primary_keys)
        self._entry_keys = entry_keys
        self._logger = logger

    def page_records(self) -> Iterator[list[Record]]:
        """Yield the records of each page that no page before it had.

        `complete` tells afterwards whether none is missing.

        Raises:
            FatalAPIError: If the API cannot be read, or its pages make no sense.
        """
        emitted: set[object] = set()
        while True:
            first = self._fetch(None)
            self.started = self.started or first.counted_at
            # One set serves both purposes in the first reading: half the memory.
            progress = Completeness(first, set() if self.readings else emitted)
            self.readings += 1
            for page in self._pages(first, progress):
                self.pages += 1
                self.read += len(page.rows)
                yield self._new(page, progress, emitted)
            self.complete = progress.proved
            if self.complete or self.readings > MAX_EXTRA_READINGS:
                break
            self._logger.info(
                "Partoo counts %d and listed %d for certain: rows may have moved while "
                "the pages were read. Reading them again",
                progress.expected,
                progress.found,
            )
        if not self.complete:
            if progress.not_found:
                raise progress.not_found
            self._logger.warning(
                "This may be incomplete: Partoo counts %d and listed %d for certain in "
                "the last of %d readings. The bookmark stays where it was, so that the "
                "next run covers the gap",
                progress.expected,
                progress.found,
                self.readings,
            )

    def _new(
        self,
        page: Page,
        progress: Completeness,
        emitted: set[object],
    ) -> list[Record]:
        new = []
        for row in page.rows:
            record = self._fit(row)
            key = self._key(record)
            if key in emitted:
                self.repeats += 1
                progress.see(key)
            else:
                progress.see(key)
                progress.doubt(record, self._entry_keys)
                emitted.add(key)
                new.append(record)
        return new

    def _pages(self, first: Page, progress: Completeness) -> Iterator[Page]:
        """Yield the pages of one reading in order.

        Once answers turn out to be slow, the workers fetch ahead.
        """
        ahead: deque[tuple[int, Callable[[], Page]]] = deque()
        with ExitStack() as stack:
            submit: Callable[[int], Callable[[], Page]] = partial(partial, self._fetch)
            window, behind_seconds = 1, 0.0
            numbers, page = PageNumbers(first), first
            told = time.monotonic()
            while True:
                behind_seconds += page.elapsed_seconds
                if window == 1 and self._workers > 1 and behind_seconds > SLOW_SECONDS:
                    submit, window = self._start_workers(stack), 2 * self._workers
                while len(ahead) < window and (number := numbers.ask()) is not None:
                    ahead.append((number, submit(number)))
                began = time.monotonic()
                yield page
                now = time.monotonic()
                behind_seconds -= now - began
                if now - told > PROGRESS_SECONDS:
                    told = now
                    self._logger.info(
                        "Page %d, the last is %d; %d records read",
                        self.pages,
                        numbers.last,
                        self.read,
                    )
                if numbers.ended or not ahead:
                    return
                number, answer = ahead.popleft()
                try:
                    page = answer()
                except NotFoundError as error:
                    # The list may have become shorter: what is missing tells.
                    progress.not_found = error
                    return
                numbers.follow(page, number)

    def _start_workers(self, stack: ExitStack) -> Callable[[int], Callable[[], Page]]:
        """Start the workers for the time of a block; return what gives them a page."""
        pool = ThreadPoolExecutor(self._workers)
        # Not waiting: one may sit in a socket for another minute.
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        return lambda number: pool.submit(self._fetch, number).result
