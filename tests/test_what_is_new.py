"""What is new is decided on what Partoo sent, whatever the user makes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.every import catalog_of, entry_of
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import Account, StandIn, faults, make_keys, whole_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap import Run

BOOKMARK = "2024-05-05T09:00:00+00:00"
STATE = {
    "bookmarks": {
        "api_keys": {
            "replication_key": "created_at",
            "replication_key_value": BOOKMARK,
        }
    }
}


@pytest.fixture
def quiet() -> Iterator[StandIn]:
    """Twenty keys of the year 2020 that nobody has used since."""
    keys = make_keys(20)
    for key in keys:
        key.record |= {
            "created_at": "2020-01-01 00:00:00+00",
            "last_used_at": None,
            "revoked_at": None,
        }
    with StandIn(Account(keys)) as api:
        yield api


def typed(**columns: dict[str, Any]) -> dict[str, Any]:
    """A catalog that gives columns other types, as Meltano's `schema:` does."""
    catalog = discover_api_keys()
    catalog["streams"][0]["schema"]["properties"] |= columns
    return catalog


TEXT = {"type": ["string", "null"]}
DATE = {"type": ["string", "null"], "format": "date"}


@pytest.mark.parametrize(
    ("column", "definition", "emitted"),
    [
        ("revoked_at", TEXT, "2024-05-05T23:00:00+00:00"),
        ("revoked_at", DATE, "2024-05-05"),
        ("last_used_at", TEXT, "2024-05-05T23:00:00+00:00"),
        ("last_used_at", DATE, "2024-05-05"),
    ],
)
def test_the_type_of_a_column_does_not_decide(
    quiet: StandIn, column: str, definition: dict[str, Any], emitted: str
) -> None:
    key = quiet.account.records()[3]["id"]
    quiet.account.edit(key, **{column: "2024-05-05 23:00:00+00"})
    run = run_here(quiet, state=STATE, catalog=typed(**{column: definition}))
    [record] = run.records
    assert record["id"] == key
    assert record[column] == emitted


@pytest.mark.parametrize("definition", [TEXT, DATE], ids=["text", "date"])
def test_the_replication_key_may_have_another_type(
    quiet: StandIn, definition: dict[str, Any]
) -> None:
    catalog = typed(created_at=definition)
    first = run_here(quiet, catalog=catalog)
    assert len(first.ids) == 20
    assert first.bookmark == "2020-01-01T00:00:00+00:00"
    new = quiet.account.create()["id"]
    assert run_here(quiet, state=first.state, catalog=catalog).ids == [new]


@pytest.mark.parametrize(
    "value", ["2026/01/02 10:00", 1767348000, {"at": "2026-01-02"}, "soon", True]
)
@pytest.mark.parametrize("column", ["revoked_at", "last_used_at"])
def test_activity_that_cannot_be_read_counts(
    quiet: StandIn, column: str, value: object
) -> None:
    key = quiet.account.records()[5]["id"]
    quiet.account.edit(key, **{column: value})
    run = run_here(quiet, state=STATE)
    [record] = run.records
    assert (record["id"], record[column]) == (key, None)
    assert f"api_keys.{column}: 1 value(s) do not fit" in run.stderr


def test_an_array_as_text_loses_nothing(quiet: StandIn) -> None:
    listed = {r["id"]: r["permissions"] for r in quiet.account.records()}
    run = run_here(quiet, catalog=typed(permissions=TEXT))
    for record in run.records:
        text = record["permissions"]
        assert (text and json.loads(text)) == listed[record["id"]]
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("api_keys", "ip_whitelist"),
        ("businesses", "photos"),
        ("businesses", "contacts"),
        ("reviews", "comments"),
        ("permissions", "depends_on"),
    ],
)
def test_what_is_nested_loses_nothing_as_text(name: str, column: str) -> None:
    catalog = catalog_of(name)
    with StandIn(whole_account(reviews=40, conversations=0)) as api:
        plain = run_here(api, catalog=catalog)
        entry_of(catalog, name)["schema"]["properties"][column] = TEXT
        run = run_here(api, catalog=catalog)
    for record in run.records:
        record[column] = record[column] and json.loads(record[column])
    assert run.records == plain.records
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize("value", ["2026/01/02 10:00", 1767348000, {"a": 1}, "soon"])
def test_a_change_of_a_review_that_cannot_be_read_counts(value: object) -> None:
    """Written before the start of the history, changed nobody knows when."""
    old = {"date": "2019-01-01T00:00:00", "update_date": value}
    change = faults.change_list(lambda rows: [row | old for row in rows])
    with StandIn(whole_account(reviews=20, conversations=0)) as api:
        api.faults.add(change, path="/reviews", times=None)
        config = {"start_date": "2024-01-01"}
        run = run_here(api, catalog=catalog_of("reviews"), config=config)
        wanted = {row["id"] for row in api.account["reviews"].rows()}
    assert set(run.ids) == wanted
    assert {record["update_date"] for record in run.records} == {None}
    assert "reviews.update_date: " in run.stderr


# What the bookmark stands for.


def ids_with(api: StandIn, since: datetime) -> set[int]:
    names = ("created_at", "last_used_at", "revoked_at")
    return {
        record["id"]
        for record in api.account.records()
        if any(record[n] and datetime.fromisoformat(record[n]) >= since for n in names)
    }


def test_a_quiet_account_emits_only_what_was_active_within_a_day() -> None:
    """Most keys were used since the newest one was created, which is long ago."""
    keys = make_keys(40)
    for number, key in enumerate(keys):
        day = 1 + number % 28
        key.record |= {
            "created_at": "2020-01-01 00:00:00+00",
            "last_used_at": f"2025-02-{day:02} 10:00:00+00",
            "revoked_at": None,
        }
    with StandIn(Account(keys)) as api:
        state: dict[str, Any] | None = None
        runs: list[Run] = []
        for _ in range(3):
            runs.append(run_here(api, state=state))
            state = runs[-1].state
            api.clock_offset += timedelta(days=1)
            used = api.account.records()[len(runs)]["id"]
            api.account.touch(used)
    first, second, third = runs
    assert len(first.ids) == 40
    assert len(second.ids) == 1
    # Those of the last two touches: one since the second run, one in the day before it.
    assert len(third.ids) == 2
    assert third.bookmark == first.bookmark == "2020-01-01T00:00:00+00:00"


def test_a_use_that_partoo_records_late_arrives(quiet: StandIn) -> None:
    first = run_here(quiet)
    key = quiet.account.records()[0]["id"]
    late = datetime.now(UTC) - timedelta(minutes=2)
    quiet.account.create()
    quiet.account.edit(key, last_used_at=late.isoformat(" "))
    assert key in run_here(quiet, state=first.state).ids


def test_a_reading_that_began_in_the_future_is_no_start(quiet: StandIn) -> None:
    """Partoo's clock was wrong for one run: what it had not emitted is not lost."""
    quiet.clock_offset = timedelta(days=400)
    first = run_here(quiet)
    quiet.clock_offset = timedelta()
    key = quiet.account.records()[0]["id"]
    quiet.account.touch(key)
    second = run_here(quiet, state=first.state)
    assert key in second.ids
    assert "is in the future and is ignored" in second.stderr
    third = run_here(quiet, state=second.state)
    assert third.ids == [key]
    assert "WARNING" not in third.stderr


def test_a_revocation_that_partoo_records_late_arrives(quiet: StandIn) -> None:
    first = run_here(quiet)
    key = quiet.account.records()[0]["id"]
    late = datetime.now(UTC) - timedelta(hours=23)
    quiet.account.edit(key, revoked_at=late.isoformat(" "), disabled=True)
    assert run_here(quiet, state=first.state).ids == [key]


def test_a_key_that_partoo_lists_late_arrives(quiet: StandIn) -> None:
    """However late: it is newer than all that were seen."""
    first = run_here(quiet)
    quiet.clock_offset = timedelta(days=9)
    second = run_here(quiet, state=first.state)
    key = quiet.account.create(created_at="2020-01-01 00:00:01+00")["id"]
    assert second.ids == []
    assert run_here(quiet, state=second.state).ids == [key]


def test_a_state_of_other_filters_counts_from_the_bookmark(quiet: StandIn) -> None:
    first = run_here(quiet, config={"api_keys_type": "user"})
    assert first.state is not None
    entry = first.state["bookmarks"]["api_keys"]
    assert entry["filters"] == {"status": None, "type": "user", "search_text": False}
    again = run_here(quiet, state=first.state)
    assert set(again.ids) == ids_with(quiet, datetime(2020, 1, 1, tzinfo=UTC))


def test_a_searched_text_is_not_in_the_state(quiet: StandIn) -> None:
    run = run_here(quiet, config={"api_keys_search_text": "sync-7Qx"})
    assert run.state is not None
    assert run.state["bookmarks"]["api_keys"]["filters"]["search_text"] is True
    assert b"sync-7Qx" not in run.stdout


@pytest.mark.parametrize("status", ["expired", "inactive"])
def test_a_key_that_expires_enters_a_filtered_list(quiet: StandIn, status: str) -> None:
    config = {"api_keys_status": status}
    for record in quiet.account.records():
        quiet.account.edit(record["id"], expiration_date=None, disabled=False)
    old, soon = (record["id"] for record in quiet.account.records()[:2])
    quiet.account.edit(old, expiration_date="2021-01-01")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    quiet.account.edit(soon, expiration_date=tomorrow.date().isoformat())
    first = run_here(quiet, config=config)
    assert first.ids == [old]
    quiet.clock_offset += timedelta(days=4)
    second = run_here(quiet, config=config, state=first.state)
    assert second.ids == [soon]
    quiet.clock_offset += timedelta(days=3)
    assert run_here(quiet, config=config, state=second.state).ids == []
