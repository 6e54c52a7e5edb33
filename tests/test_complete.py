"""Each key once and none missing, however the list changes while it is read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import FatalAPIError

from tests.in_process import run_here
from tests.partoo_api import Account, Response, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests import tap
    from tests.conftest import RunTap
    from tests.partoo_api.paging import PastEnd
    from tests.partoo_api.table import Order

Action = Literal["create", "insert", "delete", "revoke", "touch", "swap"]

BASES: dict[str, dict[str, Any]] = {
    "pages from 1": {"first_page": 1},
    "pages from 0, max_page is the last": {"first_page": 0},
    "pages from 0, max_page is the number": {
        "first_page": 0,
        "max_page_counts_pages": True,
    },
}
PAST_END: tuple[PastEnd, ...] = ("empty", "clamp", "not_found")
ORDERS: tuple[Order, ...] = ("id", "newest", "random")

bases = pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())
workers = pytest.mark.parametrize("concurrency", [1, 8], ids="concurrency {}".format)


@dataclass(frozen=True)
class Change:
    """What happens to the account before a response of the first attempt is sent.

    Attributes:
        request: The number of the request.
        action: What happens. A swap deletes a key and creates another.
        place: Where in the list, from 0 to 1.
    """

    request: int
    action: Action
    place: float = 0.0


@dataclass
class Busy:
    """Changes an account while its list is read for the first time."""

    account: Account
    changes: Sequence[Change]
    attempts: int = 0
    deleted: set[int] = field(default_factory=set)
    added: set[int] = field(default_factory=set)

    def __call__(self, number: int, query: Mapping[str, str]) -> None:
        """Apply what is due; an attempt begins with a request without a page."""
        self.attempts += "page" not in query
        if self.attempts == 1:
            for change in self.changes:
                if change.request == number:
                    self.apply(change)

    def apply(self, change: Change) -> None:
        ids = [record["id"] for record in self.account.records()]
        index = min(int(change.place * len(ids)), len(ids) - 1)
        match change.action:
            case "create":
                self.added.add(self.account.create()["id"])
            case "insert":
                record = self.account.create()
                self.account.delete(record["id"])
                self.account.insert(record, max(index, 0))
                self.added.add(record["id"])
            case "delete" if ids:
                self.account.delete(ids[index])
                self.deleted.add(ids[index])
            case "revoke" if ids:
                self.account.revoke(ids[index])
            case "touch" if ids:
                self.account.touch(ids[index])
            case "swap":
                self.apply(Change(change.request, "delete", change.place))
                self.apply(Change(change.request, "create"))


def assert_complete(run: tap.Run, before: set[int], busy: Busy) -> None:
    """Every key that was there throughout has left, once, and the bookmark moved."""
    assert run.returncode == 0, run.stderr
    assert len(run.ids) == len(set(run.ids))
    assert set(run.ids) >= before - busy.deleted
    assert set(run.ids) <= before | busy.added
    assert (run.bookmark is None) == (not run.ids)


def ids_of(account: Account) -> set[int]:
    return {record["id"] for record in account.records()}


CHANGES = {
    "delete": (Change(2, "delete"),),
    "insert": (Change(2, "insert"),),
    "delete and insert": (Change(2, "swap"),),
    "shrink": tuple(Change(2, "delete", 0.9) for _ in range(40)),
    "grow": tuple(Change(2, "create") for _ in range(40)),
}
REPRESENTATIVES: list[Any] = [
    pytest.param("delete", 1, "id", {}, id="delete, concurrency 1"),
    pytest.param("delete", 8, "random", {}, id="delete, random, concurrency 8"),
    pytest.param("delete and insert", 1, "newest", {}, id="swap, newest first"),
    pytest.param("delete and insert", 8, "id", {"first_page": 0}, id="swap, from 0"),
    pytest.param("insert", 8, "newest", {}, id="insert, newest first"),
    pytest.param("shrink", 1, "id", {"first_page": 0}, id="shrink, from 0"),
    pytest.param(
        "grow",
        1,
        "id",
        {"first_page": 0, "max_page_counts_pages": True},
        id="grow, from 0, max_page is the number",
    ),
]


@pytest.mark.parametrize(("change", "concurrency", "order", "base"), REPRESENTATIVES)
def test_list_that_changes_on_the_command_line(
    change: str,
    concurrency: int,
    order: Order,
    base: dict[str, Any],
    run_tap: RunTap,
) -> None:
    account = Account(make_keys(100), order=order)
    before = ids_of(account)
    with StandIn(account, **base) as api:
        api.before_response = busy = Busy(account, CHANGES[change])
        run = run_tap(api, config={"per_page": 20, "concurrency": concurrency})
    assert_complete(run, before, busy)


@workers
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("page", [2, 3, 4])
@pytest.mark.parametrize("action", ["delete", "insert", "swap"])
def test_change_between_any_two_pages(
    action: Action, page: int, order: Order, concurrency: int
) -> None:
    account = Account(make_keys(40), order=order)
    before = ids_of(account)
    with StandIn(account) as api:
        api.before_response = busy = Busy(account, [Change(page, action)])
        run = run_here(api, config={"per_page": 10, "concurrency": concurrency})
    assert_complete(run, before, busy)


@workers
@bases
@pytest.mark.parametrize("past_end", PAST_END)
@pytest.mark.parametrize("page", [2, 4])
def test_list_that_gets_shorter(
    page: int, past_end: PastEnd, base: dict[str, Any], concurrency: int
) -> None:
    account = Account(make_keys(40))
    before = ids_of(account)
    changes = [Change(page, "delete", 0.9)] * 15
    with StandIn(account, **base, past_end=past_end) as api:
        api.before_response = busy = Busy(account, changes)
        run = run_here(api, config={"per_page": 10, "concurrency": concurrency})
    assert_complete(run, before, busy)


@workers
@bases
@pytest.mark.parametrize("page", [1, 2])
def test_list_that_gets_longer(
    page: int, base: dict[str, Any], concurrency: int
) -> None:
    account = Account(make_keys(40))
    before = ids_of(account)
    with StandIn(account, **base) as api:
        api.before_response = busy = Busy(account, [Change(page, "create")] * 15)
        run = run_here(api, config={"per_page": 10, "concurrency": concurrency})
    assert_complete(run, before, busy)
    # The pages that came into being while the others were read are read as well.
    assert set(run.ids) == before | busy.added


@st.composite
def accounts_in_motion(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.integers(0, 40))
    per_page = draw(st.integers(1, 12) | st.integers(1, 100))
    pages = max(1, -(-keys // per_page))
    change = st.builds(
        Change,
        request=st.integers(1, pages + 1),
        action=st.sampled_from(["create", "insert", "delete", "revoke", "touch"]),
        place=st.floats(0, 1),
    )
    return {
        "keys": keys,
        "order": draw(st.sampled_from(ORDERS)),
        "seed": draw(st.integers(0, 9)),
        "per_page": per_page,
        "concurrency": draw(st.sampled_from([1, 8])),
        "changes": draw(st.lists(change, max_size=8)),
        "paging": {
            **draw(st.sampled_from(list(BASES.values()))),
            "empty_max_page": draw(st.sampled_from([0, 1])),
            "past_end": draw(st.sampled_from(PAST_END)),
        },
    }


@settings(
    max_examples=70,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(case=accounts_in_motion())
def test_any_list_in_motion_is_read_completely(case: dict[str, Any]) -> None:
    account = Account(make_keys(case["keys"]), order=case["order"], seed=case["seed"])
    before = ids_of(account)
    with StandIn(account, **case["paging"]) as api:
        api.before_response = busy = Busy(account, case["changes"])
        run = run_here(
            api,
            config={"per_page": case["per_page"], "concurrency": case["concurrency"]},
        )
    assert_complete(run, before, busy)


@workers
@bases
def test_quiet_list_is_read_once(
    api: StandIn, base: dict[str, Any], concurrency: int
) -> None:
    with StandIn(api.account, **base) as quiet:
        run = run_here(quiet, config={"concurrency": concurrency})
    assert run.ids == [record["id"] for record in api.account.records()]
    assert len(quiet.requests) == 3


def test_list_that_only_grows_is_read_once(api: StandIn) -> None:
    busy = Busy(api.account, [Change(2, "create"), Change(3, "create")])
    api.before_response = busy
    run = run_here(api, config={"concurrency": 1})
    assert len(run.ids) == 289
    assert len(api.requests) == 3


def test_key_that_was_never_listed_costs_no_more_than_two_readings(
    api: StandIn,
) -> None:
    api.before_response = busy = Busy(api.account, [Change(2, "delete", 0.99)])
    run = run_here(api, config={"concurrency": 1})
    assert set(run.ids) == ids_of(api.account)
    assert busy.attempts == 2


def test_same_key_on_two_pages_leaves_once(api: StandIn) -> None:
    first = api.account.records()[0]
    api.account.insert(first, 150)
    api.account.insert(first, 280)
    run = run_here(api)
    assert sorted(run.ids) == sorted(ids_of(api.account))


def test_key_that_becomes_listed_hides_none(run_tap: RunTap) -> None:
    """With a filter an old key can come into the list while another one leaves it."""
    account = Account(make_keys(300))
    revoked = [r["id"] for r in account.records() if r["disabled"]]
    active = [r["id"] for r in account.records() if not r["disabled"]]
    assert len(revoked) == 60

    def change(number: int, _: Mapping[str, str]) -> None:
        if number == 2:
            account.delete(revoked[0])  # all later ones move up
            account.revoke(active[-1])  # and `count` is what it was

    with StandIn(account) as api:
        api.before_response = change
        run = run_tap(
            api,
            config={"api_keys_status": "disabled", "per_page": 20, "concurrency": 1},
        )
    assert run.returncode == 0
    assert set(run.ids) >= set(revoked[1:])


def test_key_created_while_the_first_answer_was_under_way_hides_none() -> None:
    """`Date` is stamped after the keys were counted, or by a clock that is ahead.

    A key that was created in between is not among those that the response counts.
    """
    account = Account(make_keys(40))
    before = ids_of(account)

    def late(exchange: faults.Exchange) -> Response:
        date = formatdate(time.time() + 1.5, usegmt=True)
        return Response(200, exchange.right.body, {"Date": date}, exchange.right.page)

    with StandIn(account) as api:
        api.faults.add(late, request=1)
        api.before_response = busy = Busy(account, [Change(2, "swap")])
        run = run_here(api, config={"per_page": 10, "concurrency": 1})
    assert_complete(run, before, busy)


def test_deletion_and_creation_without_a_date() -> None:
    account = Account(make_keys(40))
    before = ids_of(account)

    def undated(exchange: faults.Exchange) -> Response:
        right = exchange.right
        return Response(right.status, right.body, {"Date": None}, right.page)

    with StandIn(account) as api:
        api.faults.add(undated, times=None)
        api.before_response = busy = Busy(account, [Change(3, "swap")])
        run = run_here(api, config={"per_page": 10, "concurrency": 1})
    assert_complete(run, before, busy)


def test_list_that_got_shorter_once_and_never_stands_still() -> None:
    """The page that was not there belongs to the first of three attempts."""
    account = Account(make_keys(40))

    def change(_: int, query: Mapping[str, str]) -> None:
        first_reading = len(account.records()) == 40
        if query.get("page") == ("4" if first_reading else "2"):
            for record in account.records()[: 15 if first_reading else 1]:
                account.delete(record["id"])

    with StandIn(account, past_end="not_found") as api:
        api.before_response = change
        run = run_here(api, config={"per_page": 10, "concurrency": 1})
    assert len(account.records()) == 40 - 15 - 2
    assert run.bookmark is None
    [warning] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert "incomplete" in warning


def test_a_count_that_promises_a_page_that_does_not_exist_ends_no_run() -> None:
    account = Account(make_keys(40))
    one_more = faults.Rewrite(lambda page: page | {"count": 41, "max_page": 5})
    with StandIn(account, past_end="not_found") as api:
        api.faults.add(one_more, times=None)
        run = run_here(api, config={"per_page": 10})
    assert len(run.ids) == 40
    assert run.bookmark is None
    [warning] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert "may be incomplete: Partoo reports 41, 40 were read" in warning


def test_a_page_in_the_middle_that_is_never_there_ends_the_run() -> None:
    account = Account(make_keys(40))
    with StandIn(account) as api:
        api.faults.add(Response(404), page=2, times=None)
        with pytest.raises(FatalAPIError, match=r"inconsistent: a page was not found"):
            run_here(api, config={"per_page": 10})
        assert sum(r.query.get("page") == "2" for r in api.requests) == 3


def test_deletions_in_every_reading_hold_the_bookmark_until_a_quiet_run(
    run_tap: RunTap, api: StandIn
) -> None:
    old = {"bookmarks": {"api_keys": bookmark_at("2024-01-01T00:00:00+00:00")}}
    before = ids_of(api.account)
    deleted = []

    def delete(_: int, query: Mapping[str, str]) -> None:
        if query.get("page") == "2":
            deleted.append(api.account.records()[0]["id"])
            api.account.delete(deleted[-1])

    api.before_response = delete
    first = run_tap(api, state=old)
    assert first.returncode == 0
    assert len(deleted) == 3
    assert len(first.ids) == len(set(first.ids))
    assert first.bookmark == "2024-01-01T00:00:00+00:00"
    [warning] = [line for line in first.stderr.splitlines() if "WARNING" in line]
    assert "Partoo reports 285, 284 were read in the last of 3 attempts" in warning

    api.before_response = None
    second = run_tap(api, state=first.state)
    assert second.bookmark is not None
    assert second.bookmark > "2024-01-01T00:00:00+00:00"
    active = {
        record["id"]
        for record in api.account.records()
        if last_activity(record) >= datetime(2024, 1, 1, tzinfo=UTC)
    }
    assert set(second.ids) == active
    assert set(first.ids) <= before


def bookmark_at(moment: str) -> dict[str, str]:
    return {"replication_key": "created_at", "replication_key_value": moment}


def last_activity(record: Mapping[str, Any]) -> datetime:
    moments = (record["created_at"], record["last_used_at"], record["revoked_at"])
    return max(datetime.fromisoformat(moment) for moment in moments if moment)
