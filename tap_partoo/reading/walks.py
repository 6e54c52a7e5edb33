"""Which pages one attempt to read a list asks for, as the responses report it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

if TYPE_CHECKING:
    from tap_partoo.reading.pages import Page, Position

MAX_GROWTH_PAGES = 100
"""How many pages a list may grow by while it is read, and how many of them may be empty
in a row."""


class Walk(ABC):
    """One attempt to read a list, from its first page on."""

    expected: int | None
    """How many rows have to be seen; None where Partoo does not report it."""

    last: int | None
    """The number of the last page, where it is known."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether the page followed last is the last one."""

    may_end_at_404: bool
    """Whether a page that is not there is the end of a list that got shorter."""

    @abstractmethod
    def ask(self) -> Position:
        """Return the next page to ask for; None where none can be asked for yet."""

    @abstractmethod
    def follow(self, page: Page, position: Position, new: int) -> None:
        """Take in a page.

        Args:
            page: The page, in order.
            position: What was asked for.
            new: How many of its rows no page before it had.

        Raises:
            FatalAPIError: If it is another page, or if the list grows without end.
        """


class Ended(Walk):
    """The walk of a list in a single response."""

    expected = None
    last = 1
    ended = True
    may_end_at_404 = False

    @override
    def ask(self) -> Position:
        return None

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        pass  # there is no other page


class _OneByOne(Walk):
    """A walk that knows the next page only when it has the one before."""

    expected: int | None = None
    last = None
    may_end_at_404 = True

    def __init__(self) -> None:
        self._next: Position = None
        self._is_asked = False

    @property
    @override
    def ended(self) -> bool:
        return self._next is None

    @override
    def ask(self) -> Position:
        position = None if self._is_asked else self._next
        self._is_asked = True
        return position

    def _go_on(self, position: Position) -> None:
        self._next, self._is_asked = position, False


class Cursors(_OneByOne):
    """The walk of a list by cursor: it ends where none comes, or an old one."""

    may_end_at_404 = False

    def __init__(self, first: Page) -> None:
        """Start from the first page; `count` of some lists is that of the page."""
        super().__init__()
        is_total = first.count is not None and first.count > len(first.rows)
        self.expected = first.count if is_total else None
        self._seen: set[str] = set()
        self._without_news = 0

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        self._without_news = 0 if new else self._without_news + 1
        if self._without_news > MAX_GROWTH_PAGES:
            msg = f"more than {MAX_GROWTH_PAGES} in a row have nothing new"
            raise invalid_paging(msg)
        cursor = page.next_cursor
        self._go_on(None if cursor in self._seen else cursor)
        if cursor:
            self._seen.add(cursor)


class _NumberedOneByOne(_OneByOne):
    """A walk of pages by number that do not say which number they have.

    The first one may be page 0 or page 1, so that page 1 is asked for behind it, even
    if it is the same again.
    """

    def _count_on(self, page: Page, position: Position, *, is_news: bool) -> None:
        may_be_the_first = position == 1 and bool(page.rows)
        number = 0 if position is None else int(position)
        self._go_on(number + 1 if is_news or may_be_the_first else None)


class UncountedPages(_NumberedOneByOne):
    """The walk of a list that reports nothing of its pages: it ends without news."""

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        self._count_on(page, position, is_news=new > 0)


class MapWalk(_NumberedOneByOne):
    """The walk of a map: it ends when all that was asked for came, or nothing new."""

    def __init__(self, id_name: str, asked: frozenset[str]) -> None:
        """Start from the first page."""
        super().__init__()
        self._id_name = id_name
        self._asked = asked
        self._came: set[str] = set()

    @override
    def follow(self, page: Page, position: Position, new: int) -> None:
        known = len(self._came)
        self._came.update(row[self._id_name] for row in page.rows)
        if self._asked <= self._came:
            self._go_on(None)
        else:
            self._count_on(page, position, is_news=len(self._came) > known)


class InvalidPagingError(FatalAPIError):
    """Pages that contradict each other."""


def invalid_paging(what: str) -> InvalidPagingError:
    """Return the error for pages that contradict each other."""
    return InvalidPagingError(
        f"The pages that Partoo sends make no sense: {what}. The bookmark did not "
        "move: run again, and report it to Partoo if it stays."
    )
