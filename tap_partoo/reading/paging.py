"""How one response is turned into rows, and which request is next.

A stream declares one of the classes for its list; what one attempt to read the list
has come to is a `Walk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tap_partoo.errors import UnreadableResponseError
from tap_partoo.reading.numbers import (
    MAX_GROWTH_PAGES,
    PageNumbers,
    invalid_paging,
)
from tap_partoo.reading.pages import Page, object_of, rows_of

if TYPE_CHECKING:
    from tap_partoo.reading.pages import Position, Response, Slice


class Walk(Protocol):
    """Which pages one attempt to read a list asks for, as the responses report it."""

    @property
    def expected(self) -> int | None:
        """How many rows have to be seen; None where Partoo does not report it."""

    @property
    def last(self) -> int | None:
        """The number of the last page, where it is known."""

    @property
    def ended(self) -> bool:
        """Whether the page followed last is the last one."""

    @property
    def may_end_at_404(self) -> bool:
        """Whether a page that is not there is the end of a list that got shorter."""

    def ask(self) -> Position:
        """Return the next page to ask for; None where none can be asked for yet."""

    def follow(self, page: Page, position: Position, new: int) -> None:
        """Take in a page.

        Args:
            page: The page, in order.
            position: What was asked for.
            new: How many of its rows no page before it had.

        Raises:
            FatalAPIError: If it is another page, or if the list grows without end.
        """


class Paging(Protocol):
    """What a stream declares of its list."""

    @property
    def per_page(self) -> int | None:
        """The largest page that Partoo documents; None where no size may be sent."""

    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        """Return the query parameters of a page.

        Args:
            position: The page; None for the first.
            cap: The largest page that the user wants.
        """

    def read(self, response: Response) -> Page:
        """Make a page of a response.

        Raises:
            UnreadableResponseError: If it is none.
        """

    def walk(self, first: Page, of: Slice) -> Walk:
        """Start from the first page of an attempt."""


def _size(per_page: int | None, cap: int | None) -> dict[str, str]:
    if per_page is None:
        return {}
    return {"per_page": str(min(per_page, cap or per_page))}


@dataclass(frozen=True)
class NumberedPages:
    """Pages by number: `page`, `max_page`, `count` and the list.

    The documentation contradicts itself on whether they start at 0 or at 1, so that
    the first page is asked for without a number, and the response tells.

    Attributes:
        list_key: The name of the list in the envelope.
        per_page: See `Paging`.
        counters: Whether Partoo is sure to send the three figures. Where it is not and
            does not, the pages end at an empty one, or one without anything new.
    """

    list_key: str
    per_page: int | None
    counters: bool = True

    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        """See `Paging`."""
        number = {} if position is None else {"page": str(position)}
        return number | _size(self.per_page, cap)

    def read(self, response: Response) -> Page:
        """See `Paging`."""
        rows = rows_of(response.body, self.list_key)
        if not self.counters and "max_page" not in response.body:
            return Page(rows, response.snapshot_at, response.elapsed_seconds)
        return Page(
            rows,
            response.snapshot_at,
            response.elapsed_seconds,
            count=_figure(response.body, "count"),
            number=_figure(response.body, "page"),
            max_page=_figure(response.body, "max_page"),
        )

    def walk(self, first: Page, of: Slice) -> Walk:  # noqa: ARG002 - as `Paging`
        """See `Paging`."""
        return UncountedPages(first) if first.count is None else PageNumbers(first)


@dataclass(frozen=True)
class CursorPages:
    """Pages by cursor: `next_cursor`, `count` and the list.

    Attributes:
        list_key: The name of the list in the envelope.
        per_page: See `Paging`.
    """

    list_key: str
    per_page: int | None

    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        """See `Paging`."""
        cursor = {} if position is None else {"cursor": str(position)}
        return cursor | _size(self.per_page, cap)

    def read(self, response: Response) -> Page:
        """See `Paging`."""
        rows = rows_of(response.body, self.list_key)
        cursor = response.body.get("next_cursor")
        if cursor is not None and not isinstance(cursor, str | int):
            msg = "a page whose `next_cursor` is not a text"
            raise UnreadableResponseError(msg)
        count = response.body.get("count")
        return Page(
            rows,
            response.snapshot_at,
            response.elapsed_seconds,
            count=count if type(count) is int else None,
            next_cursor=None if cursor in {None, ""} else str(cursor),
        )

    def walk(self, first: Page, of: Slice) -> Walk:  # noqa: ARG002 - as `Paging`
        """See `Paging`."""
        return Cursors(first)


@dataclass(frozen=True)
class OneResponse:
    """A list, or an object, in a single response.

    Attributes:
        list_key: The name of the list; empty where the body itself is the only row.
    """

    list_key: str = ""
    per_page: int | None = None

    def params(
        self,
        position: Position,  # noqa: ARG002 - as `Paging`
        cap: int | None,  # noqa: ARG002
    ) -> dict[str, str]:
        """See `Paging`."""
        return {}

    def read(self, response: Response) -> Page:
        """See `Paging`."""
        rows = (
            rows_of(response.body, self.list_key)
            if self.list_key
            else [object_of(response.body)]
        )
        return Page(rows, response.snapshot_at, response.elapsed_seconds)

    def walk(self, first: Page, of: Slice) -> Walk:  # noqa: ARG002 - as `Paging`
        """See `Paging`."""
        return Ended()


@dataclass(frozen=True)
class MapPages:
    """Pages of an object by id instead of a list, without figures.

    Attributes:
        map_key: The name of the object in the envelope.
        id_name: What its keys are called in the rows.
        per_page: See `Paging`.
    """

    map_key: str
    id_name: str
    per_page: int | None

    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        """See `Paging`."""
        number = {} if position is None else {"page": str(position)}
        return number | _size(self.per_page, cap)

    def read(self, response: Response) -> Page:
        """See `Paging`."""
        entries = object_of(response.body).get(self.map_key)
        if not isinstance(entries, dict) or not all(
            isinstance(entry, dict) for entry in entries.values()
        ):
            msg = f"a page without an object of objects `{self.map_key}`"
            raise UnreadableResponseError(msg)
        rows = [
            {**entry, self.id_name: entry.get(self.id_name) or key}
            for key, entry in entries.items()
        ]
        return Page(rows, response.snapshot_at, response.elapsed_seconds)

    def walk(self, first: Page, of: Slice) -> Walk:
        """See `Paging`."""
        return MapWalk(self.id_name, of.asked, first)


def _figure(envelope: dict[str, Any], name: str) -> int:
    value = envelope.get(name)
    if type(value) is not int or value < 0:
        msg = f"a page whose `{name}` is not a number"
        raise UnreadableResponseError(msg)
    return value


class Ended:
    """The walk of a list in a single response."""

    expected = None
    last = 1
    ended = True
    may_end_at_404 = False

    def ask(self) -> Position:
        """See `Walk`."""
        return None

    def follow(self, page: Page, position: Position, new: int) -> None:
        """See `Walk`."""


class _OneByOne:
    """A walk that knows the next page only when it has the one before."""

    expected: int | None = None
    last = None
    may_end_at_404 = True

    def __init__(self) -> None:
        self._next: Position = None
        self._is_asked = False

    @property
    def ended(self) -> bool:
        return self._next is None

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

    def follow(self, page: Page, position: Position, new: int) -> None:
        """See `Walk`."""
        self._without_news = 0 if new else self._without_news + 1
        if self._without_news > MAX_GROWTH_PAGES:
            msg = f"more than {MAX_GROWTH_PAGES} in a row have nothing new"
            raise invalid_paging(msg)
        cursor = page.next_cursor
        self._go_on(None if cursor in self._seen else cursor)
        if cursor:
            self._seen.add(cursor)


class UncountedPages(_OneByOne):
    """The walk of numbered pages that say nothing of themselves."""

    def __init__(self, first: Page) -> None:
        """Start from the first page, which is taken for page 1."""
        super().__init__()
        self._number = 1

    def follow(self, page: Page, position: Position, new: int) -> None:
        """See `Walk`."""
        self._number += 1
        self._go_on(self._number if new else None)


class MapWalk(_OneByOne):
    """The walk of a map: it ends when all that was asked for came, or nothing new."""

    def __init__(self, id_name: str, asked: frozenset[str], first: Page) -> None:
        """Start from the first page, which is taken for page 1."""
        super().__init__()
        self._id_name = id_name
        self._missing = set(asked)
        self._number = 1

    def follow(self, page: Page, position: Position, new: int) -> None:
        """See `Walk`."""
        came = {row[self._id_name] for row in page.rows}
        is_news = bool(came & self._missing)
        self._missing -= came
        self._number += 1
        self._go_on(self._number if is_news and self._missing else None)
