"""Which numbered pages there are: believed where it can be, never endless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from tap_partoo.reading.pages import Page, Position

MAX_GROWTH_PAGES = 100
"""How many pages a list may grow by while it is read, and how many of them may be empty
in a row."""


class PageNumbers:
    """Which pages one attempt asks for; see `tap_partoo.reading.paging.Walk`."""

    may_end_at_404 = True

    def __init__(self, first: Page) -> None:
        """Start from the response to the request without a page number.

        Args:
            first: The first page, with its three figures.

        Raises:
            FatalAPIError: If it calls itself neither 0 nor 1.
        """
        number, max_page, count = _figures(first)
        if number not in {0, 1}:
            msg = f"the first one says that it is page {number}"
            raise invalid_paging(msg)
        self.expected: int | None = count
        self._first = number
        self._size = len(first.rows)
        # With pages from 0, `max_page` is the last number or the number of pages: where
        # that many pages of the first one's size hold everything, it is the latter.
        self._surplus = int(number == 0 and max_page * self._size >= count)
        self._limit = max_page + MAX_GROWTH_PAGES
        self._empty = 0
        self._asked = self._current = number
        self._last = max_page - self._surplus

    @property
    def last(self) -> int | None:
        """The number of the last page, as far as it is known."""
        return self._last

    @property
    def ended(self) -> bool:
        """Whether the page followed last is the last one."""
        return self._current >= self._last

    def ask(self) -> Position:
        """Return the next number to ask for; None where the list ends, so far."""
        if self._asked >= self._last:
            return None
        self._asked += 1
        return self._asked

    def follow(self, page: Page, position: Position, new: int) -> None:  # noqa: ARG002 - as `Walk`
        """Take in a page; the list may have grown or shrunk meanwhile.

        Args:
            page: The page.
            position: The number that was asked for; None for the first page.
            new: How many of its rows are new, which does not matter here.

        Raises:
            FatalAPIError: If it is another page, or if the list grows without end.
        """
        asked = self._first if position is None else int(position)
        number, max_page, _ = _figures(page)
        self._current = asked
        self._last = max_page - self._surplus
        if self._surplus and asked == self._last and len(page.rows) >= self._size > 0:
            # A last page that is full may not be the last, if `count` is wrong.
            self._last += 1
        self._empty = 0 if page.rows else self._empty + 1
        if max_page > self._limit:
            msg = f"while they were read, they became {max_page}"
            raise invalid_paging(msg)
        if self._empty > MAX_GROWTH_PAGES:
            msg = f"more than {MAX_GROWTH_PAGES} in a row are empty"
            raise invalid_paging(msg)
        # Behind the end of a list that shrank, the last page is as good a response as
        # an empty one.
        if number != asked and not number == self._last < asked:
            msg = f"page {asked} says that it is page {number}"
            raise invalid_paging(msg)


def _figures(page: Page) -> tuple[int, int, int]:
    if page.number is None or page.max_page is None or page.count is None:
        msg = "one lacks `page`, `max_page` or `count`, which others have"
        raise invalid_paging(msg)
    return page.number, page.max_page, page.count


def invalid_paging(what: str) -> FatalAPIError:
    """Return the error for pages that contradict each other."""
    return FatalAPIError(
        f"The pages that Partoo sends make no sense: {what}. The bookmark did not "
        "move: run again, and report it to Partoo if it stays."
    )
