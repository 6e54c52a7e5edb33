"""Where a run starts: pure rules, without a clock or state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def lower_bound(
    bookmark: str | None,
    lookback_days: int,
    start_date: str | None,
    earliest: datetime | None,
) -> datetime | None:
    """Return the time from which rows are requested; None is the beginning.

    Args:
        bookmark: RFC 3339 or `YYYY-MM-DD`; None in a first or a FULL_TABLE run.
        lookback_days: How many days before the bookmark are read again.
        start_date: RFC 3339; applies to every run.
        earliest: Where a run without either of them starts.
    """
    bounds = []
    if bookmark:
        bounds.append(as_datetime(bookmark) - timedelta(days=lookback_days))
    if start_date:
        bounds.append(as_datetime(start_date))
    return max(bounds) if bounds else earliest


def as_datetime(text: str) -> datetime:
    """Return a canonical bookmark, which may be a date, as a datetime.

    Anything before 1970 becomes 1970: some systems use the year 1 for "never", Partoo
    has nothing older, and a lookback can still be subtracted.
    """
    at = datetime.fromisoformat(text)
    return max(at if at.tzinfo else at.replace(tzinfo=UTC), _EARLIEST)
