"""Long lists of reviews are read in parts, and an interrupted run can be resumed."""

from __future__ import annotations

import itertools
import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError

from tests import tap
from tests.every import (
    MIRROR,
    by_key,
    catalog_of,
    expected_records,
    hurry,
    records_of,
    warnings,
)
from tests.in_process import run_here
from tests.partoo_api import (
    RESOURCES,
    Account,
    Habits,
    LoggedRequest,
    Response,
    StandIn,
    faults,
    whole_account,
)
from tests.reviews import (
    NAME,
    account_with,
    account_with_times,
    bounds_in,
    ids_in,
    ids_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import RunTap

CATALOG = catalog_of(NAME)
FULL_TABLE = catalog_of(NAME, method="FULL_TABLE")
workers = pytest.mark.parametrize("concurrency", [1, 8])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def account() -> Account:
    """A hundred and ninety reviews: with one on a page, four parts."""
    return account_with(190, state="treated", delete_date=None)


@pytest.fixture
def api(account: Account) -> Iterator[StandIn]:
    with StandIn(account) as stand_in:
        yield stand_in


def parts_in(api: StandIn) -> list[tuple[str | None, str]]:
    """Return the ranges with an end, in order, without the one that only counts."""
    found = [(low, high) for low, high in bounds_in(api) if high]
    found = found[1:] if [low for low, _ in found].count(None) > 1 else found
    return sorted(found, key=lambda part: part[0] or "")


def part_of(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    return query.get("update_date__gte"), query.get("update_date__lte")


def bookmarks_in(run: tap.Run) -> list[str]:
    """Return the bookmarks of the STATE messages, in order, each once."""
    found = [
        message["value"]["bookmarks"].get(NAME, {}).get("replication_key_value")
        for message in run.of_type("STATE")
    ]
    return list(dict.fromkeys(value for value in found if value))


# Parts


@workers
def test_more_than_a_hundred_pages_are_divided(concurrency: int, api: StandIn) -> None:
    config = {"per_page": 1, "concurrency": concurrency}
    run = run_here(api, catalog=CATALOG, config=config)
    assert by_key(NAME, run.records) == expected_records(api.account, NAME)
    assert len(ids_in(run)) == len(set(ids_in(run)))
    assert not warnings(run)
    parts = parts_in(api)
    assert len(parts) == 4  # of about 60 pages
    assert parts[0][0] is None
    assert all(high == low for (_, high), (low, _) in itertools.pairwise(parts))
    # Besides the rows: the whole, its dated ones, its last page, the open end of a
    # mirror, the pass, and what is in a boundary second.
    assert len(api.requests) <= 190 + 5 + len(parts)


def test_a_hundred_pages_are_read_as_they_are(api: StandIn) -> None:
    for review in ids_of(api.account)[100:]:
        api.account[NAME].delete(review)
    run = run_here(api, catalog=CATALOG, config={"per_page": 1})
    assert len(ids_in(run)) == 100
    assert bounds_in(api) == [(None, None)]
    assert len(api.requests) == 101


def test_a_part_above_a_hundred_pages_is_divided_again() -> None:
    now = datetime.now(UTC)
    close = [now - timedelta(days=20, seconds=n) for n in range(240)]
    far = [now - timedelta(days=900 + n) for n in range(5)]
    account = account_with_times(far + close[::-1])
    with StandIn(account, counting_seconds=0) as api:
        run = run_here(api, catalog=CATALOG, config={"per_page": 1})
        lengths = [
            datetime.fromisoformat(high) - datetime.fromisoformat(low)
            for low, high in parts_in(api)
            if low
        ]
    assert sorted(ids_in(run)) == ids_of(account)
    assert min(lengths) < timedelta(hours=1) < max(lengths)


@workers
@pytest.mark.parametrize("per_page", [1, 2])
@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_the_second_between_two_parts_is_in_both(
    concurrency: int, per_page: int, method: str
) -> None:
    """Every second has a review at its beginning and one in its middle."""
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    half = timedelta(seconds=0.5)
    account = account_with_times([first + n * half for n in range(400)])
    with StandIn(account) as api:
        config = {"per_page": per_page, "concurrency": concurrency}
        run = run_here(
            api, catalog=catalog_of(NAME, method=method), config=config | MIRROR
        )
        assert len(parts_in(api)) >= 3
    assert sorted(ids_in(run)) == ids_of(account)
    assert not warnings(run)
    assert len(run.of_type("ACTIVATE_VERSION")) == (method == "FULL_TABLE")


def test_a_range_from_a_fraction_of_a_second_is_divided_without_repeats() -> None:
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    half = timedelta(seconds=0.5)
    account = account_with_times([first + n * half for n in range(400)])
    start = (first + timedelta(seconds=9.75)).isoformat()
    with StandIn(account, counting_seconds=0) as api:
        config = {"per_page": 2, "start_date": start}
        run = run_here(api, catalog=CATALOG, config=config)
        assert len(parts_in(api)) >= 3
    assert sorted(ids_in(run)) == ids_of(account)[20:]
    assert not warnings(run)


@workers
def test_the_bookmark_moves_after_each_part(concurrency: int, api: StandIn) -> None:
    config = {"per_page": 1, "concurrency": concurrency}
    run = run_here(api, catalog=CATALOG, config=config)
    times = {r["id"]: r["update_date"] or r["date"] for r in run.records}
    seen: list[str] = []
    for message in run.messages:
        if message["type"] == "RECORD":
            seen.append(times[message["record"]["id"]])
        elif message["type"] == "STATE" and seen:
            bookmark = message["value"]["bookmarks"][NAME]["replication_key_value"]
            assert bookmark == max(seen)
    assert len(bookmarks_in(run)) == 4
    assert bookmarks_in(run) == sorted(bookmarks_in(run))
    assert bookmarks_in(run)[-1] == max(times.values())
    full = run_here(api, catalog=FULL_TABLE, config=config)
    assert not bookmarks_in(full)


# Runs that end early


def in_part(number: int) -> Callable[[Mapping[str, str]], bool]:
    """Return whether a query is of the n-th part, the first being 1."""
    parts: list[object] = []

    def match(query: Mapping[str, str]) -> bool:
        part = part_of(query)
        if "state__in" in query or not part[1]:
            return False
        if part not in parts:
            parts.append(part)
        return parts.index(part) == number  # that at 0 only counts the dated ones

    return match


def test_a_run_that_is_killed_goes_on_at_the_last_complete_part(
    api: StandIn, tmp_path: Path
) -> None:
    files = tap.arguments(
        tmp_path,
        {
            "api_key": api.account.api_key,
            "api_url": api.url,
            "per_page": 1,
            "concurrency": 1,
        },
        catalog=CATALOG,
    )
    output = tmp_path / "output"
    third = in_part(3)
    with output.open("wb") as stdout:
        started = tap.Started(tmp_path, *files, stdout=stdout.fileno())

        def kill(request: LoggedRequest, _: int) -> None:
            if third(request.query) and request.query.get("page", "1") == "10":
                started.process.kill()

        api.before_list = kill
        assert started.process.wait(60) == -signal.SIGKILL
    api.before_list = None
    lines = output.read_bytes().splitlines(keepends=True)
    killed = tap.Run(0, b"".join(x for x in lines if x.endswith(b"\n")), "")
    assert len(bookmarks_in(killed)) == 2
    del api.requests[:]
    config = {"per_page": 1, "reviews_lookback_days": 0}
    rest = run_here(api, catalog=CATALOG, state=killed.state, config=config)
    low, _ = bounds_in(api)[0]
    assert low == bookmarks_in(killed)[-1][:19]
    assert set(ids_in(killed) + ids_in(rest)) == set(ids_of(api.account))
    assert len(ids_in(rest)) < 110
    assert not warnings(rest)


def test_a_part_that_fails_leaves_the_bookmark_before_it(
    api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(Response(400), path="/reviews", match=in_part(3), times=None)
    run = run_tap(api, catalog=CATALOG, config={"per_page": 1, "concurrency": 1})
    assert run.returncode == 1
    assert len(bookmarks_in(run)) == 2
    times = [r["update_date"] or r["date"] for r in run.records]
    assert bookmarks_in(run)[-1] == max(times)


def test_a_row_from_outside_of_a_part_does_not_take_the_bookmark_along(
    api: StandIn, run_tap: RunTap
) -> None:
    """Partoo lists a row of today in the first part; the third one fails."""
    first, now = in_part(1), datetime.now(UTC).isoformat(timespec="seconds")

    def match(query: Mapping[str, str]) -> bool:
        return first(query) and query.get("page") == "5"

    edited = faults.change_list(lambda rows: [{**rows[0], "update_date": now}])
    api.faults.add(edited, path="/reviews", match=match)
    third = in_part(3)
    api.faults.add(Response(400), path="/reviews", match=third, times=None)
    run = run_tap(api, catalog=CATALOG, config={"per_page": 1, "concurrency": 1})
    assert run.returncode == 1
    assert now in {record["update_date"] for record in run.records}
    ends = [high for _, high in parts_in(api)]
    assert [text[:19] for text in bookmarks_in(run)] == ends[:2]
    api.faults.clear()
    rest = run_here(api, catalog=CATALOG, state=run.state, config={"per_page": 1})
    assert set(ids_in(run) + ids_in(rest)) == set(ids_of(api.account))


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_a_part_that_stays_incomplete_holds_the_bookmark(
    method: str, api: StandIn
) -> None:
    """The first row of the second part's second page never comes."""
    second = in_part(2)

    def match(query: Mapping[str, str]) -> bool:
        return second(query) and query.get("page") == "5"

    lost = faults.change_list(lambda rows: rows[1:])
    api.faults.add(lost, path="/reviews", match=match, times=None)
    catalog = catalog_of(NAME, method=method)
    # One at a time, so that the parts are asked for in their order.
    config = {"per_page": 1, "concurrency": 1}
    run = run_here(api, catalog=catalog, config=MIRROR | config)
    [line] = warnings(run)
    assert line.startswith("reviews may be incomplete: Partoo reports ")
    assert " were read in the last of 3 attempts" in line
    assert len(ids_in(run)) == 189
    assert not run.of_type("ACTIVATE_VERSION")
    states = bookmarks_in(run)
    assert len(states) == (method == "INCREMENTAL")
    api.faults.clear()
    again = run_here(api, catalog=catalog, state=run.state, config={"per_page": 1})
    assert set(ids_in(run) + ids_in(again)) == set(ids_of(api.account))


# Rows without `update_date`


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
@pytest.mark.parametrize("others", [(), ("custom_fields",)], ids=["alone", "later"])
@pytest.mark.parametrize("filtered", [True, False], ids=["by date", "no range"])
def test_rows_without_a_date_come_however_long_the_list_is(
    method: str,
    others: tuple[str, ...],
    filtered: bool,  # noqa: FBT001
    api: StandIn,
) -> None:
    api.account.fill("custom_fields", 3)
    api.habits = Habits(undated_by_date=filtered)
    reviews = ids_of(api.account)[::20]
    for review in reviews:
        api.account[NAME].edit(review, update_date=None)
    undated = sum(row["update_date"] is None for row in api.account[NAME].rows())
    catalog = catalog_of(*others, NAME, method=method)
    config = MIRROR | {"per_page": 1}
    run = run_here(api, catalog=catalog, config=config)
    wanted = expected_records(api.account, NAME)
    assert by_key(NAME, records_of(run, NAME)) == wanted
    reported = [line for line in warnings(run) if "have no date" in line]
    if filtered:
        assert not reported
        assert len(parts_in(api)) >= 4
    else:
        [line] = reported
        assert line.startswith(f"reviews: {undated} rows have no date")
    assert len(reported) == len(warnings(run))


# What Partoo may do


def test_ranges_that_are_not_honoured_are_an_error(api: StandIn) -> None:
    api.habits = Habits(filters_dates=False)
    with pytest.raises(FatalAPIError, match=rf"{NAME}: Partoo ignores"):
        run_here(api, catalog=CATALOG, config={"per_page": 1})


def test_parts_without_order_are_complete_as_well(api: StandIn) -> None:
    api.habits = Habits(orders=False)
    run = run_here(api, catalog=CATALOG, config={"per_page": 1})
    assert by_key(NAME, run.records) == expected_records(api.account, NAME)
    assert sum("order_by" in r.query for r in api.requests) <= 2
    assert len(bookmarks_in(run)) >= 4


@pytest.mark.parametrize("first_page", [0, 1])
@pytest.mark.parametrize("past_end", ["empty", "clamp", "not_found"])
@pytest.mark.parametrize("counts_pages", [False, True])
def test_parts_however_pages_are_numbered(
    first_page: Any,  # noqa: ANN401
    past_end: Any,  # noqa: ANN401
    counts_pages: bool,  # noqa: FBT001
    account: Account,
) -> None:
    with StandIn(
        account,
        first_page=first_page,
        past_end=past_end,
        max_page_counts_pages=counts_pages,
        counting_seconds=0,
    ) as api:
        run = run_here(api, catalog=FULL_TABLE, config=MIRROR | {"per_page": 1})
    assert by_key(NAME, run.records) == expected_records(account, NAME)
    assert len(run.of_type("ACTIVATE_VERSION")) == 1
    assert json.dumps(warnings(run)) == "[]"


@pytest.mark.parametrize("count", [None, 10**14])
@pytest.mark.parametrize("name", ["reviews", "presence_metrics", "feedback_results"])
def test_figures_that_run_away_end_the_run(name: str, count: int | None) -> None:
    """Not after so many parts as would take all memory."""
    figures = {"max_page": 10**12} | ({"count": count} if count else {})
    with StandIn(whole_account(reviews=20, conversations=0)) as api:
        api.faults.add(faults.fields(**figures), path=RESOURCES[name].path, times=None)
        with pytest.raises(FatalAPIError, match=f"{name}: (The pages|Partoo does not)"):
            run_here(api, catalog=catalog_of(name))
        assert len(api.requests) < 500
