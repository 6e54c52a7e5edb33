"""The rows of one resource: changed by tests, read by the server."""

from __future__ import annotations

import copy
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal

from .habits import Habits
from .row import Record, Row, View
from .scene import Scene
from .search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from datetime import datetime

    from .account import Account
    from .data import Key
    from .resource import Resource, Values

Order = Literal["id", "newest", "random"]
RowKey = Any
"""The value of a primary key; a tuple where it has several fields."""


class Table:
    """The rows of one resource, in the order of the list.

    Every method is safe while the server runs. Records are copies.
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
        self._search = Search(resource, self._rows)

    def rows(self) -> list[Record]:
        """Return all rows as they are stored; the responses are made from them."""
        with self._lock:
            return [copy.deepcopy(row.record) for row in self._rows]

    def get(self, key: RowKey) -> Record:
        """Return a row; `KeyError` when there is none."""
        with self._lock:
            return copy.deepcopy(self.find(key).record)

    def __iter__(self) -> Iterator[Row]:
        """Return the rows themselves."""
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
        self,
        count: int,
        *,
        seed: int = 0,
        now: datetime | None = None,
        each: Iterable[Record] | None = None,
    ) -> None:
        """Make rows with the variety of a real account, the same for the same seed.

        Args:
            count: How many.
            seed: The seed of the random values.
            now: When their history ends.
            each: Fields of each of them.
        """
        with self._lock:
            scene = self.scene(count, seed=seed, now=now)
            fields = each or repeat({}, count)
            made = [self._make(scene, some_skipped=True) | those for those in fields]
            self.extend(Row(record, self._hidden(scene)) for record in made)

    def extend(self, rows: Iterable[Row]) -> None:
        """Store many rows, by ascending id, and put them in order."""
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
            row = Row(copy.deepcopy(record), self._hidden(self.scene(1, fresh=True)))
            place = self._new_place() if index is None else index
            self._count_id(row.record)
            self._rows.insert(place, row)
            self._changed()

    def edit(self, key: RowKey, /, **fields: Any) -> Record:
        """Change only these fields of a row: an edit has no timestamp."""
        with self._lock:
            self.find(key).change(copy.deepcopy(fields))
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

    def prepare(self, habits: Habits | None = None) -> None:
        """Make the JSON and the order by time in advance, for a fast first read."""
        with self._lock:
            for row in self._rows:
                row.json()
            if self.resource.moment:
                self._search.timeline(habits or Habits())

    def find(self, key: RowKey) -> Row:
        """Return the row itself; `KeyError` when there is none."""
        names = self.resource.key
        wanted = key if isinstance(key, tuple) else (key,)
        for row in self._rows:
            if tuple(row.record.get(name) for name in names) == wanted:
                return row
        raise KeyError(key)

    def with_value(self, name: str, value: Hashable) -> list[Row]:
        """Return the rows whose field has a value; found by an index."""
        with self._lock:
            return self._search.index(name).get(value, [])

    def scene(
        self,
        count: int = 1,
        *,
        seed: int | None = None,
        fresh: bool = False,
        now: datetime | None = None,
    ) -> Scene:
        """Return what a row is made from."""
        return Scene(self._account, count, seed=seed, fresh=fresh, now=now)

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
            place: Takes their number, and returns which of them to return.
            view: In which form.

        Returns:
            The number of all that pass, and the JSON of the requested ones.
        """
        with self._lock:
            rows = self._search.passing(values, habits)
            return len(rows), [row.json(view) for row in rows[place(len(rows))]]

    def units(self, values: Values, habits: Habits) -> list[bytes]:
        """Return what is listed instead of the rows that pass the filters."""
        make = self.resource.units
        with self._lock:
            rows = self._search.passing(values, habits)
            return make([row.record for row in rows]) if make else []

    def _changed(self) -> None:
        self.version += 1
        self._search = Search(self.resource, self._rows)

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
