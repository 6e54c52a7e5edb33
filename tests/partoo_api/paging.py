"""Pages: which rows are on one, and what the response reports about the others."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .parameters import integer
from .refusals import InvalidParameterError
from .row import dump

if TYPE_CHECKING:
    from .habits import Habits
    from .resource import Pages

Query = dict[str, str]
PastEnd = Literal["empty", "clamp", "not_found"]


@dataclass(frozen=True)
class Numbering:
    """How pages are numbered: the documentation can be read in several ways.

    Attributes:
        first_page: The number of the first page. Where it is 1, a lower number asks
            for page 1.
        max_page_counts_pages: Whether `max_page` is the number of pages rather than
            the number of the last page; differs only where the first page is 0.
        empty_max_page: `max_page` of an empty list where the first page is 1.
        past_end: The response after the last page: an empty page, the last page under
            its own number, or a 404.
    """

    first_page: Literal[0, 1] = 1
    max_page_counts_pages: bool = False
    empty_max_page: Literal[0, 1] = 1
    past_end: PastEnd = "empty"

    def last_page(self, count: int, per_page: int) -> int:
        """Return the number of the last page of `count` rows; the first when none."""
        pages = -(-count // per_page)
        return max(pages, 1) - 1 + self.first_page

    def max_page(self, count: int, per_page: int) -> int:
        """Return the `max_page` that is sent."""
        if self.first_page == 1 and count == 0:
            return self.empty_max_page
        if self.first_page == 0 and self.max_page_counts_pages:
            return -(-count // per_page)
        return self.last_page(count, per_page)


class Page:
    """The page that a request asks for.

    Attributes:
        number: Its number; with a cursor, the first of its rows decides it.
        per_page: How many rows it has at most.
    """

    def __init__(self, query: Query, pages: Pages, numbering: Numbering) -> None:
        """Read the parameters."""
        self.kind = pages.kind
        self.numbering = numbering
        self.per_page = pages.default
        self.number = 1
        if pages.kind == "one response":
            return
        if pages.maximum:
            self.per_page = _integer(query, "per_page", pages.default)
            if not 1 <= self.per_page <= pages.maximum:
                name, message = "per_page", f"Must be between 1 and {pages.maximum}."
                raise InvalidParameterError(name, message)
        if pages.kind == "cursor":
            self._start = _position(query.get("cursor"))
            self.number = self._start // self.per_page + 1
        else:
            self.number = max(_integer(query, "page", 0), numbering.first_page)

    def place(self, count: int) -> slice:
        """Return which of so many rows are on it."""
        if self.kind == "one response":
            return slice(None)
        if self.kind == "cursor":
            return slice(self._start, self._start + self.per_page)
        if self.numbering.past_end == "clamp":
            self.number = min(self.number, self._last(count))
        start = (self.number - self.numbering.first_page) * self.per_page
        return slice(start, start + self.per_page)

    def behind(self, count: int) -> bool:
        """Return whether it does not exist, where so many rows are listed."""
        if self.kind not in {"numbered", "map"}:
            return False
        return self.numbering.past_end == "not_found" and self.number > self._last(
            count
        )

    def counters(self, count: int) -> bytes:
        """Return `page`, `max_page` and `count`."""
        max_page = self.numbering.max_page(count, self.per_page)
        return b'"page":%d,"max_page":%d,"count":%d,' % (self.number, max_page, count)

    def cursor(self, count: int, habits: Habits) -> bytes:
        """Return `count` and `next_cursor`."""
        end = self._start + self.per_page
        here = max(min(end, count) - self._start, 0)
        counted = count if habits.cursor_count == "total" else here
        following: str | None
        if end < count:
            following = _cursor(end)
        elif habits.cursor_end == "absent":
            return b',"count":%d' % counted
        else:
            ends = {"null": None, "empty": "", "repeated": _cursor(self._start)}
            following = ends[habits.cursor_end]
        return b',"count":%d,"next_cursor":%b' % (counted, dump(following))

    def _last(self, count: int) -> int:
        return self.numbering.last_page(count, self.per_page)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor).decode()
        return int(text.removeprefix("after:"))
    except ValueError:
        name = "cursor"
        raise InvalidParameterError(name, "Not a valid cursor.") from None


def _integer(query: Query, name: str, default: int) -> int:
    if name not in query:
        return default
    try:
        return integer(query[name])
    except ValueError as error:
        raise InvalidParameterError(name, str(error)) from None
