"""Types of columns for the spellings that are Partoo's own, beside the SDK's."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th


class EpochSeconds(th.DateTimeType):
    """A point in time that Partoo sends as seconds since 1970, whole or not."""


class JSONText(th.StringType):
    """A value of free or mixed shape, which leaves as the text of its JSON."""


class TextOrJSON(th.StringType):
    """A text that leaves as it is; whatever else comes leaves as the text of its JSON.

    For a field of which only its text is documented.
    """


class OneOrMany(th.ArrayType[Any]):
    """An array of which Partoo sends a single item without the brackets."""


def strings() -> th.ArrayType[Any]:
    """Return the type of an array of texts."""
    return th.ArrayType(th.StringType(nullable=True))
