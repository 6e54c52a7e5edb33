"""A page of a list, and the query that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tap_partoo.errors import UnreadableResponseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_partoo.reading.paging import Paging

Position = int | str | None
"""The position of a page in its list: a number or a cursor; None is the first page."""


class Response(Protocol):
    """The response that a page is made from."""

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON can be anything
        """The decoded body."""

    @property
    def snapshot_at(self) -> str:
        """Later changes may be missing from it: RFC 3339 in UTC."""

    @property
    def elapsed_seconds(self) -> float:
        """Time until the response began."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    rows: list[dict[str, Any]]
    snapshot_at: str
    elapsed_seconds: float
    count: int | None = None
    """How many rows the whole list has, if Partoo reports it."""
    number: int | None = None
    max_page: int | None = None
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A range of times, both bounds included; None is no bound."""

    low: datetime | None
    high: datetime | None
    division: Division | None = None


@dataclass(slots=True)
class Division:
    """A divided range: its number of rows, and what its parts have reported so far."""

    count: int
    reported: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """One of the queries that make up a list; each has its own pages."""

    path: str
    paging: Paging
    params: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    """Its name in messages; empty for the whole list."""
    range: Range | None = None
    """The range of times, if the query is limited to one."""
    moves_bookmark: bool = False
    """Whether the bookmark moves when this query is complete, before the list is."""
    waits: bool = False
    """Whether it is sent only after all previous queries were read: it looks for what
    has changed meanwhile, which a page fetched ahead would miss."""
    is_child: bool = False
    """Whether a refusal concerns this query alone, and does not end the list."""
    fill: Mapping[str, Any] = field(default_factory=dict)
    """Values of the query that its rows get where they have none."""
    requested_ids: frozenset[str] = frozenset()
    """The ids that are requested, if the query names them."""
    known_rows: list[dict[str, Any]] | None = None
    """The rows, if they are known already: nothing is requested."""
    if_refused: list[dict[str, Any]] = field(default_factory=list)
    """The rows to emit if Partoo refuses the query."""


def rows_of(body: object, list_key: str) -> list[dict[str, Any]]:
    """Return the list of objects in an envelope.

    Raises:
        UnreadableResponseError: If there is none; that never counts as "no data".
    """
    envelope = object_of(body)
    rows = envelope.get(list_key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"a page without a list of objects `{list_key}`"
        raise UnreadableResponseError(msg)
    return rows


def object_of(body: object) -> dict[str, Any]:
    """Return a body, which must be an object.

    Raises:
        UnreadableResponseError: If it is something else.
    """
    if not isinstance(body, dict):
        msg = "JSON that is not an object instead of data"
        raise UnreadableResponseError(msg)
    return body


def objects_in(item: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the list of objects in an item; empty if it has none.

    Raises:
        UnreadableResponseError: If it is something else.
    """
    return rows_of(item, name) if item.get(name) is not None else []
