"""Column types for Partoo's own formats, in addition to the SDK's types."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th


class EpochSeconds(th.DateTimeType):
    """A point in time that Partoo sends as seconds since 1970, whole or not."""


class JSONText(th.StringType):
    """A value of any or mixed shape, which is emitted as JSON text."""


class TextOrJSON(th.StringType):
    """Text is emitted as it is, and any other value as JSON text.

    For a field that is only documented as text.
    """


class OneOrMany(th.ArrayType[Any]):
    """An array; Partoo may send a single item without the brackets."""


def strings() -> th.ArrayType[Any]:
    """Return the type of an array of texts."""
    return th.ArrayType(th.StringType(nullable=True))
