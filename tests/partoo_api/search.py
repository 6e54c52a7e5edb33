"""Finding the rows that a request asks for, by indexes made when they are needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from .habits import Habits
    from .resource import Parameter, Resource, Values
    from .row import Row

T = TypeVar("T")

_KEPT = 16


class Search:
    """The rows of a resource until one of them changes."""

    def __init__(self, resource: Resource, rows: list[Row]) -> None:
        """Start without any index."""
        self._resource = resource
        self._rows = rows
        self._kept: dict[Hashable, Any] = {}

    def passing(self, values: Values, habits: Habits) -> Sequence[Row]:
        """Give the rows that pass the filters, in order."""
        if not values:
            return self._rows
        name = ("passing", frozenset(values.items()), habits)
        return self._keep(name, lambda: self._filtered(values, habits))

    def _filtered(self, values: Values, habits: Habits) -> Sequence[Row]:
        parameters = self._resource.parameters
        chosen = [
            (parameters[name], values[name]) for name in values if name in parameters
        ]
        order = str(values.get("order_by", ""))
        by_moment = order and order.lstrip("-") == self._resource.moment_order
        rows: Sequence[Row] = self._rows
        for parameter, value in chosen:
            if parameter.field:
                rows = self._rows_among(parameter.field, value, within=rows)
        rows = self._in_range(chosen, habits, rows, sort=not by_moment)
        for parameter, value in chosen:
            if passes := parameter.passes:
                rows = [row for row in rows if passes(row, value)]
        return self._sorted(rows, order, habits) if order else rows

    def _rows_among(
        self, name: str, value: object, within: Sequence[Row]
    ) -> Sequence[Row]:
        values = value if isinstance(value, frozenset) else {value}
        if within is not self._rows:
            return [row for row in within if row.value(name) in values]
        index = self.index(name)
        found = [row for each in values for row in index.get(each, ())]
        return sorted(found, key=_place) if len(values) > 1 else found

    def _in_range(
        self,
        chosen: list[tuple[Parameter, Any]],
        habits: Habits,
        rows: Sequence[Row],
        *,
        sort: bool,
    ) -> Sequence[Row]:
        bounds = {p.bound: value for p, value in chosen if p.bound}
        if not bounds or not habits.filters_dates:
            return rows
        low = bounds.get("from", float("-inf"))
        high = bounds.get("to", float("inf"))
        if rows is not self._rows:
            moments = [(self._moment(row, habits), row) for row in rows]
            return [row for m, row in moments if m is not None and low <= m <= high]
        moments_, dated, _ = self.timeline(habits)
        found = dated[bisect_left(moments_, low) : bisect_right(moments_, high)]
        return sorted(found, key=_place) if sort else found

    def _sorted(self, rows: Sequence[Row], order: str, habits: Habits) -> Sequence[Row]:
        name, descending = order.lstrip("-"), order.startswith("-")
        if name != self._resource.moment_order:
            by = self._resource.orders[name]
            return sorted(
                rows, key=lambda row: _rank(row.value(by)), reverse=descending
            )
        if rows is self._rows:
            _, dated, undated = self.timeline(habits)
            return (dated[::-1] if descending else dated) + undated

        def rank(row: Row) -> tuple[bool, float]:
            moment = self._moment(row, habits)
            sign = -1 if descending else 1
            return moment is None, sign * (moment or 0)

        return sorted(rows, key=rank)

    def _moment(self, row: Row, habits: Habits) -> float | None:
        return self._resource.moment and self._resource.moment(row.record, habits)

    def timeline(self, habits: Habits) -> tuple[list[float], list[Row], list[Row]]:
        """Give the sorted moments, the rows in that order, and those without one."""

        def make() -> tuple[list[float], list[Row], list[Row]]:
            self._number()
            pairs = [(self._moment(row, habits), row) for row in self._rows]
            dated = [(moment, row) for moment, row in pairs if moment is not None]
            dated.sort(key=lambda pair: pair[0])
            undated = [row for moment, row in pairs if moment is None]
            return [m for m, _ in dated], [row for _, row in dated], undated

        line: tuple[list[float], list[Row], list[Row]]
        line = self._keep(("timeline", habits), make)
        return line

    def index(self, name: str) -> dict[Hashable, list[Row]]:
        """Give the rows by the value of a field."""

        def make() -> dict[Hashable, list[Row]]:
            self._number()
            index: dict[Hashable, list[Row]] = {}
            for row in self._rows:
                index.setdefault(row.value(name), []).append(row)
            return index

        index: dict[Hashable, list[Row]] = self._keep(("index", name), make)
        return index

    def _number(self) -> None:
        for place, row in enumerate(self._rows):
            row.place = place

    def _keep(self, name: Hashable, make: Callable[[], T]) -> T:
        """Give what is kept under a name until a row changes; made when it is not."""
        kept: T = self._kept.pop(name) if name in self._kept else make()
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]  # unused for the longest time
        self._kept[name] = kept
        return kept


def _place(row: Row) -> int:
    return row.place


def _rank(value: object) -> tuple[int, float, str]:
    """Sort numbers before texts, and nulls last."""
    if value is None:
        return 2, 0, ""
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, str(value)
