"""How many requests a run makes, and the minimum for its rows.

`python -m tests.request_counts` writes docs/requests.md.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tests.in_process import run_here
from tests.partoo_api import Account, StandIn, make_keys
from tests.partoo_api.resources.presence import PUBLISHERS
from tests.selected import asked_twice, bookmark_of, catalog_of
from tests.tap import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.tap import Run

PAGE = ROOT / "docs" / "requests.md"
UNPACED = {"requests_per_minute": 1_000_000}
NIGHTLY = (
    "api_keys",
    "businesses",
    "groups",
    "presence_metrics",
    "publisher_states",
    "reviews",
    "sections",
    "users",
)
DAY = timedelta(days=1)
THREE_YEARS = 1095 * DAY
DAYS_OF_HISTORY = 545
"""The last 18 months, without the days that Google has not delivered yet."""


class StillAccount(Account):
    """An account for which no time passes, so that the counts are the same each time.

    It is half past twelve today: on another day, a stream by days would need an extra
    request to find out that the clock of this machine is wrong.
    """

    @override
    def now(self) -> datetime:
        noon = datetime.now(UTC).replace(hour=12, minute=30, second=0, microsecond=0)
        return noon + self.clock_offset


@dataclass(frozen=True)
class Counts:
    """The requests of one run.

    Attributes:
        asked: The number of requests.
        minimum: The number of pages that the rows need.
        twice: The requests that were made more than once.
        records: How many records were emitted.
        rows: How many rows the pages have.
    """

    asked: int
    minimum: int
    twice: list[tuple[str, dict[str, str]]]
    records: int
    rows: int


@dataclass(frozen=True)
class Case:
    """A run whose requests are counted.

    Attributes:
        title: What is read, for the page.
        measure: Reads it.
        bound: The maximum number of requests.
        limit: The same in words.
        note: How a large account is simulated by a small one.
    """

    title: str
    measure: Callable[[], Counts]
    bound: Callable[[Counts], float]
    limit: str
    note: str = field(default="")

    @property
    def row(self) -> str:
        """The line of the table."""
        counts = self.measure()
        cells = (
            self.title,
            f"{counts.asked:,}",
            f"{counts.minimum:,}",
            f"{counts.asked / counts.minimum:.3f}",
            self.limit,
        )
        return f"| {' | '.join(cells)} |"


def reviews_account(count: int, *, since: timedelta = THREE_YEARS) -> StillAccount:
    """Return an account with reviews that are spread evenly until now."""
    account = StillAccount(make_keys(3))
    fill_reviews(account, count, since)
    return account


def fill_reviews(account: Account, count: int, since: timedelta) -> None:
    """Add reviews that are spread evenly until now."""
    start = account.now() - since
    times = [(start + since * (n + 0.5) / count).isoformat() for n in range(count)]
    each = [{"date": text, "update_date": text} for text in times]
    account["reviews"].fill(count, now=account.now(), each=each)
    account["reviews"].prepare()


def pages(rows: int, per_page: int) -> int:
    """Return how many pages rows need; an empty list needs one, too."""
    return max(ceil(rows / per_page), 1)


def deleted(account: Account) -> int:
    """Count the reviews that the pass for deleted ones lists."""
    return sum(row.record["state"] == "deleted" for row in account["reviews"])


def count(
    account: Account,
    *names: str,
    sizes: Mapping[str, int],
    per_page: int | None = None,
    state: Mapping[str, Any] | None = None,
) -> tuple[Counts, Run]:
    """Run the tap once.

    Args:
        account: The account to read.
        names: The streams.
        sizes: How many rows each list has that the run needs.
        per_page: The setting.
        state: The state of the previous run.
    """
    settings = UNPACED | ({"per_page": per_page} if per_page else {})
    with StandIn(account, counting_seconds=0) as api:
        run = run_here(api, config=settings, state=state, catalog=catalog_of(*names))
        twice = asked_twice(api) if len(api.requests) < 1000 else repeated(api)
    default = {"presence_metrics": 500, "sections": 30}
    minimum = sum(
        pages(rows, per_page or default.get(name, 100)) for name, rows in sizes.items()
    )
    records = run.stdout.count(b'"type":"RECORD"')
    return Counts(len(api.requests), minimum, twice, records, sum(sizes.values())), run


def repeated(api: StandIn) -> list[tuple[str, dict[str, str]]]:
    """Return the requests that were made more than once, of very many."""
    seen = Counter(
        (request.path, tuple(sorted(request.query.items()))) for request in api.requests
    )
    return [(path, dict(query)) for (path, query), times in seen.items() if times > 1]


@cache
def first_reviews(rows: int, per_page: int) -> Counts:
    """Read the reviews of an account for the first time."""
    account = reviews_account(rows)
    sizes = {"reviews": rows, "the pass for deleted ones": deleted(account)}
    return count(account, "reviews", sizes=sizes, per_page=per_page)[0]


@cache
def first_metrics(businesses: int, per_page: int) -> Counts:
    """Read the presence metrics of 18 months for the first time."""
    account = StillAccount(make_keys(3))
    account.fill("businesses", businesses, now=account.now())
    present = len(account["businesses"].scene().businesses("presence_management"))
    rows = present * DAYS_OF_HISTORY
    account.fill("presence_metrics", rows, now=account.now())
    sizes = {"presence_metrics": rows}
    return count(account, "presence_metrics", sizes=sizes, per_page=per_page)[0]


@cache
def nightly(businesses: int, reviews: int) -> Counts:
    """Read what a nightly run reads, a day after a first run.

    Args:
        businesses: How many stores there are.
        reviews: How many reviews of the last 60 days.
    """
    account = StillAccount(make_keys(50))
    account.clock_offset = -2 * DAY  # neither run is in the future for the tap
    users = 3 * businesses
    for name, rows in (
        ("sections", 4),
        ("groups", 9),
        ("businesses", businesses),
        ("users", users),
    ):
        account.fill(name, rows, now=account.now())
    fill_reviews(account, reviews, 60 * DAY)
    present = len(account["businesses"].scene().businesses("presence_management"))
    account.fill("presence_metrics", 40 * present, now=account.now())
    account.fill("publisher_states", len(PUBLISHERS) * present, now=account.now())
    before = count(account, *NIGHTLY, sizes={})[1]
    account.clock_offset += DAY
    sizes = {
        "api_keys": 50,
        "businesses": businesses,
        "presence_metrics": _since(account, "presence_metrics", before, 10 * DAY),
        "publisher_states": present,
        "reviews": _since(account, "reviews", before, 30 * DAY),
        "the pass for deleted ones": deleted(account),
        "sections": 4,  # the groups come with them
        "users": users,
    }
    return count(account, *NIGHTLY, sizes=sizes, state=before.state)[0]


def _since(account: Account, name: str, before: Run, lookback: timedelta) -> int:
    """Count the rows that a run has to read again, and those that are new."""
    key = {"reviews": "update_date", "presence_metrics": "date"}[name]
    low = _time(bookmark_of(before, name) or "") - lookback
    return sum(_time(row.record[key]) >= low for row in account[name])


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _times(factor: float) -> Callable[[Counts], float]:
    return lambda counts: factor * counts.minimum


def _fixed(number: int) -> Callable[[Counts], float]:
    return lambda _: number


def _more(number: int) -> Callable[[Counts], float]:
    return lambda counts: counts.minimum + number


CASES = (
    Case(
        "First run of `reviews`: 1,000 reviews",
        lambda: first_reviews(1000, 100),
        _fixed(12),
        "12",
    ),
    Case(
        "First run of `reviews`: 500,000 reviews of three years",
        lambda: first_reviews(10_000, 2),
        _times(1.05),
        "1.05 times",
        "10,000 reviews, 2 a page",
    ),
    Case(
        "First run of `presence_metrics`: 10 stores, 18 months",
        lambda: first_metrics(10, 500),
        _fixed(30),
        "30",
    ),
    Case(
        "First run of `presence_metrics`: 2,000 stores, 18 months",
        lambda: first_metrics(40, 10),
        _times(1.05),
        "1.05 times",
        "40 stores, 10 rows a page",
    ),
    Case(
        "Nightly run of 8 streams: 10 stores",
        lambda: nightly(10, 100),
        _more(15),
        "15 more",
    ),
    Case(
        "Nightly run of 8 streams: 2,000 stores",
        lambda: nightly(2000, 27_400),
        _more(15),
        "15 more",
        "only reviews of the last 60 days, at the rate of 500,000 in three years",
    ),
)

INTRODUCTION = """\
<!-- Made by `python -m tests.request_counts`, which the tests check. -->

# How many requests a run makes

Partoo allows 300 requests per minute for all integrations of an organisation together.
So the number of requests is the cost of a run. The tests count them with a stand-in for
Partoo; *minimum* is the number of pages that the requested rows need, including the
extra pass for deleted reviews.

| Run | Requests | Minimum | Ratio | Allowed |
| --- | ---: | ---: | ---: | --- |
"""
END = """\
The 8 streams of a nightly run are {streams}. It is the first run of the next day: it
reads the last 30 days of reviews and the last 10 days of metrics again. The businesses
that `publisher_states` needs, and the sections that contain the groups, are read once.

Why there are more requests than the minimum: a list of more than 100 pages is divided
by time into parts of about 60 pages, and the last page of each part is not full. This
takes two more requests to find the first row and the number of pages, and half a
request for each part. In return, an interrupted first run can be resumed: if a first
run of 500,000 reviews is killed after half of its requests, the next run makes at most
55 % of the requests of a full run. `api_keys`, `users`, `businesses` and the other
lists are never divided: they take one request per page.

Large accounts were counted with fewer rows on smaller pages, which gives the same
number of pages: {notes}.
"""


def page(row: Callable[[Case], str] = lambda case: case.row) -> str:
    """Return the page for users.

    Args:
        row: Returns the line of a case.
    """
    rows = "\n".join(map(row, CASES))
    end = END.format(
        streams=", ".join(f"`{name}`" for name in NIGHTLY),
        notes="; ".join(case.note for case in CASES if case.note),
    )
    paragraphs = [
        textwrap.fill(" ".join(each.split()), 88, break_on_hyphens=False)
        for each in end.split("\n\n")
    ]
    return "\n\n".join([f"{INTRODUCTION}{rows}", *paragraphs]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
