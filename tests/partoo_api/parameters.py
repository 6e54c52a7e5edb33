"""The kinds of query parameters that the documentation has."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .resource import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from .row import Row

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def integer(text: str) -> int:
    """Parse an integer."""
    if not _INTEGER.fullmatch(text):
        message = "Not a valid integer."
        raise ValueError(message)
    return int(text)


def number(text: str) -> float:
    """Parse a number."""
    try:
        return float(text)
    except ValueError:
        message = "Not a valid number."
        raise ValueError(message) from None


def naive_time(text: str) -> float:
    """Parse a time in UTC without an offset; returns epoch seconds."""
    if not _NAIVE.fullmatch(text):
        message = "Not a valid datetime."
        raise ValueError(message)
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def day(text: str) -> float:
    """Parse a date, or a time without an offset; returns epoch seconds of the day."""
    if not (_DATE.fullmatch(text) or _NAIVE.fullmatch(text)):
        message = "Not a valid date."
        raise ValueError(message)
    return datetime.fromisoformat(text[:10]).replace(tzinfo=UTC).timestamp()


def one_of(*choices: str) -> Callable[[str], str]:
    """Parse one of these words."""

    def parse(text: str) -> str:
        if text not in choices:
            message = f"Not one of: {', '.join(choices)}."
            raise ValueError(message)
        return text

    return parse


def some_of(
    *choices: str, item: Callable[[str], Hashable] = str
) -> Callable[[str], frozenset[Hashable]]:
    """Parse words with commas in between: these, or any where none are given."""
    parse_item = one_of(*choices) if choices else item

    def parse(text: str) -> frozenset[Hashable]:
        return frozenset(parse_item(word) for word in text.split(","))

    return parse


def yes_no(text: str) -> bool:
    """Parse a boolean: some parameters are documented as `true`, others as `True`."""
    return one_of("true", "false", "True", "False")(text).lower() == "true"


def among(name: str, parse: Callable[[str], Any] | None = None) -> Parameter:
    """Want the field to be one of several values; looked up in an index."""
    return Parameter(parse or some_of(), field=name)


def none_of(name: str) -> Parameter:
    """Want the field to be none of several values."""
    return Parameter(some_of(), lambda row, values: row.value(name) not in values)


def equal(name: str, parse: Callable[[str], Any] = str) -> Parameter:
    """Want the field to have a value."""
    return Parameter(parse, lambda row, value: row.record.get(name) == value)


def overlapping(name: str, parse: Callable[[str], Any]) -> Parameter:
    """Want the array to hold one of several values."""

    def passes(row: Row, values: frozenset[object]) -> bool:
        found = row.record.get(name)
        return isinstance(found, list) and any(each in values for each in found)

    return Parameter(parse, passes)


def containing(*names: str) -> Parameter:
    """Want one of the fields to contain a text, in either case."""

    def passes(row: Row, text: str) -> bool:
        found = " ".join(str(row.record.get(name) or "") for name in names)
        return text.casefold() in found.casefold()

    return Parameter(str, passes)


def is_null(name: str) -> Parameter:
    """Want the field to be null, or not to be."""
    return Parameter(yes_no, lambda row, null: (row.record.get(name) is None) == null)


def starting(parse: Callable[[str], float]) -> Parameter:
    """Want the moment of the row to be this one or later."""
    return Parameter(parse, bound="from")


def ending(parse: Callable[[str], float]) -> Parameter:
    """Want the moment of the row to be this one or earlier."""
    return Parameter(parse, bound="to")


def of_organization() -> Parameter:
    """Want rows of one organisation; rows that name none belong to each."""
    return Parameter(integer, lambda row, org: row.value("org_id") in {org, None})


def without_effect(parse: Callable[[str], Any] = str) -> Parameter:
    """Accept a documented parameter that changes nothing here."""
    return Parameter(parse)
