"""Partoo's dates and times, as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

import msgspec


# The times of one record are often the same: it has not changed since it was created.
@lru_cache(maxsize=16)
def to_utc(text: str) -> str:
    """Return a point in time as RFC 3339 in UTC.

    As text, the results sort in the order of time: all have the same offset, and a
    fraction has six digits or is left out if it is zero.

    Args:
        text: ISO 8601 in any form that Partoo, Meltano or a person uses, such as
            `2018-03-12 11:49:03.399475+00`. Without an offset it is UTC.

    Raises:
        ValueError: If the text is not a date, or not in the years 1 to 9999 in UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip().upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elif moment.tzinfo is not UTC:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(str(error)) from error
    # As `isoformat`, in an eighth of its time.
    return str(msgspec.to_builtins(moment)).replace("Z", "+00:00")


def to_date(text: str) -> str:
    """Return a day as `YYYY-MM-DD`; a time of day is cut off.

    Args:
        text: ISO 8601, a date or a date with a time.

    Raises:
        ValueError: If the text is not a date.
    """
    return date.isoformat(datetime.fromisoformat(text.strip()).date())
