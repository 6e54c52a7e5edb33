"""What rows are made from: random values, the clock, and what the account has."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .account import Account
    from .row import Record

T = TypeVar("T")

LANGUAGES = ("fr", "en", "es", "it", "pt-br", "de", "ar", "nl", "pl", "cs", "ca", "sk")
_ZONES = {hours: timezone(timedelta(hours=hours)) for hours in range(-12, 13)}
ORGANIZATION = 42
_PACE = (1, 1, 1, 1, 1, 1, 2, 7)  # some ids are skipped


class Scene:
    """What the rows of a resource are made from.

    Attributes:
        rng: The source of random values.
        now: The time by the account's clock.
        count: How many rows are made.
        fresh: Whether the row is made now, rather than part of a history.
        id: The number of the row, for resources whose ids are numbers.
    """

    def __init__(
        self,
        account: Account,
        count: int,
        *,
        seed: int | None,
        fresh: bool,
        now: datetime | None,
    ) -> None:
        """Store the account."""
        self.rng = account.rng if seed is None else random.Random(seed)
        self.now = now or account.now()
        self.count = count
        self.fresh = fresh
        self.id = 0
        self._account = account
        self._rows: dict[str, list[Record]] = {}
        self._businesses: dict[str | None, list[Record]] = {}

    def below(self, limit: int) -> int:
        """Return a number below the limit: several times as fast as `randrange`."""
        return int(self.rng.random() * limit)

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return choices[self.below(len(choices))]

    def step(self) -> int:
        """Return how far the next id is."""
        return self.pick(_PACE)

    def businesses(self, product: str | None = None) -> list[Record]:
        """Return the businesses of the account, or those with an active subscription.

        Those of "google" are present there and linked. An account without businesses
        is taken to have ten.
        """
        if product not in self._businesses:
            rows = self.rows("businesses")
            if product == "google":
                present = self.businesses("presence_management")
                rows = [row for row in present if row.get("google_location_id", "new")]
            elif product:
                rows = [row for row in rows if subscribed(row, product)]
            rows = rows or [{"id": business_id(n), "name": "Shop"} for n in range(10)]
            self._businesses[product] = rows
        return self._businesses[product]

    def business_id(self, product: str | None = None) -> str:
        """Return the id of one of them."""
        found: str = self.pick(self.businesses(product))["id"]
        return found

    def rows(self, name: str) -> list[Record]:
        """Return the rows of another resource, as they were at first."""
        if name not in self._rows:
            self._rows[name] = [row.record for row in self._account[name]]
        return self._rows[name]

    def moment(self, index: int, days: float = 1000) -> datetime:
        """Return a time: they ascend through so many days until now; now if fresh."""
        if self.fresh:
            return self.now
        share = (index % self.count + self.rng.random()) / self.count
        ago = timedelta(days=days * (1 - share))
        return self.now - ago

    def later(self, moment: datetime, days: float = 30) -> datetime:
        """Return a time within so many days after a moment, but not after now."""
        span = min(timedelta(days=days), self.now - moment)
        return moment + span * self.rng.random()


def subscribed(business: Record, product: str) -> bool:
    """Return whether a business has a subscription; unknown ones have."""
    try:
        return business["subscriptions"][product]["active"] is True
    except (KeyError, TypeError):
        return True


def business_id(number: int) -> str:
    """Return the id of a made-up business."""
    return f"5409c35a97bbc544d8e2{number:04x}"


def user_id(number: int) -> str:
    """Return the id of a made-up user."""
    return f"5309c3a237bbc544d8e2{number:04x}"


def offset_time(moment: datetime, hours: int = 2) -> str:
    """Write `2017-08-01T19:15:54.256000+02:00`."""
    return moment.astimezone(_ZONES[hours]).isoformat(timespec="microseconds")


def spaced_time(moment: datetime) -> str:
    """Write `2023-01-31 16:22:17.327878+00:00`."""
    return moment.astimezone(UTC).isoformat(" ", timespec="microseconds")


def seconds_time(moment: datetime) -> str:
    """Write `2024-10-25T15:12:11+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def zulu_time(moment: datetime) -> str:
    """Write `2024-11-27T16:10:44.929678Z`."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"
