"""Converts values from Partoo where nothing is lost, and refuses all others.

Each function takes a value that is not null, and raises ValueError if it does not fit.
This is the only place that maps types to conversions: types of the SDK and of `types`
by their class, types of a catalog by type and format of the JSON schema.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk import typing as th

from tap_partoo.records.timestamps import to_date, to_utc
from tap_partoo.records.types import EpochSeconds, JSONText, TextOrJSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _any_as_string(value: object) -> str:
    is_json = isinstance(value, bool | list | dict)
    return _json_text(value) if is_json else _string(value)


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdecimal():
        return int(value)
    raise ValueError


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.strip("-.0123456789") == "":
        number = float(value)
        if isfinite(number):  # a number with hundreds of digits is not
            return number
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


def _epoch_seconds(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC).isoformat()
        except (OverflowError, OSError) as error:  # beyond the years, or the clock
            raise ValueError(str(error)) from None
    raise ValueError


def _json_text(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, RecursionError) as error:  # contains what could not be decoded
        raise ValueError(str(error)) from None


def _text_or_json(value: object) -> str:
    return value if isinstance(value, str) else _json_text(value)


def _array(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ValueError


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError


_ALWAYS = type(None)
"""A type that no value has here: every value is converted."""

BY_CLASS: Mapping[type, tuple[type, Callable[[Any], Any]]] = {
    th.StringType: (str, _string),
    th.IntegerType: (int, _integer),
    th.NumberType: (float, _number),
    th.BooleanType: (bool, _boolean),
    th.DateTimeType: (_ALWAYS, _date_time),
    th.DateType: (_ALWAYS, _date),
    EpochSeconds: (_ALWAYS, _epoch_seconds),
    JSONText: (_ALWAYS, _json_text),
    TextOrJSON: (str, _text_or_json),
}
"""By class: the Python type that is kept as it is, and the converter for others."""

BY_SCHEMA: Mapping[tuple[str, str | None], Callable[[Any], Any]] = {
    ("string", None): _any_as_string,
    ("string", "date-time"): _date_time,
    ("string", "date"): _date,
    ("integer", None): _integer,
    ("number", None): _number,
    ("boolean", None): _boolean,
    ("array", None): _array,
    ("object", None): _object,
}
"""By type and format of a catalog: the converter for what the tap would emit."""
