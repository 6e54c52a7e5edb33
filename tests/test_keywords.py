"""Search terms by store and month: for which stores, and from which month on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.in_process import run_here
from tests.partoo_api import Account, Habits, Response, StandIn, faults, whole_account
from tests.selected import (
    QUICK,
    activated,
    asked,
    asked_twice,
    bookmark_of,
    catalog_of,
    records_of,
    warnings_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.conftest import RunTap
    from tests.tap import Run

NAME = "search_keywords"
PATH = "/presence_analytics/keywords"
CATALOG = catalog_of(NAME)

Key = tuple[str, str, str]


def account_of(now: datetime | None = None) -> Account:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return whole_account(reviews=0, conversations=0, days=1, now=now or noon)


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(account_of()) as stand_in:
        yield stand_in


def key_of(row: Mapping[str, Any]) -> Key:
    return row["business_id"], row["date"], str(row["keyword"])


def keys(api: StandIn, since: str = "") -> set[Key]:
    return {key_of(row) for row in api.account[NAME].rows() if row["date"] >= since}


def keys_of(run: Run) -> set[Key]:
    """What a run has emitted, each once."""
    listed = [key_of(row) for row in records_of(run, NAME)]
    assert len(listed) == len(set(listed))
    return set(listed)


def month(api: StandIn, ago: int) -> str:
    """The first day of a month, a number of months before this one."""
    now = api.account.now()
    number = now.year * 12 + now.month - 1 - ago
    return date(number // 12, number % 12 + 1, 1).isoformat()


def stores(api: StandIn) -> list[str]:
    """The stores that were requested, each in one page."""
    return [each.query["business__in"] for each in asked(api, PATH)]


def run(api: StandIn, state: Mapping[str, Any] | None = None, **config: Any) -> Run:
    api.requests.clear()
    return run_here(api, config=config, state=state, catalog=CATALOG)


def test_each_store_is_asked_for_once_and_all_its_terms_arrive(api: StandIn) -> None:
    first = run(api)
    assert keys_of(first) == keys(api)
    assert asked_twice(api) == []
    for request in asked(api, PATH):
        assert request.query["filter_date__gte"][8:] == "01T00:00:00"
    assert bookmark_of(first, NAME) == month(api, 1)
    assert asked(api, PATH)[0].query["filter_date__gte"][:10] == month(api, 18)


def test_stores_without_presence_or_google_are_skipped(api: StandIn) -> None:
    businesses = api.account["businesses"].rows()
    expected = {
        row["id"]
        for row in businesses
        if row["subscriptions"]["presence_management"]["active"]
        and row["google_location_id"]
    }
    assert len(expected) < len(businesses) - 1
    run(api)
    assert set(stores(api)) == expected


def test_a_column_that_is_left_out_does_not_change_that(api: StandIn) -> None:
    run(api)
    right = sorted(stores(api))
    catalog = catalog_of("businesses", NAME)
    place = ("subscriptions", "presence_management")
    for item in next(
        entry for entry in catalog["streams"] if entry["tap_stream_id"] == "businesses"
    )["metadata"]:
        if all(name in item["breadcrumb"] for name in place):
            item["metadata"] = {"selected": False}
    api.requests.clear()
    found = run_here(api, catalog=catalog)
    assert "presence_management" not in str(records_of(found, "businesses"))
    assert sorted(stores(api)) == right


def test_stores_of_which_that_is_not_known_are_asked_for(api: StandIn) -> None:
    table = api.account["businesses"]
    skipped = sorted({row["id"] for row in table.rows()} - set(_asked_in_a_run(api)))
    without, unlinked = skipped[1], skipped[0]
    assert not table.get(without)["subscriptions"]["presence_management"]["active"]
    table.drop(without, "subscriptions")
    table.drop(unlinked, "google_location_id")
    assert {without, unlinked} <= set(_asked_in_a_run(api))


def _asked_in_a_run(api: StandIn) -> list[str]:
    run(api)
    return stores(api)


def test_the_last_two_full_months_are_read_again(api: StandIn) -> None:
    state = run(api).state
    store = stores(api)[0]
    for ago in (1, 2, 3):
        keyword = next(
            row["keyword"]
            for row in api.account[NAME].rows()
            if (row["business_id"], row["date"]) == (store, month(api, ago))
        )
        api.account[NAME].edit((store, month(api, ago), keyword), count=987654)
    second = run(api, state)
    assert keys_of(second) == keys(api, month(api, 2))
    changed = [r["date"] for r in records_of(second, NAME) if r.get("count") == 987654]
    assert sorted(changed) == [month(api, 2), month(api, 1)]


def test_a_month_that_google_delivers_late_arrives(api: StandIn) -> None:
    newest = month(api, 1)
    for row in api.account[NAME].rows():
        if row["date"] == newest:
            api.account[NAME].delete((row["business_id"], newest, row["keyword"]))
    before = run(api)
    assert bookmark_of(before, NAME) == month(api, 2)
    api.clock_offset += timedelta(days=70)
    for store in set(stores(api)):
        api.account[NAME].add(business_id=store, date=newest, keyword="late")
    late = {key for key in keys_of(run(api, before.state)) if key[2] == "late"}
    assert len(late) == len(set(stores(api)))


def test_start_date_is_the_lower_bound_by_month(api: StandIn) -> None:
    start = f"{month(api, 2)[:8]}17"
    begun = run(api, start_date=start)
    assert keys_of(begun) == keys(api, month(api, 2))
    later = run(api, begun.state, start_date=f"{month(api, 1)[:8]}17")
    assert keys_of(later) == keys(api, month(api, 1))


def test_a_number_leaves_as_text(api: StandIn) -> None:
    numbers = [row for row in api.account[NAME].rows() if row["keyword"] == 123]
    assert numbers
    found = [row for row in records_of(run(api), NAME) if row["keyword"] == "123"]
    assert len(found) == len(numbers)


def test_the_store_is_filled_in_where_partoo_leaves_it_out(api: StandIn) -> None:
    api.habits = Habits(keywords_name_business=False)
    assert keys_of(run(api)) == keys(api)


@pytest.mark.parametrize("days", [-40, 40])
def test_the_months_are_those_of_partoo(days: int) -> None:
    now = datetime.now(UTC).replace(hour=12) + timedelta(days=days)
    with StandIn(account_of(now)) as api:
        first = run(api)
        assert keys_of(first) == keys(api)
        yesterday = f"{api.account.now().date() - timedelta(days=1)}T00:00:00"
        for request in asked(api, PATH):
            assert request.query["filter_date__lte"] == yesterday
        assert bookmark_of(first, NAME) == month(api, 1)


# One bookmark for all stores.


def test_the_bookmark_moves_behind_the_last_store_only(api: StandIn) -> None:
    messages = run(api, concurrency=1).messages
    moved = [
        place
        for place, message in enumerate(messages)
        if message["type"] == "STATE" and message["value"]["bookmarks"].get(NAME)
    ]
    last = max(p for p, message in enumerate(messages) if message["type"] == "RECORD")
    assert moved
    assert min(moved) > last
    [bookmark] = messages[-1]["value"]["bookmarks"].values()
    assert bookmark == {
        "replication_key": "date",
        "replication_key_value": month(api, 1),
    }


def test_a_month_in_the_future_does_not_take_the_bookmark_along(api: StandIn) -> None:
    future = faults.change_list(lambda rows: [{**rows[0], "date": "2099-01-01"}])
    api.faults.add(future, path=PATH)
    today = api.account.now().date().isoformat()
    assert bookmark_of(run(api), NAME) == today


def fails_for(store: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda query: query.get("business__in") == store


@pytest.mark.parametrize("response", [Response(500), Response(400)], ids=["500", "400"])
def test_a_store_that_fails_loses_nothing(
    api: StandIn, run_tap: RunTap, response: Response
) -> None:
    begun = run(api)
    failing = stores(api)[1]
    for store in stores(api):
        api.account[NAME].add(business_id=store, date=month(api, 1), keyword="new")
    api.faults.add(response, path=PATH, times=None, match=fails_for(failing))
    broken = run_tap(api, state=begun.state, catalog=CATALOG, command=QUICK)
    assert broken.returncode == 1
    [error] = broken.errors
    assert NAME in error
    assert bookmark_of(broken, NAME) == bookmark_of(begun, NAME)
    api.faults.clear()
    healed = run(api, broken.state)
    assert (failing, month(api, 1), "new") in keys_of(healed)


def test_a_store_that_fails_in_a_first_run_leaves_no_bookmark(
    api: StandIn, run_tap: RunTap
) -> None:
    run(api)
    failing = stores(api)[-1]
    api.faults.add(Response(500), path=PATH, times=None, match=fails_for(failing))
    broken = run_tap(api, catalog=CATALOG, command=QUICK)
    assert broken.returncode == 1
    assert records_of(broken, NAME)
    assert bookmark_of(broken, NAME) is None


@pytest.mark.parametrize("status", [403, 404])
def test_a_store_that_is_refused_is_counted_and_holds_nothing_back(
    api: StandIn, status: int
) -> None:
    run(api)
    refused = stores(api)[:2]
    for store in refused:
        api.account.refuse(NAME, status, business__in=store)
    left = run(api)
    assert keys_of(left) == {key for key in keys(api) if key[0] not in refused}
    assert bookmark_of(left, NAME) == month(api, 1)
    [warning] = warnings_of(left)
    assert f"{NAME}: Partoo refused 2 of {len(stores(api))} queries" in warning
    assert f"HTTP {status}" in warning


@pytest.mark.parametrize(("status", "sent"), [(403, []), (404, [NAME])])
def test_a_store_that_vanished_does_not_forbid_activation(
    api: StandIn, status: int, sent: list[str]
) -> None:
    run(api)
    api.account.refuse(NAME, status, business__in=stores(api)[0])
    mirrored = run_here(
        api,
        config={"emit_activate_version_messages": True},
        catalog=catalog_of(NAME, full_table=[NAME]),
    )
    assert activated(mirrored) == sent


def test_an_incomplete_list_of_stores_holds_the_bookmark(api: StandIn) -> None:
    state = run(api).state
    for row in api.account[NAME].rows():
        api.account[NAME].delete((row["business_id"], row["date"], row["keyword"]))
    bookmark = month(api, 1)
    api.clock_offset += timedelta(days=40)
    for business in stores(api):
        api.account[NAME].add(business_id=business, date=month(api, 1))
    api.faults.add(
        faults.Rewrite(lambda envelope: envelope | {"count": envelope["count"] + 1}),
        path="/business/search",
        times=None,
    )
    short = run(api, state)
    assert keys_of(short) == keys(api)
    assert bookmark_of(short, NAME) == bookmark
    of_parent, warning = warnings_of(short)
    assert "businesses may be incomplete: Partoo reports " in of_parent
    assert "search_keywords may be incomplete: `businesses` may be" in warning
