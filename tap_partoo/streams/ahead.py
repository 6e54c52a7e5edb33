"""Asks for the first pages of the streams that follow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from tap_partoo.reading.pages import Page, Slice
    from tap_partoo.streams.base import PartooStream
    from tap_partoo.streams.lists import Lists


class Ahead:
    """Keeps pages that were asked for before their stream is read.

    Streams are read one after the other, and most are small: without this, each of them
    would cost the time of a response, in which nothing else is under way.
    """

    def __init__(
        self,
        streams: Sequence[PartooStream],
        lists: Lists,
        fetch: Callable[[PartooStream, Slice], Page],
        *,
        workers: int,
    ) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            streams: Those of the tap, in the order in which they are read.
            lists: What has been read for several streams.
            fetch: Gets the first page of a query.
            workers: How many pages are asked for at a time.
        """
        self._streams = streams
        self._lists = lists
        self._fetch = fetch
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._asked: set[str] = set()
        self._pages: dict[str, tuple[Slice, Future[Page]]] = {}

    def ask_after(self, stream: PartooStream) -> None:
        """Ask for the first pages of the streams after one that has been read.

        Not beyond a stream with many queries: reading it can take long, and pages that
        were asked for too early differ from those that follow.

        Args:
            stream: The stream.
        """
        following = self._streams[self._streams.index(stream) + 1 :]
        for other in following:
            if not other.selected:
                continue
            first = self._lists.stream(other.parent) if other.parent else other
            if len(self._pages) < self._workers:
                self._ask(first)
            if other.parent or other.ranges:
                return

    def _ask(self, stream: PartooStream) -> None:
        name = stream.name
        if stream.ranges or name in self._asked or self._lists.has(type(stream)):
            return
        self._asked.add(name)
        self._pool = self._pool or ThreadPoolExecutor(self._workers)
        part = stream.whole_list()
        try:
            self._pages[name] = (part, self._pool.submit(self._fetch, stream, part))
        except RuntimeError:  # no thread can be had: its stream asks for it
            return

    def take(self, stream: PartooStream, part: Slice) -> Page | None:
        """Return the first page of a query, if it was asked for.

        Args:
            stream: The stream that the query is of.
            part: The query.

        Raises:
            FatalAPIError: Whatever its request raised.
        """
        asked = self._pages.get(stream.name)
        if asked is None or asked[0] != part:
            return None
        del self._pages[stream.name]
        return asked[1].result()

    def close(self) -> None:
        """Drop what nobody will take."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
