"""Where a run starts: the rules, without any clock or state of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def lower_bound(
    bookmark: str | None,
    lookback_days: int,
    start_date: str | None,
    earliest: datetime | None,
) -> datetime | None:
    """Return from when on Partoo is asked for rows; None is from the beginning.

    Args:
        bookmark: RFC 3339 or `YYYY-MM-DD`; None in a first or a FULL_TABLE run.
        lookback_days: How many days before the bookmark are read again.
        start_date: RFC 3339; holds in every run.
        earliest: Where a run begins that has neither.
    """
    bounds = []
    if bookmark:
        bounds.append(as_datetime(bookmark) - timedelta(days=lookback_days))
    if start_date:
        bounds.append(as_datetime(start_date))
    return max(bounds) if bounds else earliest


def as_datetime(text: str) -> datetime:
    """Return the instant of a canonical bookmark, which may be a date.

    What is before 1970, such as the year 1 by which some systems mean "never", is 1970:
    Partoo has nothing older, and what a run subtracts from it remains a date.
    """
    at = datetime.fromisoformat(text)
    return max(at if at.tzinfo else at.replace(tzinfo=UTC), _EARLIEST)
