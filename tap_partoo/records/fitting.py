"""Makes each record fit the declared schema, so that any loader can take it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalSyncError

from tap_partoo.errors import InputError
from tap_partoo.records.timestamps import to_date, to_utc

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

MAX_SHAPES = 1000

_Step = tuple[str, "Callable[[Any], Any] | None"]
"""The name of a field, and how to convert its value; None leaves it out."""

SECRET_NAMES = frozenset({"api_key", "key", "token"})
"""Never emitted: Partoo matches `search_text` against the secret value of a key, so
that an answer may come to hold it one day."""


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdecimal():
        return int(value)
    raise ValueError


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ValueError


def _date_time(value: object) -> str | None:
    if isinstance(value, str):
        return to_utc(value) if value else None
    raise ValueError


def _date(value: object) -> str | None:
    if isinstance(value, str):
        return to_date(value) if value else None
    raise ValueError


def _strings(value: object) -> list[str | None]:
    if isinstance(value, list):
        if {*map(type, value)} <= {str, type(None)}:
            return value
        return [None if item is None else _string(item) for item in value]
    raise ValueError


_CONVERTERS: Mapping[tuple[str, str | None], tuple[type, Callable[[Any], Any]]] = {
    ("string", None): (str, _string),
    ("string", "date-time"): (type(None), _date_time),
    ("string", "date"): (type(None), _date),
    ("integer", None): (int, _integer),
    ("boolean", None): (bool, _boolean),
    ("array", None): (type(None), _strings),
}
"""By type and format: the Python type to leave alone, and what to do with others."""


class Fitter:
    """Fits the records of one run of a stream to its schema.

    A value of another type is converted where nothing is lost; otherwise it becomes
    null. Both that and fields that the schema does not have are counted, and reported
    once per run.
    """

    def __init__(
        self,
        stream: str,
        properties: Mapping[str, Any],
        *,
        keys: Sequence[str],
    ) -> None:
        """Read the schema.

        Args:
            stream: The name of the stream, for messages.
            properties: JSON schemas of the fields by name.
            keys: The primary keys; an item without one is an error.

        Raises:
            InputError: If a property has a type that the tap does not emit.
        """
        self._stream = stream
        self._keys = keys
        self._plan = {
            name: _converter(stream, name, definition)
            for name, definition in properties.items()
            if name not in SECRET_NAMES
        }
        self._shapes: dict[tuple[object, ...], list[_Step]] = {}
        self._unfit: Counter[str] = Counter()
        self._first_unfit: dict[str, Any] = {}
        self._unknown: set[str] = set()

    def fit(self, row: dict[str, Any]) -> dict[str, Any]:
        """Make an item fit the schema.

        Args:
            row: One item of an answer; changed in place.

        Returns:
            The same.

        Raises:
            FatalSyncError: If a primary key is missing.
        """
        # The names and types of a row decide what is to be done, and few rows differ in
        # them: to look that up is three times as fast as to look at each value.
        shape = (*row, *map(type, row.values()))
        steps = self._shapes.get(shape)
        if steps is None:
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
                self._count_unfit(name, row)
                row[name] = None
        return row

    def _steps(self, row: Mapping[str, Any]) -> list[_Step]:
        """Return which values of such rows to convert, and which to leave out."""
        if missing := [key for key in self._keys if row.get(key) is None]:
            raise self._without(missing[0])
        steps: list[_Step] = []
        for name, value in row.items():
            if name not in self._plan:
                self._unknown.add(name)
                steps.append((name, None))
            else:
                kind, convert = self._plan[name]
                if value is not None and type(value) is not kind:
                    steps.append((name, convert))
        return steps

    def _count_unfit(self, name: str, row: Mapping[str, Any]) -> None:
        if name in self._keys:
            raise self._without(name)
        if not self._unfit[name]:
            self._first_unfit[name] = [row.get(key) for key in self._keys]
        self._unfit[name] += 1

    def _without(self, key: str) -> FatalSyncError:
        return FatalSyncError(
            f"Partoo listed an item of `{self._stream}` without a usable `{key}`, its "
            "primary key. Nothing can be loaded without it; report it to Partoo."
        )

    def report(self, logger: logging.Logger) -> None:
        """Warn once of all that did not fit: names and figures, never a value."""
        for name, count in self._unfit.items():
            first = ", ".join(map(str, self._first_unfit[name]))
            logger.warning(
                "%s.%s: %d value(s) do not fit the schema and became null, the first "
                "with %s %s",
                self._stream,
                name,
                count,
                ", ".join(self._keys),
                first,
            )
        if self._unknown:
            logger.warning(
                "%s: Partoo sends fields that this version does not know and leaves "
                "out: %s",
                self._stream,
                ", ".join(sorted(self._unknown)),
            )


def _converter(
    stream: str,
    name: str,
    definition: Mapping[str, Any],
) -> tuple[type, Callable[[Any], Any]]:
    types = definition.get("type", [])
    kinds = [types] if isinstance(types, str) else [t for t in types if t != "null"]
    step = _CONVERTERS.get((kinds[0], definition.get("format"))) if kinds else None
    if step is None or len(kinds) != 1:
        msg = (
            f"The catalog gives `{stream}.{name}` a type that the tap does not emit. "
            "Discover the catalog again (in Meltano with `--refresh-catalog`)."
        )
        raise InputError(msg)
    return step
