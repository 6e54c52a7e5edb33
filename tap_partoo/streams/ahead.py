"""Requests the first pages of the next streams in advance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_partoo.errors import RefusedError, RejectedError
from tap_partoo.reading.increments import as_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from tap_partoo.reading.pages import Page, Slice
    from tap_partoo.streams.base import PartooStream
    from tap_partoo.streams.lists import Lists

MAX_AGE = timedelta(minutes=5)
"""Of a page that is requested in advance. The older it is, the more rows have moved
since, and a list whose pages do not agree is read again. To wait for the limit of
requests takes up to a minute."""


class Ahead:
    """Keeps pages that were requested before their stream is read.

    Streams are read one after the other, and most are small. Without this, each of them
    would take the time of a response for a single request.
    """

    def __init__(
        self,
        streams: Sequence[PartooStream],
        lists: Lists,
        *,
        workers: int,
    ) -> None:
        """Prepare; nothing is requested yet.

        Args:
            streams: The streams of the tap, in the order in which they are read.
            lists: The lists that have been read for several streams.
            workers: Maximum number of pages that are kept or being requested.
        """
        self._streams = streams
        self._lists = lists
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._requested: set[str] = set()
        self._pages: dict[str, tuple[Slice, Future[Page]]] = {}

    def request_after(self, stream: PartooStream) -> None:
        """Request the first pages of the streams after one that has been read.

        It stops at a stream with ranges of time or with a query per parent: reading
        that can take long.

        Args:
            stream: The stream that has been read.
        """
        for other in self._streams[self._streams.index(stream) + 1 :]:
            if not other.selected:
                continue
            first = self._lists.stream(other.parent) if other.parent else other
            if len(self._pages) < self._workers:
                self._request(first)
            if other.parent or other.ranges:
                return

    def _request(self, stream: PartooStream) -> None:
        name = stream.name
        if stream.ranges or name in self._requested or self._lists.has(type(stream)):
            return
        self._requested.add(name)
        self._pool = self._pool or ThreadPoolExecutor(self._workers)
        part = stream.whole_list()
        try:
            self._pages[name] = (part, self._pool.submit(stream.request_page, part))
        except RuntimeError:  # no more threads: the streams request their pages
            self._workers = 0

    def take(self, stream: PartooStream, part: Slice) -> Page | None:
        """Return the first page of a query; None if it has to be requested (again).

        Args:
            stream: The stream of the query.
            part: The query.

        Raises:
            FatalAPIError: If the request failed, or Partoo refused it.
        """
        requested = self._pages.get(stream.name)
        if requested is None or requested[0] != part:
            return None
        future = requested[1]
        del self._pages[stream.name]
        has_waited = future.done()
        try:
            page = future.result()
        except (RefusedError, RejectedError):
            raise
        except (FatalAPIError, RetriableAPIError):
            if has_waited:
                return None  # it may have passed since: the next request will tell
            raise
        is_old = stream.now() - as_datetime(page.snapshot_at) > MAX_AGE
        return None if is_old else page

    def close(self) -> None:
        """Cancel requests that are no longer needed."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
