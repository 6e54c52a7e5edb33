"""Accounts with reviews, the requests to them, and a target's copy."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.every import records_of
from tests.partoo_api import Account, make_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.every import Record
    from tests.partoo_api import StandIn
    from tests.tap import Run

NAME = "reviews"


def account_with(count: int, **fields: Any) -> Account:
    """Return an account with reviews of the last 1000 days.

    Args:
        count: How many.
        fields: Fields that all of them have.
    """
    account = Account(make_keys(3))
    account[NAME].fill(count, each=[fields] * count)
    return account


def account_with_times(times: Sequence[datetime]) -> Account:
    """Return an account with a review that was updated at each of these times."""
    account = Account(make_keys(3))
    spelled = [time.isoformat() for time in times]
    dates = [
        {"date": text, "update_date": text, "state": "treated"} for text in spelled
    ]
    account[NAME].fill(len(times), each=dates)
    return account


def age(account: Account, review_id: int, **ago: float) -> None:
    """Set when a review was written and updated."""
    text = (account.now() - timedelta(**ago)).isoformat()
    account[NAME].edit(review_id, date=text, update_date=text)


def ids_of(account: Account) -> list[int]:
    """Return the ids of the reviews, the deleted ones included."""
    return [row["id"] for row in account[NAME].rows()]


def ids_in(run: Run) -> list[int]:
    """Return the ids of the reviews that a run emits, in order."""
    return [record["id"] for record in records_of(run, NAME)]


def bounds_in(api: StandIn) -> list[tuple[str | None, str | None]]:
    """Return the ranges that were requested, in order, without the pass."""
    asked = [
        (r.query.get("update_date__gte"), r.query.get("update_date__lte"))
        for r in api.requests
        if r.path == "/v2/reviews" and "state__in" not in r.query
    ]
    return list(dict.fromkeys(asked))


class Mirror:
    """A target's table: records by id; old versions are removed on demand."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[int, Record] = {}
        self._versions: dict[int, int | None] = {}

    def load(self, run: Run) -> None:
        """Load the messages of a run."""
        for message in run.messages:
            if message.get("stream") != NAME:
                continue
            if message["type"] == "RECORD":
                key = message["record"]["id"]
                self.rows[key] = message["record"]
                self._versions[key] = message.get("version")
            elif message["type"] == "ACTIVATE_VERSION":
                version = message["version"]
                for key in [k for k, v in self._versions.items() if v != version]:
                    del self.rows[key], self._versions[key]
