"""Requests the first pages of the next streams in advance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from tap_partoo.reading.pages import Page, Slice
    from tap_partoo.streams.base import PartooStream
    from tap_partoo.streams.lists import Lists


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

        It stops at a stream with many queries: reading that can take long, and a first
        page that is much older than the next ones often leads to another attempt.

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
            self._pages[name] = (part, self._pool.submit(stream.fetch, part))
        except RuntimeError:  # no more threads: the stream requests the page itself
            return

    def take(self, stream: PartooStream, part: Slice) -> Page | None:
        """Return the first page of a query, or None if it was not requested.

        Args:
            stream: The stream of the query.
            part: The query.

        Raises:
            FatalAPIError: If the request failed.
        """
        requested = self._pages.get(stream.name)
        if requested is None or requested[0] != part:
            return None
        del self._pages[stream.name]
        return requested[1].result()

    def close(self) -> None:
        """Cancel requests that are no longer needed."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
