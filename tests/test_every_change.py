"""Rows that move, come and go while a list is read, in every stream."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.streams import STREAMS
from tests.every import (
    MIRROR,
    NAMES,
    PARENTS,
    bookmark_of,
    by_key,
    catalog_of,
    expected_records,
    hurry,
    key_of,
    records_of,
    warnings,
)
from tests.in_process import run_here
from tests.partoo_api import RESOURCES, Habits, LoggedRequest, StandIn, whole_account

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.partoo_api import Account

NUMBERED = [
    name
    for name in NAMES
    if RESOURCES[name].pages.kind == "numbered"
    and name not in {"groups", "search_keywords", "custom_roles"}
]
DATED = [s.name for s in STREAMS if s.entered_at and s.name in NUMBERED]
DATED.remove("presence_metrics")  # figures of a day
CURSORS = ["conversations"]
paged = pytest.mark.parametrize("name", NUMBERED)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def account() -> Account:
    return whole_account(keys=80, reviews=64, conversations=24)


def long_enough(account: Account, name: str) -> None:
    """Give a list several pages, however long these are."""
    if (missing := 75 - len(account[name])) > 0 and name != "presence_metrics":
        account.fill(name, missing)


def once(path: str, number: int, act: Callable[[], None]) -> Any:  # noqa: ANN401
    """Act before the n-th request of a path."""

    def before(request: LoggedRequest, count: int) -> None:
        if request.path == f"/v2{path}" and count == number:
            act()

    return before


@paged
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_deletion_meanwhile_hides_no_other_row(
    name: str, concurrency: int, account: Account
) -> None:
    """The first row goes when its page has been read: all others move up by one."""
    long_enough(account, name)
    before = expected_records(account, name)
    rows = account[name].rows()
    by_date = name == "reviews"  # newest first
    gone = (
        max(rows, key=lambda r: str(r["update_date"] or r["date"]))
        if by_date
        else (rows[0])
    )
    with StandIn(account, counting_seconds=0.03) as api:
        path = RESOURCES[name].path

        def act() -> None:
            account[name].delete(key_of(name, gone))

        api.before_list = once(path, 2, act)
        config = {"per_page": 10, "concurrency": concurrency}
        run = run_here(api, catalog=catalog_of(name), config=config)
    assert len(expected_records(account, name)) == len(before) - 1
    found = by_key(name, run.records)
    lacking = expected_records(account, name).keys() - found.keys()
    assert not lacking or any("may be incomplete" in line for line in warnings(run))
    assert not lacking


@pytest.mark.parametrize("name", [*DATED, *CURSORS])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_new_row_does_not_stand_in_for_one_that_moved(
    name: str, concurrency: int, account: Account
) -> None:
    """As many rows are read as were counted, but another one than all of them."""
    long_enough(account, name)
    gone = account[name].rows()[0]
    with StandIn(account, counting_seconds=0.03) as api:

        def act() -> None:
            account[name].delete(key_of(name, gone))
            account[name].add()

        api.before_list = once(RESOURCES[name].path, 2, act)
        config = MIRROR | {"per_page": 10, "concurrency": concurrency}
        catalog = catalog_of(name, method="FULL_TABLE")
        run = run_here(api, catalog=catalog, config=config)
    assert not expected_records(account, name).keys() - by_key(name, run.records).keys()
    assert not warnings(run)
    assert len(run.of_type("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("name", ["publisher_states", "messages"])
def test_a_new_parent_does_not_stand_in_for_one_that_moved(
    name: str, account: Account
) -> None:
    parent = PARENTS[name]
    rows = account[parent].rows()
    with StandIn(account, counting_seconds=0) as api:

        def act() -> None:
            account[parent].delete(key_of(parent, rows[0]))
            account[parent].add()

        api.before_list = once(RESOURCES[parent].path, 2, act)
        config = MIRROR | {"per_page": 5, "concurrency": 1}
        run = run_here(api, catalog=catalog_of(name), config=config)
    field = "business_id" if name == "publisher_states" else "conversation_id"
    gone = rows[0]["id"]
    wanted = {r[field] for r in account[name].rows()} - {gone}
    assert {record[field] for record in run.records} >= wanted
    assert not [line for line in warnings(run) if "incomplete" in line]


@paged
def test_what_stays_incomplete_says_so_and_waits(name: str, account: Account) -> None:
    """A row goes at each second page, and another one comes."""
    long_enough(account, name)
    path, table = RESOURCES[name].path, account[name]
    with StandIn(account, counting_seconds=0) as api:

        def before(request: LoggedRequest, _: int) -> None:
            if request.path == f"/v2{path}" and "page" in request.query:
                rows = table.rows()
                table.delete(key_of(name, rows[0]))
                table.insert(rows[0], len(rows) - 1)

        api.before_list = before
        config = MIRROR | {"per_page": 10}
        run = run_here(api, catalog=catalog_of(name), config=config)
    lines = [line for line in warnings(run) if line.startswith(f"{name} may be ")]
    missing = table_keys(account, name) - by_key(name, run.records).keys()
    assert not missing or lines
    for line in lines:
        assert " may be incomplete: Partoo reports " in line
        assert " were read in the last of 3 attempts" in line
        assert not run.of_type("ACTIVATE_VERSION")
        assert bookmark_of(run, name) is None


def table_keys(account: Account, name: str) -> set[Any]:
    return set(expected_records(account, name))


@pytest.mark.parametrize("name", ["sections", "groups", "publisher_states"])
def test_a_404_behind_the_first_page_is_the_end(name: str, account: Account) -> None:
    """Where no figures say how many pages there are."""
    account["businesses"].add(id="without-states")
    with StandIn(
        account,
        past_end="not_found",
        habits=Habits(counts_sections=False, embeds_groups=name == "groups"),
        counting_seconds=0,
    ) as api:
        run = run_here(api, catalog=catalog_of(name), config=MIRROR)
    assert by_key(name, run.records) == expected_records(account, name)
    assert len(run.of_type("ACTIVATE_VERSION")) == 1
    assert not warnings(run)


@pytest.mark.parametrize("end", ["null", "empty", "absent", "repeated"])
@pytest.mark.parametrize("count", ["total", "page"])
@pytest.mark.parametrize("name", ["conversations", "messages"])
def test_cursors_end_in_several_ways(
    end: Any,  # noqa: ANN401
    count: Any,  # noqa: ANN401
    name: str,
    account: Account,
) -> None:
    habits = Habits(cursor_end=end, cursor_count=count)
    with StandIn(account, habits=habits, counting_seconds=0) as api:
        run = run_here(api, catalog=catalog_of(name), config={"per_page": 5})
    assert by_key(name, run.records) == expected_records(account, name)
    assert not warnings(run)


@pytest.mark.parametrize("child", ["search_keywords", "messages", "publisher_states"])
def test_parents_that_moved_are_asked_for_once(child: str, account: Account) -> None:
    parent = "conversations" if child == "messages" else "businesses"
    path = RESOURCES[parent].path

    def act() -> None:
        account[parent].delete(key_of(parent, account[parent].rows()[0]))

    with StandIn(account, counting_seconds=0) as api:
        api.before_list = once(path, 2, act)
        catalog = catalog_of(parent, child)
        run = run_here(api, catalog=catalog, config={"per_page": 3})
        asked = Counter(
            str(sorted(r.query.items()))
            for r in api.requests
            if r.path == f"/v2{RESOURCES[child].path}"
        )
    assert max(asked.values()) == 1
    assert len(records_of(run, child)) == len(by_key(child, records_of(run, child)))
