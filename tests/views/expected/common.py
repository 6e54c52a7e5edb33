"""What the rows of the views have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.views.account import NOW

Row = dict[str, Any]

AT = NOW.replace(tzinfo=None)
TODAY = AT.date()


def utc(text: str | None) -> datetime | None:
    """A time as the loader stores it."""
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def share(part: int, whole: int) -> Decimal:
    return rounded(Decimal(part) / whole, "0.0001")


def rounded(number: Decimal, unit: str) -> Decimal:
    return number.quantize(Decimal(unit), ROUND_HALF_UP)
