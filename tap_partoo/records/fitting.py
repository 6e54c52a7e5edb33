"""Makes each record fit the declared columns, so that any target can load it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.exceptions import FatalSyncError

from tap_partoo.records.converting import BY_CLASS
from tap_partoo.records.types import OneOrMany
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping, Sequence

    Convert = Callable[[Any], Any]
    Step = tuple[str, Convert | None]
    """The name of a field, and its converter; None leaves the field out."""

MAX_SHAPES = 1000

SECRET_NAMES = frozenset({"api_key", "password", "token"})
"""Never emitted by any stream: a response may contain a secret one day."""


class Fitter:
    """Fits the records of one run of a stream to its columns.

    A value of another type is converted where nothing is lost; otherwise it becomes
    null. Such values, and fields that are not declared, are reported once per run, by
    their path.
    """

    def __init__(
        self,
        stream: str,
        columns: th.ObjectType,
        *,
        keys: Sequence[str],
        left_out: Collection[str] = (),
        watched: Collection[str] = (),
    ) -> None:
        """Read the columns.

        Args:
            stream: The name of the stream, for messages.
            columns: Their types by name.
            keys: The primary keys; an item without one is an error.
            left_out: Paths of fields that are left out without a warning; `*` is all.
            watched: Columns whose unreadable values are noted in `unreadable`.
        """
        self.unreadable: set[int] = set()
        """The `id()` of each record of this page that lost the value of a watched
        column."""
        self._watched = frozenset(watched)
        self._stream = stream
        self._keys = keys
        self._known = frozenset(left_out) | SECRET_NAMES
        self._row: Mapping[str, Any] = {}
        self._unfit: Counter[str] = Counter()
        self._first_unfit: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._fit = _Object(columns, "", self).fit

    def fit_page(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make the items of one page fit the columns.

        Args:
            rows: The items; changed in place.

        Raises:
            FatalSyncError: If a primary key is missing.
        """
        self.unreadable.clear()
        fit, keys = self._fit, self._keys
        for row in rows:
            self._row = row
            fit(row)
            for key in keys:
                if row.get(key) is None:
                    raise without_key(self._stream, key)
        return rows

    def note_unfit(self, path: str, row: Mapping[str, Any] | None = None) -> None:
        """Count a value that became null, by default one of the row being fitted."""
        row = self._row if row is None else row
        if path in self._watched:
            self.unreadable.add(id(row))
        if not self._unfit[path]:
            values = (redact.quote(str(row.get(key))) for key in self._keys)
            self._first_unfit[path] = ", ".join(values)
        self._unfit[path] += 1

    def note_unknown(self, path: str) -> None:
        """Remember a field that is not declared."""
        if self._known.isdisjoint({"*", path, path.rpartition(".")[2]}):
            self._unknown.add(redact.quote(path))

    def report(self, logger: logging.Logger) -> None:
        """Warn of all that did not fit: paths and counts, but no value that did not."""
        for path, count in self._unfit.items():
            logger.warning(
                "%s.%s: %d value(s) do not fit the schema and became null, the first "
                "with %s %s",
                self._stream,
                path,
                count,
                ", ".join(self._keys),
                self._first_unfit[path],
            )
        if self._unknown:
            logger.warning(
                "%s: Partoo sends fields that this version does not know and leaves "
                "out: %s",
                self._stream,
                redact.quote(", ".join(sorted(self._unknown))),
            )


def without_key(stream: str, key: str) -> FatalSyncError:
    """Return the error for an item whose primary key cannot be used."""
    return FatalSyncError(
        f"Partoo listed an item of `{stream}` without a usable `{key}`, its primary "
        "key. Nothing can be loaded without it; report it to Partoo."
    )


class _Object:
    """Fits the objects at one place of the records, or the records themselves.

    What to do depends on the names and types of a row only, and few rows differ in
    these: to look it up is three times as fast as to check each value.
    """

    def __init__(self, declared: th.ObjectType, path: str, fitter: Fitter) -> None:
        self._path = path
        self._fitter = fitter
        self._plan: dict[str, tuple[type, Convert]] = {
            name: _converter(item.wrapped, f"{path}{name}", fitter)
            for name, item in declared.wrapped.items()
        }
        self._shapes: dict[tuple[object, ...], list[Step]] = {}

    def fit(self, row: object) -> dict[str, Any]:
        if type(row) is not dict:
            raise ValueError
        shape = (*row, *map(type, row.values()))
        try:
            steps = self._shapes[shape]
        except KeyError:
            steps = self._steps(row)
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[shape] = steps
        for name, convert in steps:
            if convert is None:
                del row[name]
                continue
            try:
                row[name] = convert(row[name])
            except ValueError:
                self._fitter.note_unfit(f"{self._path}{name}")
                row[name] = None
        return row

    def _steps(self, row: Mapping[str, Any]) -> list[Step]:
        """Return which values of such rows to convert, and which to leave out."""
        steps: list[Step] = []
        for name, value in row.items():
            if name not in self._plan:
                self._fitter.note_unknown(f"{self._path}{name}")
                steps.append((name, None))
            elif value is not None:
                kind, convert = self._plan[name]
                if type(value) is not kind:
                    steps.append((name, convert))
        return steps


def _converter(
    declared: th.JSONTypeHelper[Any] | type[th.JSONTypeHelper[Any]],
    path: str,
    fitter: Fitter,
) -> tuple[type, Convert]:
    """Return the Python type that is kept at a path, and the converter for others."""
    if isinstance(declared, th.ObjectType):
        return type(None), _Object(declared, f"{path}.", fitter).fit
    if isinstance(declared, th.ArrayType):
        wrapped = declared.wrapped_type
        kind, convert = _converter(wrapped, f"{path}[]", fitter)
        nullable = bool(getattr(wrapped, "nullable", False))
        single = isinstance(declared, OneOrMany)
        return type(None), _array_of(kind, convert, nullable=nullable, single=single)
    return BY_CLASS[declared if isinstance(declared, type) else type(declared)]


def _array_of(kind: type, convert: Convert, *, nullable: bool, single: bool) -> Convert:
    usual = {kind, type(None)} if nullable else {kind}

    def fit(value: object) -> list[Any]:
        if not isinstance(value, list):
            if not single:
                raise ValueError
            value = [value]
        if not value or usual.issuperset(map(type, value)):
            return value
        return [
            item if type(item) is kind or (nullable and item is None) else convert(item)
            for item in value
        ]

    return fit
