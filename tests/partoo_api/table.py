"""The rows of one resource: changed by tests, read by the server."""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .row import Record, Row, View
from .scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from .account import Account
    from .data import Key
    from .habits import Habits
    from .resource import Parameter, Resource, Values

T = TypeVar("T")
Order = Literal["id", "newest", "random"]
RowKey = Any
"""The value of a primary key; a tuple where it has several fields."""

_KEPT = 16


class Table:
    """The rows of one resource, in the order of the list.

    Every method is safe while the server answers. Records come as copies.
    """

    def __init__(self, account: Account, resource: Resource) -> None:
        """Start without rows."""
        self.resource = resource
        self._account = account
        self._lock = account.lock
        self._rows: list[Row] = []
        self._made = 0
        self._last_id = resource.first_id - 1
        self.version = 0
        self._kept: dict[Hashable, Any] = {}

    def rows(self) -> list[Record]:
        """Give all rows as they are stored: what the API answers is made of them."""
        with self._lock:
            return [copy.deepcopy(row.record) for row in self._rows]

    def get(self, key: RowKey) -> Record:
        """Give a row; `KeyError` when there is none."""
        with self._lock:
            return copy.deepcopy(self.find(key).record)

    def __iter__(self) -> Iterator[Row]:
        """Give the rows themselves."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def add(self, **fields: Any) -> Record:
        """Make a row now, as something new in the account, with these fields."""
        with self._lock:
            scene = self.scene(self._made + 1, fresh=True)
            record = self._make(scene) | fields
            self.insert(record)
            if self.resource.added:
                self.resource.added(self._account, record)
            return copy.deepcopy(record)

    def fill(
        self, count: int, *, seed: int = 0, each: Iterable[Record] | None = None
    ) -> None:
        """Make rows with the variety of a real account, the same for the same seed.

        Args:
            count: How many.
            seed: Decides what is left to chance.
            each: Fields that each of them is to have.
        """
        with self._lock:
            scene = self.scene(count, seed=seed)
            fields = each or repeat({}, count)
            made = [self._make(scene, some_skipped=True) | those for those in fields]
            self.extend(Row(record, self._hidden(scene)) for record in made)

    def extend(self, rows: Iterable[Row]) -> None:
        """Take over many rows, by ascending id, and put them in order."""
        with self._lock:
            new = list(rows)
            for row in new:
                self._count_id(row.record)
            if self._account.order == "random":
                self._account.rng.shuffle(new)
            newest_first = self._account.order == "newest"
            self._rows = new[::-1] + self._rows if newest_first else self._rows + new
            self._changed()

    def insert(self, record: Record, index: int | None = None) -> None:
        """Add a record as it is, of any shape, at this place of the list.

        Without an index it goes where a new row goes.
        """
        with self._lock:
            row = Row(dict(record), self._hidden(self.scene(1, fresh=True)))
            place = self._new_place() if index is None else index
            self._count_id(row.record)
            self._rows.insert(place, row)
            self._changed()

    def edit(self, key: RowKey, **fields: Any) -> Record:
        """Change fields of a row and nothing else: an edit leaves no trace of when."""
        with self._lock:
            self.find(key).change(fields)
            self._changed()
            return self.get(key)

    def drop(self, key: RowKey, *names: str) -> None:
        """Leave fields out of a row."""
        with self._lock:
            row = self.find(key)
            for name in names:
                del row.record[name]
            row.change({})
            self._changed()

    def delete(self, key: RowKey) -> None:
        """Remove a row."""
        with self._lock:
            self._rows.remove(self.find(key))
            self._changed()

    def clear(self) -> None:
        """Remove all rows."""
        with self._lock:
            self._rows.clear()
            self._changed()

    def find(self, key: RowKey) -> Row:
        """Give the row itself; `KeyError` when there is none."""
        names = self.resource.key
        wanted = key if isinstance(key, tuple) else (key,)
        for row in self._rows:
            if tuple(row.record.get(name) for name in names) == wanted:
                return row
        raise KeyError(key)

    def with_value(self, name: str, value: Hashable) -> list[Row]:
        """Give the rows whose field has a value; found by an index."""
        with self._lock:
            return self._index(name).get(value, [])

    def scene(
        self, count: int, *, seed: int | None = None, fresh: bool = False
    ) -> Scene:
        """Give what a row is made from."""
        return Scene(self._account, count, seed=seed, fresh=fresh)

    def select(
        self,
        values: Values,
        habits: Habits,
        place: Callable[[int], slice],
        view: View | None = None,
    ) -> tuple[int, list[bytes]]:
        """Count the rows that pass the filters and give some of them.

        Args:
            values: The parameters of the request.
            habits: How they are understood.
            place: Told their number, which of them to give.
            view: In which form.

        Returns:
            The number of all that pass, and the JSON of those asked for.
        """
        with self._lock:
            rows = self._passing(values, habits)
            return len(rows), [row.json(view) for row in rows[place(len(rows))]]

    def units(self, values: Values, habits: Habits) -> list[bytes]:
        """Give what is listed instead of the rows that pass the filters."""
        make = self.resource.units
        with self._lock:
            rows = self._passing(values, habits)
            return make([row.record for row in rows]) if make else []

    def _passing(self, values: Values, habits: Habits) -> Sequence[Row]:
        if not values:
            return self._rows
        name = ("passing", frozenset(values.items()), habits)
        return self._keep(name, lambda: self._filtered(values, habits))

    def _filtered(self, values: Values, habits: Habits) -> Sequence[Row]:
        parameters = self.resource.parameters
        chosen = [
            (parameters[name], values[name]) for name in values if name in parameters
        ]
        order = str(values.get("order_by", ""))
        by_moment = order and order.lstrip("-") == self.resource.moment_order
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
            return [row for row in within if row.record.get(name) in values]
        index = self._index(name)
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
        moments_, dated, _ = self._timeline(habits)
        found = dated[bisect_left(moments_, low) : bisect_right(moments_, high)]
        return sorted(found, key=_place) if sort else found

    def _sorted(self, rows: Sequence[Row], order: str, habits: Habits) -> Sequence[Row]:
        name, descending = order.lstrip("-"), order.startswith("-")
        if name != self.resource.moment_order:
            by = self.resource.orders[name]
            return sorted(
                rows, key=lambda row: _rank(row.record.get(by)), reverse=descending
            )
        if rows is self._rows:
            _, dated, undated = self._timeline(habits)
            return (dated[::-1] if descending else dated) + undated

        def rank(row: Row) -> tuple[bool, float]:
            moment = self._moment(row, habits)
            sign = -1 if descending else 1
            return moment is None, sign * (moment or 0)

        return sorted(rows, key=rank)

    def _moment(self, row: Row, habits: Habits) -> float | None:
        return self.resource.moment and self.resource.moment(row.record, habits)

    def _timeline(self, habits: Habits) -> tuple[list[float], list[Row], list[Row]]:
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

    def _index(self, name: str) -> dict[Hashable, list[Row]]:
        def make() -> dict[Hashable, list[Row]]:
            self._number()
            index: dict[Hashable, list[Row]] = {}
            for row in self._rows:
                value = row.record.get(name)
                if not isinstance(value, list | dict):
                    index.setdefault(value, []).append(row)
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

    def _changed(self) -> None:
        self.version += 1
        self._kept.clear()

    def _make(self, scene: Scene, *, some_skipped: bool = False) -> Record:
        self._last_id += scene.step() if some_skipped else 1
        scene.id = self._last_id
        record = self.resource.make(scene, self._made)
        self._made += 1
        return record

    def _hidden(self, scene: Scene) -> Key | None:
        return self.resource.hidden(scene) if self.resource.hidden else None

    def _count_id(self, record: Record) -> None:
        if isinstance(number := record.get("id"), int) and number > self._last_id:
            self._last_id = number

    def _new_place(self) -> int:
        order = self._account.order
        if order == "newest":
            return 0
        if order == "random":
            return self._account.rng.randint(0, len(self._rows))
        return len(self._rows)


def _place(row: Row) -> int:
    return row.place


def _rank(value: object) -> tuple[int, float, str]:
    """Sort numbers before texts, and nulls last."""
    if value is None:
        return 2, 0, ""
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, str(value)
