"""A page of a list, and a request that can get one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tap_partoo.errors import UnreadableResponseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_partoo.reading.paging import Paging

Position = int | str | None
"""Of a page in its list: a number or a cursor; None is the first, whatever it is."""


class Response(Protocol):
    """What a page is read from."""

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON can be anything
        """The decoded body."""

    @property
    def snapshot_at(self) -> str:
        """What came in after this may not be in it: RFC 3339 in UTC."""

    @property
    def elapsed_seconds(self) -> float:
        """How long the response took to begin."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    rows: list[dict[str, Any]]
    snapshot_at: str
    elapsed_seconds: float
    count: int | None = None
    """How many resources the whole list has, where Partoo reports it."""
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
    """A range that was divided, and what its parts have reported."""

    count: int
    reported: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """One query of those that make up a list, in pages of its own."""

    path: str
    paging: Paging
    params: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    """What it is of, for messages: empty for the whole list."""
    range: Range | None = None
    """Which part of the list's time it is, where it is a range."""
    moves_bookmark: bool = False
    """Whether the bookmark moves when it is complete, before the list is."""
    waits: bool = False
    """Whether it is asked for only when all before it were read: it looks for what has
    changed meanwhile, which a page that was fetched ahead would miss."""
    is_child: bool = False
    """Whether a refusal is one of this query alone, and does not end the list."""
    fill: Mapping[str, Any] = field(default_factory=dict)
    """Values of the query that its rows take where they lack them."""
    asked: frozenset[str] = frozenset()
    """The ids that are asked for, where the query names them."""
    given: list[dict[str, Any]] | None = None
    """The rows, where they are known and nothing is to be asked for."""
    if_refused: list[dict[str, Any]] = field(default_factory=list)
    """The rows that are emitted where Partoo refuses the query."""


def rows_of(body: object, list_key: str) -> list[dict[str, Any]]:
    """Return the list of objects in an envelope.

    Raises:
        UnreadableResponseError: If there is none, which is never read as "no data".
    """
    envelope = object_of(body)
    rows = envelope.get(list_key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"a page without a list of objects `{list_key}`"
        raise UnreadableResponseError(msg)
    return rows


def object_of(body: object) -> dict[str, Any]:
    """Return a body that has to be an object.

    Raises:
        UnreadableResponseError: If it is something else.
    """
    if not isinstance(body, dict):
        msg = "JSON that is no object instead of data"
        raise UnreadableResponseError(msg)
    return body


def objects_in(item: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the list of objects in an item; empty where it has none.

    Raises:
        UnreadableResponseError: If it is something else.
    """
    return rows_of(item, name) if item.get(name) is not None else []
