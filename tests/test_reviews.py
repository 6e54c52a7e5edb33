"""Which reviews a run reads again, and which it misses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError

from tests.every import (
    MIRROR,
    bookmark_of,
    by_key,
    catalog_of,
    expected_records,
    hurry,
    records_of,
    warnings,
)
from tests.in_process import run_here
from tests.partoo_api import Account, Habits, Response, StandIn, faults
from tests.reviews import NAME, account_with, age, bounds_in, ids_in, ids_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import RunTap
    from tests.tap import Run

CATALOG = catalog_of(NAME)
FULL_TABLE = catalog_of(NAME, method="FULL_TABLE")


def is_pass(query: Mapping[str, str]) -> bool:
    return "state__in" in query


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def account() -> Account:
    """Ninety reviews of 1000 days, the oldest first; none of them is deleted."""
    return account_with(90, state="treated", delete_date=None)


@pytest.fixture
def api(account: Account) -> Iterator[StandIn]:
    with StandIn(account, counting_seconds=0) as stand_in:
        yield stand_in


def read(api: StandIn, before: Run | None = None, **config: Any) -> Run:
    state = before.state if before else None
    return run_here(api, catalog=CATALOG, state=state, config=config)


# What comes again

CHANGES = {
    "edit": lambda account, review: account.edit_review(review, content="Non."),
    "reply": lambda account, review: account.reply(review),
    "deletion": lambda account, review: account.mark_deleted(review),
    "tag": lambda account, review: account["reviews"].edit(review, tags=[{"id": 5}]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_within_the_lookback_arrives(change: str, api: StandIn) -> None:
    review = ids_of(api.account)[-2]
    age(api.account, review, days=20)
    first = read(api)
    CHANGES[change](api.account, review)
    second = read(api, first)
    wanted = expected_records(api.account, NAME)[review]
    assert by_key(NAME, second.records)[review] == wanted
    assert by_key(NAME, first.records)[review] != wanted


@pytest.mark.parametrize(("change", "comes"), [("reply", 0), ("tag", 0), ("edit", 1)])
def test_what_does_not_move_the_date_is_missed_behind_it(
    change: str, comes: int, api: StandIn
) -> None:
    review = ids_of(api.account)[-2]
    age(api.account, review, days=50)
    first = read(api)
    CHANGES[change](api.account, review)
    second = read(api, first)
    assert ids_in(second).count(review) == comes
    wider = read(api, first, reviews_lookback_days=60)
    assert ids_in(wider).count(review) == 1
    full = run_here(api, catalog=FULL_TABLE, state=first.state)
    assert by_key(NAME, full.records) == expected_records(api.account, NAME)


@pytest.mark.parametrize("lists_deleted", [True, False])
def test_a_deletion_of_any_age_arrives(lists_deleted: bool, api: StandIn) -> None:  # noqa: FBT001
    api.habits = Habits(lists_deleted=lists_deleted)
    first = read(api)
    review = ids_of(api.account)[0]
    api.account.mark_deleted(review)
    second = read(api, first)
    [record] = [r for r in second.records if r["id"] == review]
    assert record == expected_records(api.account, NAME)[review]
    assert record["state"] == "deleted"


@pytest.mark.parametrize("days", [0, 1, 30, 365])
def test_the_lookback_is_subtracted_from_the_bookmark(days: int, api: StandIn) -> None:
    first = read(api)
    del api.requests[:]
    second = read(api, first, reviews_lookback_days=days)
    seen = datetime.fromisoformat(bookmark_of(first, NAME))
    low = (seen - timedelta(days=days)).replace(microsecond=0, tzinfo=None)
    [(asked, _)] = bounds_in(api)
    assert asked == low.isoformat()
    assert bookmark_of(second, NAME) == bookmark_of(first, NAME)
    newest = max(expected_records(api.account, NAME).values(), key=_time)
    assert newest["id"] in ids_in(second)
    assert not warnings(second)


def _time(record: Mapping[str, Any]) -> str:
    return str(record["update_date"] or record["date"])


# `start_date`


def start_between(account: Account) -> tuple[str, set[int]]:
    """Return a time in the middle, and the ids of what is not older."""
    records = sorted(expected_records(account, NAME).values(), key=_time)
    start = _time(records[45])
    return start, {record["id"] for record in records[45:]}


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
@pytest.mark.parametrize("activation", [False, True])
def test_start_date_holds_in_every_run(
    method: str,
    activation: bool,  # noqa: FBT001
    api: StandIn,
) -> None:
    start, wanted = start_between(api.account)
    old, new = ids_of(api.account)[0], ids_of(api.account)[-1]
    api.account.mark_deleted(old)
    api.account.mark_deleted(new)
    config = {"start_date": start} | (MIRROR if activation else {})
    catalog = catalog_of(NAME, method=method)
    run = run_here(api, catalog=catalog, config=config)
    assert set(ids_in(run)) == wanted
    lines = [line for line in warnings(run) if "start_date is set" in line]
    is_mirror = activation and method == "FULL_TABLE"
    assert len(warnings(run)) == len(lines) == is_mirror
    assert len(run.of_type("ACTIVATE_VERSION")) == is_mirror
    again = run_here(api, catalog=catalog, config=config, state=run.state)
    assert set(ids_in(again)) <= wanted


def test_start_date_does_not_reach_behind_the_bookmark(api: StandIn) -> None:
    first = read(api)
    second = read(api, first, start_date="2001-01-01T00:00:00Z")
    assert len(second.records) < 45
    later, wanted = start_between(api.account)
    third = read(api, first, start_date=later, reviews_lookback_days=365)
    assert set(ids_in(third)) <= wanted


# Clocks


@pytest.mark.parametrize("hours", [-30, -3, 3, 20])
@pytest.mark.parametrize("others", [(), ("users",)], ids=["alone", "later"])
def test_the_clock_of_partoo_counts(hours: int, others: tuple[str, ...]) -> None:
    account = Account()
    account.clock_offset = timedelta(hours=hours)
    account.fill(NAME, 60)
    account.fill("businesses", 3)
    catalog = catalog_of(NAME, "businesses", *others)
    with StandIn(account, counting_seconds=0) as api:
        first = run_here(api, catalog=catalog)
        assert by_key(NAME, records_of(first, NAME)) == expected_records(account, NAME)
        new = account[NAME].add()
        age(account, new["id"], seconds=5)
        second = run_here(api, catalog=catalog, state=first.state)
        assert by_key(NAME, records_of(second, NAME))[new["id"]]
        assert bookmark_of(second, NAME) <= account.now().isoformat()
        third = run_here(api, catalog=catalog, state=second.state)
    if hours < 0:  # else the bookmark is in this machine's future, and ignored
        assert len(records_of(third, NAME)) < 40
    assert by_key(NAME, records_of(third, NAME))[new["id"]]


# Rows without `update_date`


def test_rows_without_update_are_filtered_by_date(api: StandIn) -> None:
    old, new = ids_of(api.account)[3], ids_of(api.account)[-3]
    for review in (old, new):
        api.account[NAME].edit(review, update_date=None)
    first = read(api)
    assert by_key(NAME, first.records) == expected_records(api.account, NAME)
    second = read(api, first)
    assert new in ids_in(second)
    assert old not in ids_in(second)
    assert by_key(NAME, second.records)[new]["update_date"] is None
    assert not warnings(second)


def test_rows_that_match_no_range_come_where_all_are_asked_for(api: StandIn) -> None:
    api.habits = Habits(undated_by_date=False)
    new = ids_of(api.account)[-3]
    api.account[NAME].edit(new, update_date=None)
    catalog = catalog_of("custom_fields", NAME)  # read before: the time is known
    first = run_here(api, catalog=catalog)
    assert new in ids_in(first)
    full = catalog_of("custom_fields", NAME, method="FULL_TABLE")
    second = run_here(api, catalog=full, state=first.state)
    assert new in ids_in(second)
    assert new not in ids_in(read(api, first))


# What Partoo does not do


def test_a_filter_that_is_not_honoured_is_told(api: StandIn) -> None:
    first = read(api)
    api.habits = Habits(filters_dates=False)
    second = read(api, first)
    assert by_key(NAME, second.records) == expected_records(api.account, NAME)
    [line] = warnings(second)
    assert re.match(rf"{NAME}: \d+ of 90 rows are outside of the requested", line)


def test_a_filter_that_lets_only_others_through_is_an_error(api: StandIn) -> None:
    first = read(api)
    newest = datetime.now(UTC) - timedelta(days=90)
    for review in ids_of(api.account):
        age(api.account, review, days=400)
    api.habits = Habits(filters_dates=False)
    assert bookmark_of(first, NAME) > newest.isoformat()
    with pytest.raises(FatalAPIError, match=rf"{NAME}: Partoo ignores"):
        read(api, first)


def test_an_order_that_is_rejected_is_dropped(api: StandIn) -> None:
    api.habits = Habits(orders=False)
    run = read(api, per_page=10)
    assert by_key(NAME, run.records) == expected_records(api.account, NAME)
    assert not warnings(run)
    asked = ["order_by" in r.query for r in api.requests]
    assert asked == [True] + [False] * (9 + 1)


# The pass for deleted reviews


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (Response(403), "Error: Partoo refused `reviews` (HTTP 403"),
        (Response(400, {"errors": {"json": {"state__in": "No."}}}), "Error: reviews: "),
    ],
    ids=["403", "400"],
)
def test_a_pass_that_fails_alone_leaves_the_bookmark_of_the_ranges(
    response: Response, line: str, api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(response, path="/reviews", match=is_pass, times=None)
    run = run_tap(api, catalog=catalog_of(NAME, "users"), config=MIRROR)
    assert run.returncode == 1
    [error] = run.errors
    assert error.startswith(line)
    assert by_key(NAME, records_of(run, NAME)) == expected_records(api.account, NAME)
    newest = max(map(_time, expected_records(api.account, NAME).values()))
    assert bookmark_of(run, NAME) == newest
    full = run_tap(api, catalog=FULL_TABLE, config=MIRROR)
    assert full.returncode == 1
    assert not full.of_type("ACTIVATE_VERSION")


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_a_pass_that_is_incomplete_forbids_activation_only(
    method: str, api: StandIn
) -> None:
    for review in ids_of(api.account)[::9]:
        api.account.mark_deleted(review)
    short = faults.change_list(lambda rows: rows[1:])
    api.faults.add(short, path="/reviews", match=is_pass, times=None)
    run = run_here(api, catalog=catalog_of(NAME, method=method), config=MIRROR)
    [line] = warnings(run)
    assert line.startswith(
        "reviews may be incomplete: Partoo reports 10, 9 were read in the last of 3 "
        "attempts"
    )
    assert "deleted" in line
    assert not run.of_type("ACTIVATE_VERSION")
    newest = max(map(_time, expected_records(api.account, NAME).values()))
    is_full = method == "FULL_TABLE"
    assert bookmark_of(run, NAME) == (None if is_full else newest)
