"""Which pages one attempt to read a list requests, as the responses report them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

if TYPE_CHECKING:
    from tap_partoo.reading.pages import Page, Position

MAX_GROWTH_PAGES = 100
"""How many pages a list may grow by while it is read, and how many pages in a row may
be empty or without anything new."""


class Walk(ABC):
    """One attempt to read a list, from its first page on."""

    expected: int | None
    """How many rows must be read; None if Partoo does not report it."""

    last: int | None
    """The number of the last page, if it is known."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether the list ends with the last page passed to `follow`."""

    @abstractmethod
    def next_position(self) -> Position:
        """Return the position of the next page; None if it is not known yet."""

    @abstractmethod
    def may_end_before(self, position: Position) -> bool:
        """Return whether a page that does not exist may be after the end."""

    @abstractmethod
    def follow(self, page: Page, position: Position, new: int) -> None:
        """Process the next page.

        Args:
            page: The page; pages come in order.
            position: Its position, as requested.
            new: How many of its rows no previous page had.

        Raises:
            FatalAPIError: If it is another page, or if the list grows without end.
        """


class SinglePage(Walk):
    """The walk of a list in a single response."""

    expected = None
    last = 1
    ended = True

    @override
    def next_position(self) -> Position:
        return None

    @override
    def may_end_before(self, position: Position) -> bool:
        return False

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        pass  # there is no other page


class _OneByOne(Walk):
    """A walk that knows the next page only after the previous one."""

    expected: int | None = None
    last = None

    def __init__(self) -> None:
        self._next: Position = None
        self._is_asked = False

    @property
    @override
    def ended(self) -> bool:
        return self._next is None

    @override
    def next_position(self) -> Position:
        position = None if self._is_asked else self._next
        self._is_asked = True
        return position

    def _go_on(self, position: Position) -> None:
        self._next, self._is_asked = position, False


class Cursors(_OneByOne):
    """The walk of a list by cursor: it ends if there is none, or a previous one."""

    def __init__(self, first: Page) -> None:
        """Start from the first page; in some lists, `count` is the rows of the page."""
        super().__init__()
        is_total = first.count is not None and first.count > len(first.rows)
        self.expected = first.count if is_total else None
        self._seen: set[str] = set()
        self._pages_without_new = 0

    @override
    def may_end_before(self, position: Position) -> bool:
        return False

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        self._pages_without_new = 0 if new else self._pages_without_new + 1
        if self._pages_without_new > MAX_GROWTH_PAGES:
            msg = f"more than {MAX_GROWTH_PAGES} in a row have nothing new"
            raise invalid_paging(msg)
        cursor = page.next_cursor
        self._go_on(None if cursor in self._seen else cursor)
        if cursor:
            self._seen.add(cursor)


class _NumberedOneByOne(_OneByOne):
    """A walk by page number, whose pages do not report their number.

    The first one may be page 0 or page 1: page 1 is requested after it, even though it
    may be the same one.
    """

    @override
    def may_end_before(self, position: Position) -> bool:
        return True

    def _count_on(self, page: Page, position: Position, *, is_new: bool) -> None:
        may_be_the_first = position == 1 and bool(page.rows)
        number = 0 if position is None else int(position)
        self._go_on(number + 1 if is_new or may_be_the_first else None)


class UncountedPages(_NumberedOneByOne):
    """The walk of a list without figures: it ends at a page with nothing new."""

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        self._count_on(page, position, is_new=new > 0)


class MapWalk(_NumberedOneByOne):
    """The walk of a map: it ends when all requested ids came, or nothing new."""

    def __init__(self, id_name: str, requested_ids: frozenset[str]) -> None:
        """Start from the first page."""
        super().__init__()
        self._id_name = id_name
        self._requested = requested_ids
        self._received: set[str] = set()

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        known = len(self._received)
        self._received.update(row[self._id_name] for row in page.rows)
        if self._requested <= self._received:
            self._go_on(None)
        else:
            self._count_on(page, position, is_new=len(self._received) > known)


class InvalidPagingError(FatalAPIError):
    """Pages that contradict each other."""


def invalid_paging(what: str) -> InvalidPagingError:
    """Return the error for pages that contradict each other."""
    return InvalidPagingError(
        f"The pages that Partoo sends are inconsistent: {what}. Run again, and report "
        "it to Partoo if it happens again."
    )
