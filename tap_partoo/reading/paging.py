"""How a response is turned into rows, and which request is next.

Each stream declares one of these classes for its list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_partoo.errors import UnreadableResponseError
from tap_partoo.reading.numbers import PageNumbers
from tap_partoo.reading.pages import Page, object_of, rows_of
from tap_partoo.reading.walks import Cursors, MapWalk, SinglePage, UncountedPages, Walk

if TYPE_CHECKING:
    from tap_partoo.reading.pages import Position, Response, Slice


class Paging(ABC):
    """How the list of a stream is divided into pages."""

    per_page: int | None
    """The maximum page size that Partoo documents; None if no size may be sent."""

    @abstractmethod
    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        """Return the query parameters of a page.

        Args:
            position: The page; None for the first.
            cap: The maximum page size that the user wants.
        """

    @abstractmethod
    def read(self, response: Response) -> Page:
        """Make a page from a response.

        Raises:
            UnreadableResponseError: If it is not a page.
        """

    @abstractmethod
    def walk(self, first: Page, part: Slice) -> Walk:
        """Start from the first page of an attempt."""


def _size(per_page: int | None, cap: int | None) -> dict[str, str]:
    if per_page is None:
        return {}
    return {"per_page": str(min(per_page, cap or per_page))}


@dataclass(frozen=True)
class NumberedPages(Paging):
    """Pages by number: `page`, `max_page`, `count` and the list.

    The documentation contradicts itself on whether they start at 0 or at 1. So the
    first page is requested without a number, and the response reports it.

    Attributes:
        list_key: The name of the list in the envelope.
        per_page: See `Paging`.
        counters: Whether Partoo always sends the three figures. If they are missing,
            the list ends at a page that is empty or has nothing new.
    """

    list_key: str
    per_page: int | None
    counters: bool = True

    @override
    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        number = {} if position is None else {"page": str(position)}
        return number | _size(self.per_page, cap)

    @override
    def read(self, response: Response) -> Page:
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

    @override
    def walk(self, first: Page, part: Slice) -> Walk:
        return UncountedPages() if first.count is None else PageNumbers(first)


@dataclass(frozen=True)
class CursorPages(Paging):
    """Pages by cursor: `next_cursor`, `count` and the list.

    Attributes:
        list_key: The name of the list in the envelope.
        per_page: See `Paging`.
    """

    list_key: str
    per_page: int | None

    @override
    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        cursor = {} if position is None else {"cursor": str(position)}
        return cursor | _size(self.per_page, cap)

    @override
    def read(self, response: Response) -> Page:
        rows = rows_of(response.body, self.list_key)
        cursor = response.body.get("next_cursor")
        if cursor is not None and not isinstance(cursor, str | int):
            msg = "a page whose `next_cursor` is not text"
            raise UnreadableResponseError(msg)
        count = response.body.get("count")
        return Page(
            rows,
            response.snapshot_at,
            response.elapsed_seconds,
            count=count if type(count) is int else None,
            next_cursor=None if cursor in {None, ""} else str(cursor),
        )

    @override
    def walk(self, first: Page, part: Slice) -> Walk:
        return Cursors(first)


@dataclass(frozen=True)
class OneResponse(Paging):
    """A list, or an object, in a single response.

    Attributes:
        list_key: The name of the list; empty if the body itself is the only row.
    """

    list_key: str = ""
    per_page: int | None = None

    @override
    def params(
        self,
        position: Position,
        cap: int | None,
    ) -> dict[str, str]:
        return {}

    @override
    def read(self, response: Response) -> Page:
        rows = (
            rows_of(response.body, self.list_key)
            if self.list_key
            else [object_of(response.body)]
        )
        return Page(rows, response.snapshot_at, response.elapsed_seconds)

    @override
    def walk(self, first: Page, part: Slice) -> Walk:
        return SinglePage()


@dataclass(frozen=True)
class MapPages(Paging):
    """Pages with an object by id instead of a list, and without `count`.

    Attributes:
        map_key: The name of the object in the envelope.
        id_name: The field of the rows that gets the keys of the object.
        per_page: See `Paging`.
    """

    map_key: str
    id_name: str
    per_page: int | None

    @override
    def params(self, position: Position, cap: int | None) -> dict[str, str]:
        number = {} if position is None else {"page": str(position)}
        return number | _size(self.per_page, cap)

    @override
    def read(self, response: Response) -> Page:
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

    @override
    def walk(self, first: Page, part: Slice) -> Walk:
        return MapWalk(self.id_name, part.requested_ids)


def _figure(envelope: dict[str, Any], name: str) -> int:
    value = envelope.get(name)
    if type(value) is not int or value < 0:
        msg = f"a page whose `{name}` is not a number"
        raise UnreadableResponseError(msg)
    return value
