"""Finds the requested rows, with indexes that are made when they are needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from .habits import Habits
    from .resource import Parameter, Resource, Values
    from .row import Row

T = TypeVar("T")

_KEPT = 16


class _Line(NamedTuple):
    """Rows in the order of time: their moments, the rows, and those without one."""

    moments: list[float]
    dated: list[Row]
    undated: list[Row]


class Search:
    """The rows of a resource until one of them changes."""

    def __init__(self, resource: Resource, rows: list[Row]) -> None:
        """Start without any index."""
        self._resource = resource
        self._rows = rows
        self._kept: dict[Hashable, Any] = {}
        self._numbered = False

    def passing(self, values: Values, habits: Habits) -> Sequence[Row]:
        """Return the rows that pass the filters, in order."""
        if not values:
            return self._rows
        name = ("passing", frozenset(values.items()), habits)
        return self._keep(name, lambda: self._filtered(values, habits))

    def _filtered(self, values: Values, habits: Habits) -> Sequence[Row]:
        parameters = self._resource.parameters
        chosen: list[tuple[Parameter, Any]] = [
            (parameters[name], values[name]) for name in values if name in parameters
        ]
        order = str(values.get("order_by", ""))
        rows: Sequence[Row] = self._rows
        for parameter, value in chosen:
            if parameter.field:
                rows = self._rows_among(parameter.field, value, within=rows)
        bounds = {p.bound: value for p, value in chosen if p.bound is not None}
        if not habits.filters_dates:
            bounds.clear()
        by_moment = bool(order) and order.lstrip("-") == self._resource.moment_order
        if by_moment or bounds:
            rows = self._in_time(rows, bounds, habits, order if by_moment else "")
        for parameter, value in chosen:
            if passes := parameter.passes:
                rows = [row for row in rows if passes(row, value)]
        return rows if by_moment or not order else self._sorted(rows, order)

    def _rows_among(
        self, name: str, value: object, within: Sequence[Row]
    ) -> Sequence[Row]:
        values = value if isinstance(value, frozenset) else {value}
        if within is not self._rows:
            return [row for row in within if row.value(name) in values]
        index = self.index(name)
        found = [row for each in values for row in index.get(each, ())]
        return sorted(found, key=lambda row: row.place) if len(values) > 1 else found

    def _in_time(
        self,
        rows: Sequence[Row],
        bounds: dict[Literal["from", "to"], Any],
        habits: Habits,
        order: str,
    ) -> Sequence[Row]:
        """Return the rows between the bounds: in an order of time, or as they stand."""
        whole = rows is self._rows
        line = self.timeline(habits) if whole else self._line(rows, habits)
        found, undated = line.dated, line.undated
        if bounds:
            first = bisect_left(line.moments, bounds.get("from", float("-inf")))
            last = bisect_right(line.moments, bounds.get("to", float("inf")))
            found, undated = found[first:last], []
        if not order:
            return sorted(found, key=lambda row: row.place)
        return (found[::-1] if order.startswith("-") else found) + undated

    def timeline(self, habits: Habits) -> _Line:
        """Return all rows in the order of time."""
        return self._keep(("timeline", habits), lambda: self._line(self._rows, habits))

    def _line(self, rows: Sequence[Row], habits: Habits) -> _Line:
        self._number()
        moment = self._resource.moment
        pairs = [(moment(row.record, habits) if moment else None, row) for row in rows]
        dated = [(time, row) for time, row in pairs if time is not None]
        dated.sort(key=lambda pair: pair[0])
        undated = [row for time, row in pairs if time is None]
        return _Line([time for time, _ in dated], [row for _, row in dated], undated)

    def _sorted(self, rows: Sequence[Row], order: str) -> Sequence[Row]:
        field = self._resource.orders[order.lstrip("-")]
        descending = order.startswith("-")
        return sorted(rows, key=lambda row: _rank(row.value(field)), reverse=descending)

    def index(self, name: str) -> dict[Hashable, list[Row]]:
        """Return the rows by the value of a field."""

        def make() -> dict[Hashable, list[Row]]:
            self._number()
            index: dict[Hashable, list[Row]] = {}
            for row in self._rows:
                index.setdefault(row.value(name), []).append(row)
            return index

        index: dict[Hashable, list[Row]] = self._keep(("index", name), make)
        return index

    def _number(self) -> None:
        if not self._numbered:
            for place, row in enumerate(self._rows):
                row.place = place
            self._numbered = True

    def _keep(self, name: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under a name until a row changes; made when it is not."""
        kept: T = self._kept.pop(name) if name in self._kept else make()
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]  # unused for the longest time
        self._kept[name] = kept
        return kept


def _rank(value: object) -> tuple[int, float, str]:
    """Sort numbers before texts, and nulls last."""
    if value is None:
        return 2, 0, ""
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, str(value)
