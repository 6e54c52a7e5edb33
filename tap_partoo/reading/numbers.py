"""Which numbered pages a list has, as far as its own figures are plausible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_partoo.reading.walks import MAX_GROWTH_PAGES, Walk, invalid_paging

if TYPE_CHECKING:
    from tap_partoo.reading.pages import Page, Position


class PageNumbers(Walk):
    """The walk of a list whose pages have `page`, `max_page` and `count`."""

    def __init__(self, first: Page) -> None:
        """Start from the response to the request without a page number.

        Args:
            first: The first page, with its three figures.

        Raises:
            FatalAPIError: If its number is neither 0 nor 1.
        """
        number, max_page, count = _figures(first)
        if number not in {0, 1}:
            msg = f"the first one says that it is page {number}"
            raise invalid_paging(msg)
        self.expected = count
        self._first = number
        self._size = len(first.rows)
        # If pages start at 0, `max_page` is the last number or the number of pages. It
        # is the latter if that many pages of the first one's size hold all rows.
        self._surplus = int(number == 0 and max_page * self._size >= count)
        self._limit = max_page + MAX_GROWTH_PAGES
        self._empty = 0
        self._asked = self._current = number
        self.last: int = max_page - self._surplus

    @property
    @override
    def ended(self) -> bool:
        return self._current >= self.last

    @override
    def next_position(self) -> Position:
        if self._asked >= self.last:
            return None
        self._asked += 1
        return self._asked

    @override
    def may_end_before(self, position: Position) -> bool:
        return int(position or 0) >= self.last

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        asked = self._first if position is None else int(position)
        number, max_page, _ = _figures(page)
        self._current = asked
        self.last = max_page - self._surplus
        if self._surplus and asked == self.last and len(page.rows) >= self._size > 0:
            # A full last page may not be the last one, if `count` is wrong.
            self.last += 1
        self._empty = 0 if page.rows else self._empty + 1
        if max_page > self._limit:
            msg = f"their number grew to {max_page} while they were read"
            raise invalid_paging(msg)
        if self._empty > MAX_GROWTH_PAGES:
            msg = f"more than {MAX_GROWTH_PAGES} in a row are empty"
            raise invalid_paging(msg)
        # After the end of a list that got shorter, Partoo may return its last page, or
        # an empty one.
        if number != asked and not number == self.last < asked:
            msg = f"page {asked} says that it is page {number}"
            raise invalid_paging(msg)


def _figures(page: Page) -> tuple[int, int, int]:
    if page.number is None or page.max_page is None or page.count is None:
        msg = "one has no `page`, `max_page` or `count`, unlike the others"
        raise invalid_paging(msg)
    return page.number, page.max_page, page.count
