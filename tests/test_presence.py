"""Presence by day: which days a run reads, and where the next one starts."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalSyncError

from tests import tap
from tests.in_process import run_here
from tests.partoo_api import Account, StandIn, faults, whole_account
from tests.selected import asked, bookmark_of, catalog_of, records_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.partoo_api import LoggedRequest

NAME = "presence_metrics"
PATH = "/presence_analytics/metrics"
CATALOG = catalog_of(NAME)
DAY = timedelta(days=1)
UNLIMITED = {"requests_per_minute": 100_000}

Key = tuple[str, str]


def noon(days: int = 0) -> datetime:
    """Today, so many days later, far from midnight."""
    now = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return now + timedelta(days=days)


def account_of(**given: Any) -> Account:
    defaults = {"businesses": 4, "reviews": 0, "conversations": 0, "now": noon()}
    return whole_account(**{**defaults, **given})


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(account_of()) as stand_in:
        yield stand_in


def today(api: StandIn) -> date:
    return api.account.now().date()


def keys(api: StandIn, since: date = date.min) -> set[Key]:
    """The rows of the account from a day on."""
    rows = api.account[NAME].rows()
    return {
        (row["business_id"], row["date"])
        for row in rows
        if date.fromisoformat(row["date"]) >= since
    }


def keys_of(run: tap.Run) -> set[Key]:
    """What a run has emitted, each once."""
    listed = [(row["business_id"], row["date"]) for row in records_of(run, NAME)]
    assert len(listed) == len(set(listed))
    return set(listed)


def add_day(api: StandIn, day: date) -> None:
    """Let figures of all businesses come in for a day."""
    table = api.account[NAME]
    for business in {row["business_id"] for row in table.rows()}:
        table.add(business_id=business, date=day.isoformat())


def bounds(api: StandIn) -> list[tuple[str, str]]:
    """The ranges that were requested, in order, without repeats."""
    ranges = [
        (each.query["filter_date__gte"], each.query["filter_date__lte"])
        for each in asked(api, PATH)
    ]
    return list(dict.fromkeys(ranges))


def spelled(day: date) -> str:
    return f"{day}T00:00:00"


def run(api: StandIn, state: Mapping[str, Any] | None = None, **config: Any) -> tap.Run:
    api.requests.clear()
    return run_here(api, config={**UNLIMITED, **config}, state=state, catalog=CATALOG)


def test_a_first_run_goes_back_18_months_and_ends_yesterday(api: StandIn) -> None:
    first = run(api)
    assert keys_of(first) == keys(api)
    begin, end = today(api) - timedelta(days=548), today(api) - DAY
    assert bounds(api) == [(spelled(begin), spelled(end))]
    [schema] = first.of_type("SCHEMA")
    assert schema["key_properties"] == ["business_id", "date"]


def test_the_bookmark_is_the_newest_day_with_rows(api: StandIn) -> None:
    newest = today(api) - 3 * DAY
    assert max(day for _, day in keys(api)) == newest.isoformat()
    assert bookmark_of(run(api), NAME) == newest.isoformat()


def test_the_next_day_reads_eleven_old_days_and_the_new_one(api: StandIn) -> None:
    state = run(api).state
    newest = today(api) - 3 * DAY
    api.clock_offset += DAY
    add_day(api, newest + DAY)
    second = run(api, state)
    days = {newest + DAY - number * DAY for number in range(12)}
    assert {day for _, day in keys_of(second)} == {day.isoformat() for day in days}
    assert keys_of(second) == keys(api, newest - 10 * DAY)
    expected = spelled(newest - 10 * DAY), spelled(today(api) - DAY)
    assert bounds(api)[-1] == expected
    assert bookmark_of(second, NAME) == (newest + DAY).isoformat()


def test_figures_that_google_corrects_within_ten_days_arrive(api: StandIn) -> None:
    state = run(api).state
    newest = today(api) - 3 * DAY
    business = next(iter(keys(api)))[0]
    for days in (10, 11):
        day = (newest - days * DAY).isoformat()
        api.account[NAME].edit((business, day), call_clicks=424242)
    corrected = [
        row["date"]
        for row in records_of(run(api, state), NAME)
        if row["call_clicks"] == 424242
    ]
    assert corrected == [(newest - 10 * DAY).isoformat()]


def test_an_empty_day_is_read_again_until_it_has_rows(api: StandIn) -> None:
    state = run(api).state
    newest = today(api) - 3 * DAY
    for _ in range(20):  # an outage at Google
        api.clock_offset += DAY
    second = run(api, state)
    assert bookmark_of(second, NAME) == newest.isoformat()
    for number in range(1, 21):
        add_day(api, newest + number * DAY)
    third = run(api, second.state)
    assert keys_of(third) == keys(api, newest - 10 * DAY)
    assert bookmark_of(third, NAME) == (newest + 20 * DAY).isoformat()


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_nothing_before_start_date_is_asked_for(api: StandIn, method: str) -> None:
    start = today(api) - 6 * DAY
    full = [NAME] if method == "FULL_TABLE" else []
    state = run(api).state  # whose bookmark less lookback lies before
    api.requests.clear()
    begun = run_here(
        api,
        config={"start_date": f"{start}T08:30:00Z"},
        state=state,
        catalog=catalog_of(NAME, full_table=full),
    )
    assert keys_of(begun) == keys(api, start)
    assert bounds(api) == [(spelled(start), spelled(today(api) - DAY))]


@pytest.mark.parametrize("missing", ["business_id", "date"])
def test_a_row_without_its_key_is_an_error(api: StandIn, missing: str) -> None:
    def drop(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        del rows[7][missing]
        return rows

    api.faults.add(faults.change_list(drop), path=PATH, times=None)
    with pytest.raises(FatalSyncError, match=f"without a usable `{missing}`"):
        run(api)


# A range with more than 100 pages.


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("start", ["", "T17:45:00"], ids=["18 months", "start_date"])
def test_a_long_range_is_divided_without_a_gap(
    api: StandIn, start: str, concurrency: int
) -> None:
    first = date.fromisoformat(min(day for _, day in keys(api)))
    config: dict[str, Any] = {"concurrency": concurrency, "per_page": 1}
    if start:  # with a time of day, and later than the first rows
        config["start_date"] = f"{first + 2 * DAY}{start}"
    divided = run(api, **config)
    assert keys_of(divided) == keys(api, first + 2 * DAY if start else date.min)
    whole, *parts = bounds(api)
    assert len(parts) > 1
    read = sorted(
        part for part in parts if not any(_inside(other, part) for other in parts)
    )
    assert read[0][0] == whole[0]
    assert read[-1][1] == whole[1]
    for (_, end), (begin, _) in pairwise(read):
        assert _day(begin) == _day(end) + DAY
    assert bookmark_of(divided, NAME) == max(day for _, day in keys(api))


def _inside(inner: tuple[str, str], outer: tuple[str, str]) -> bool:
    return inner != outer and outer[0] <= inner[0] and inner[1] <= outer[1]


def _day(bound: str) -> date:
    return datetime.fromisoformat(bound).date()


def test_a_day_in_the_future_does_not_take_the_bookmark_along(api: StandIn) -> None:
    future = faults.change_list(lambda rows: [{**rows[0], "date": "2099-01-01"}, *rows])
    api.faults.add(future, path=PATH)
    assert bookmark_of(run(api), NAME) == (today(api) - DAY).isoformat()


def test_each_part_moves_the_bookmark_behind_its_rows(api: StandIn) -> None:
    seen: set[Key] = set()
    bookmarks = []
    for message in run(api, per_page=1).messages:
        if message["type"] == "RECORD":
            seen.add((message["record"]["business_id"], message["record"]["date"]))
        elif message["type"] == "STATE" and message["value"]["bookmarks"][NAME]:
            bookmark = message["value"]["bookmarks"][NAME]["replication_key_value"]
            assert seen >= {key for key in keys(api) if key[1] <= bookmark}
            bookmarks.append(bookmark)
    assert len(set(bookmarks)) > 2
    assert bookmarks == sorted(bookmarks)


def test_a_killed_first_run_resumes(api: StandIn, tmp_path: Path) -> None:
    config: dict[str, Any] = {"api_key": "demo-key", "api_url": api.url, "per_page": 1}
    config |= UNLIMITED | {"concurrency": 1}
    arguments = tap.arguments(tmp_path, config, None, CATALOG)
    ends: list[str] = []
    with (tmp_path / "stdout").open("wb") as stdout:
        started = tap.Started(tmp_path, *arguments, stdout=stdout.fileno())

        def kill_in_the_last_part(request: LoggedRequest, _: int) -> None:
            end = request.query["filter_date__lte"]
            if end not in ends:
                ends.append(end)
            if request.query.get("page") == "9" and end == ends[0] and len(ends) > 2:
                started.process.send_signal(signal.SIGKILL)

        api.before_list = kill_in_the_last_part
        assert started.process.wait(timeout=60) == -signal.SIGKILL
    api.before_list = None
    killed = tap.Run(1, (tmp_path / "stdout").read_bytes(), "")
    bookmark = bookmark_of(killed, NAME)
    assert bookmark
    assert keys_of(killed) < keys(api)

    resumed = run(api, killed.state, per_page=1)
    begin = date.fromisoformat(bookmark) - 10 * DAY
    assert bounds(api)[0][0] == spelled(begin)
    assert keys_of(resumed) == keys(api, begin)
    assert keys_of(killed) | keys_of(resumed) == keys(api)


def test_an_incomplete_part_holds_the_bookmark(api: StandIn) -> None:
    """The pages after it are still read."""
    first, *_ = days = sorted({day for _, day in keys(api)})
    lost = days[20]

    def lose(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["date"] != lost]

    api.faults.add(faults.change_list(lose), path=PATH, times=None)
    begun = run(api, per_page=1, start_date=first)
    assert keys_of(begun) == {key for key in keys(api) if key[1] != lost}
    bookmark = bookmark_of(begun, NAME)
    assert bookmark
    assert bookmark < lost
    [warning] = [line for line in begun.stderr.splitlines() if "incomplete" in line]
    assert NAME in warning
    api.faults.clear()
    healed = run(api, begun.state)
    assert keys_of(begun) | keys_of(healed) == keys(api)
    assert bookmark_of(healed, NAME) == days[-1]


# Partoo's clock.


@pytest.mark.parametrize("days", [-40, -5, 5, 40])
def test_yesterday_is_that_of_partoo(days: int) -> None:
    with StandIn(account_of(now=noon(days))) as api:
        first = run(api)
        assert keys_of(first) == keys(api)
        begin, end = today(api) - timedelta(days=548), today(api) - DAY
        *_, read = bounds(api)
        assert read == (spelled(begin), spelled(end))
        assert bookmark_of(first, NAME) == (today(api) - 3 * DAY).isoformat()


def test_yesterday_is_that_of_partoo_in_a_second_run(api: StandIn) -> None:
    newest = today(api) - 3 * DAY
    state = run(api).state
    api.clock_offset += 30 * DAY
    add_day(api, newest + 25 * DAY)
    second = run(api, state)
    assert keys_of(second) == keys(api, newest - 10 * DAY)
    assert bounds(api)[-1] == (spelled(newest - 10 * DAY), spelled(today(api) - DAY))
