"""Incremental runs: what is emitted, from when on, and where the bookmark moves."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.errors import InputError
from tests.every import by_key, catalog_of, expected_records
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import (
    Account,
    Response,
    StandIn,
    faults,
    make_keys,
    whole_account,
)
from tests.partoo_api.data import spell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests import tap
    from tests.conftest import RunTap

ACTIVITY = ("created_at", "last_used_at", "revoked_at")
OLD = "2024-01-01T00:00:00+00:00"
INDIA = timezone(timedelta(hours=5, minutes=30))


def plain(state: dict[str, Any] | None) -> dict[str, Any]:
    """The state without its entries about the last complete run."""
    result = copy.deepcopy(state or {})
    for name in ("complete_as_of", "filters"):
        assert result["bookmarks"]["api_keys"].pop(name)
    return result


def state_at(moment: object, **entry: Any) -> dict[str, Any]:
    """A state with this bookmark."""
    bookmark = {"replication_key": "created_at", "replication_key_value": moment}
    return {"bookmarks": {"api_keys": bookmark | entry}}


def active_since(account: Account, moment: datetime) -> list[int]:
    """The ids that a run with this bookmark emits, by the account alone."""
    return [
        record["id"]
        for record in account.records()
        if any(
            record[name] and datetime.fromisoformat(record[name]) >= moment
            for name in ACTIVITY
        )
    ]


def newest(account: Account) -> datetime:
    return max(datetime.fromisoformat(r["created_at"]) for r in account.records())


def instant(bookmark: str | None) -> datetime:
    """The moment of a bookmark, which must be RFC 3339 in UTC."""
    assert bookmark is not None
    assert bookmark.endswith("+00:00")
    assert bookmark[10] == "T"
    return datetime.fromisoformat(bookmark)


def warnings(run: tap.Run) -> list[str]:
    return [line for line in run.stderr.splitlines() if "WARNING" in line]


def account_of(*created: object) -> Account:
    """An account of keys that were created then, and neither used nor revoked."""
    keys = make_keys(len(created))
    for key, moment in zip(keys, created, strict=True):
        key.record |= {"created_at": moment, "last_used_at": None, "revoked_at": None}
    return Account(keys)


# What is emitted.


def test_runs_one_after_the_other(api: StandIn, run_tap: RunTap) -> None:
    """The whole story, as a process: first run, nothing new, changes, full refresh."""
    account = api.account
    first = run_tap(api)
    assert first.ids == [record["id"] for record in account.records()]
    bookmark = instant(first.bookmark)
    assert bookmark == newest(account)

    # Much has happened since the newest key was created, but nothing for a day.
    assert active_since(account, bookmark)
    second = run_tap(api, state=first.state)
    assert second.ids == []
    assert plain(second.state) == plain(first.state)

    used, edited, gone, *others = first.ids
    revoked = next(key for key in others if not account.record(key)["disabled"])
    account.touch(used)
    account.edit(edited, label="Renamed")
    account.revoke(revoked)
    account.delete(gone)
    created = account.create()["id"]
    third = run_tap(api, state=second.state)
    changed = {used, revoked, created}
    assert set(third.ids) == changed
    by_id = {record["id"]: record for record in third.records}
    assert by_id[revoked]["disabled"] is True
    assert by_id[used]["last_used_at"] is not None
    assert instant(third.bookmark) > bookmark

    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    full = run_tap(api, state=third.state, catalog=catalog)
    labels = {record["id"]: record["label"] for record in full.records}
    assert labels[edited] == "Renamed"
    assert gone not in labels
    assert len(labels) == 287


SPELLINGS: dict[str, Callable[[datetime], str]] = {
    "canonical": datetime.isoformat,
    "Partoo's": spell,
    "other offset": lambda moment: moment.astimezone(INDIA).isoformat(),
    "Z": lambda moment: moment.isoformat().replace("+00:00", "Z"),
    "naive": lambda moment: moment.replace(tzinfo=None).isoformat(" "),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_bookmark_anywhere_in_any_spelling(
    spelled: Callable[[datetime], str], api: StandIn
) -> None:
    """Compared with the account; in this process, because it takes many runs."""
    rng = random.Random(7)
    moments = [
        datetime.fromisoformat(record[name])
        for record in api.account.records()
        for name in ACTIVITY
        if record[name]
    ]
    for moment in rng.sample(moments, 5):
        for step in (-1, 0, 1):
            bookmark = moment + timedelta(microseconds=step)
            run = run_here(api, state=state_at(spelled(bookmark)))
            assert run.ids == active_since(api.account, bookmark)
            # It never goes back, though the newest key may be older.
            assert instant(run.bookmark) == max(bookmark, newest(api.account))


@pytest.mark.parametrize(
    ("created", "bookmark", "emitted", "moved_to"),
    [
        pytest.param(
            ["2024-05-01 10:00:00+00"] * 3,
            "2024-05-01T10:00:00+00:00",
            [0, 1, 2],
            "2024-05-01T10:00:00+00:00",
            id="tie",
        ),
        pytest.param(
            [f"2024-05-01 10:00:00.00000{digit}+00" for digit in (3, 1, 2)],
            "2024-05-01T10:00:00.000002+00:00",
            [0, 2],
            "2024-05-01T10:00:00.000003+00:00",
            id="microseconds",
        ),
        pytest.param(
            [f"2024-05-01 10:00:00{digits}+00" for digits in (".45", ".4", "", ".5")],
            "2024-05-01T10:00:00.400000+00:00",
            [0, 1, 3],
            "2024-05-01T10:00:00.500000+00:00",
            id="mixed digits",
        ),
        pytest.param(
            ["2024-05-01T10:00:00.4Z", "2024-05-01T10:00:00.45Z", "2024-05-01T10:00Z"],
            "2024-05-01T10:00:00Z",
            [0, 1, 2],
            "2024-05-01T10:00:00.450000+00:00",
            id="Z with mixed digits",
        ),
        pytest.param(
            [
                "2024-05-01 12:00:00+02",
                "2024-05-01 10:30:00+00",
                "2024-05-01T05:15:00-05:00",
                "2024-05-01 15:44:59.999999+05:30",
            ],
            "2024-05-01T10:15:00+00:00",
            [1, 2],
            "2024-05-01T10:30:00+00:00",
            id="other offsets",
        ),
        pytest.param(
            ["2024-01-01 00:30:00+01", "2023-12-31 23:45:00+00"],
            "2023-12-31T23:30:00+00:00",
            [0, 1],
            "2023-12-31T23:45:00+00:00",
            id="other offset, other year",
        ),
    ],
)
def test_times_are_compared_as_instants(
    created: list[str], bookmark: str, emitted: list[int], moved_to: str
) -> None:
    account = account_of(*created)
    ids = [record["id"] for record in account.records()]
    with StandIn(account) as api:
        run = run_here(api, state=state_at(bookmark))
    assert run.ids == [ids[index] for index in emitted]
    assert run.bookmark == moved_to


@pytest.mark.parametrize("name", ["last_used_at", "revoked_at"])
def test_any_activity_counts_to_the_microsecond(name: str) -> None:
    account = account_of(*["2020-01-01 00:00:00+00"] * 3)
    ids = [record["id"] for record in account.records()]
    for key, moment in zip(ids, ("01:59:59.999999+02", "02+02", "00:00"), strict=True):
        account.edit(key, **{name: f"2024-01-01 {moment}"})
    with StandIn(account) as api:
        run = run_here(api, state=state_at(OLD))
    assert run.ids == ids[1:]
    assert run.bookmark == OLD  # it is the largest `created_at`, and never goes back


# `start_date`.


@pytest.mark.parametrize(
    ("start_date", "since"),
    [
        ("2022-03-01", datetime(2022, 3, 1, tzinfo=UTC)),
        ("2022-03-01T12:00:00", datetime(2022, 3, 1, 12, tzinfo=UTC)),
        ("2022-03-01T12:00:00Z", datetime(2022, 3, 1, 12, tzinfo=UTC)),
        ("2022-03-01T12:00:00+05:30", datetime(2022, 3, 1, 12, tzinfo=INDIA)),
        ("2099-01-01", datetime(2099, 1, 1, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize(
    "state",
    [None, {"bookmarks": {}}, {"bookmarks": {"api_keys": {}}}],
    ids=["no state", "no bookmark", "empty bookmark"],
)
def test_start_date_of_the_first_run(
    state: dict[str, Any] | None, start_date: str, since: datetime, api: StandIn
) -> None:
    run = run_here(api, config={"start_date": start_date}, state=state)
    assert run.ids == active_since(api.account, since)
    if run.ids:
        emitted = [datetime.fromisoformat(r["created_at"]) for r in run.records]
        assert instant(run.bookmark) == max(emitted)
    else:
        assert run.bookmark is None


@pytest.mark.parametrize("start_date", ["2020-01-01", "2025-05-01", "2099-01-01"])
def test_a_later_run_starts_at_the_later_of_bookmark_and_start_date(
    start_date: str, api: StandIn
) -> None:
    run = run_here(api, config={"start_date": start_date}, state=state_at(OLD))
    since = max(OLD, f"{start_date}T00:00:00+00:00")
    assert run.ids == active_since(api.account, datetime.fromisoformat(since))
    # Whatever is left out, the bookmark does not go back.
    assert instant(run.bookmark) >= datetime.fromisoformat(OLD)


def test_full_table_ignores_start_date_and_bookmark(api: StandIn) -> None:
    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    config = {"start_date": "2024-01-01"}
    assert len(run_here(api, config=config, catalog=catalog).ids) == 287
    run = run_here(api, config=config, catalog=catalog, state=state_at(OLD))
    assert len(run.ids) == 287


# The bookmark.


@pytest.mark.parametrize("behind_seconds", [0, 3600], ids=["same clock", "slow server"])
def test_what_happens_while_a_run_reads_is_emitted_by_the_next(
    behind_seconds: int, api: StandIn
) -> None:
    """A key is used after its page was read, then another one is created and read.

    The bookmark must not pass the use, whichever clock it is measured by.
    """
    account = api.account
    used = account.records()[0]["id"]

    def server_now() -> datetime:
        return datetime.now(UTC) - timedelta(seconds=behind_seconds)

    def change(number: int, _: Mapping[str, str]) -> None:
        if number == 2:
            account.edit(used, last_used_at=spell(server_now()))
            account.create(created_at=spell(server_now()))

    def stamp(exchange: faults.Exchange) -> Response:
        date = formatdate(server_now().timestamp(), usegmt=True)
        return Response(200, exchange.right.body, {"Date": date}, exchange.right.page)

    api.faults.add(stamp, times=None)
    api.before_response = change
    first = run_here(api, config={"concurrency": 1})
    assert len(first.ids) == 288
    before_use = first.records[0]["last_used_at"]

    api.before_response = None
    second = run_here(api, state=first.state)
    assert used in second.ids
    assert second.records[second.ids.index(used)]["last_used_at"] != before_use


def test_creation_in_the_future_does_not_take_the_bookmark_along(api: StandIn) -> None:
    api.account.create(created_at="2099-01-01 00:00:00+00")
    started = datetime.now(UTC)
    run = run_here(api)
    assert len(run.ids) == 288
    assert newest(api.account).year == 2099
    # Not past the start, and not so long before it that the next run reads it all.
    moved_to = instant(run.bookmark)
    assert moved_to <= datetime.now(UTC)
    assert moved_to > started - timedelta(minutes=5)
    created = api.account.create()["id"]
    assert created in run_here(api, state=run.state).ids


def test_bookmark_in_the_future_is_ignored(api: StandIn, run_tap: RunTap) -> None:
    run = run_tap(api, state=state_at("2099-01-01T00:00:00+00:00"))
    assert run.returncode == 0
    assert len(run.ids) == 287
    assert instant(run.bookmark) == newest(api.account)
    [warning] = warnings(run)
    assert "2099-01-01T00:00:00+00:00" in warning
    assert "future" in warning


def test_bookmark_outlives_its_key(api: StandIn) -> None:
    first = run_here(api)
    account = api.account
    owner = max(account.records(), key=lambda record: str(record["created_at"]))
    account.delete(owner["id"])
    second = run_here(api, state=first.state)
    assert second.bookmark == first.bookmark
    for record in account.records():
        account.delete(record["id"])
    assert run_here(api, state=second.state).bookmark == first.bookmark


def test_no_date_of_creation(api: StandIn, run_tap: RunTap) -> None:
    records = api.account.records()
    undated = [records[3]["id"], records[286]["id"]]
    for key in undated:
        api.account.edit(key, created_at=None, last_used_at=None, revoked_at=None)
    first = run_tap(api)
    assert first.returncode == 0
    assert len(first.ids) == 287
    assert instant(first.bookmark) == datetime.fromisoformat(records[285]["created_at"])
    [warning] = warnings(first)
    assert "created_at" in warning
    assert " 2 " in warning
    # What is not known to be old is emitted each time.
    second = run_here(api, state=first.state)
    assert set(undated) <= set(second.ids)
    assert second.bookmark == first.bookmark


@pytest.mark.parametrize("created", [None, "not a date", 1714557600, {}], ids=repr)
def test_no_usable_date_of_creation_at_all(created: object) -> None:
    account = account_of(created, created)
    with StandIn(account) as api:
        first = run_here(api)
        later = run_here(api, state=state_at(OLD))
    assert len(first.ids) == len(later.ids) == 2
    assert all(record["created_at"] is None for record in first.records)
    assert first.bookmark is None
    assert later.bookmark == OLD


# States that other versions, runners and people leave.


@pytest.mark.parametrize(
    "moment",
    ["yesterday", "", "2024-13-01", "0001-01-01T00:00:00+14:00", 5, 1.5, True, {}, []],
    ids=repr,
)
def test_bookmark_that_is_no_date(moment: object, api: StandIn) -> None:
    with pytest.raises(InputError) as failure:
        run_here(api, state=state_at(moment))
    assert "bookmarks.api_keys.replication_key_value" in str(failure.value)
    assert repr(moment) in str(failure.value)
    assert "--full-refresh" in str(failure.value)
    assert api.requests == []


@pytest.mark.parametrize(
    "bookmarks",
    [None, [], "api_keys", {"api_keys": None}, {"api_keys": "2024-01-01"}],
    ids=repr,
)
def test_state_that_is_none(bookmarks: object, api: StandIn) -> None:
    with pytest.raises(InputError, match=r"`bookmarks`.*--full-refresh"):
        run_here(api, state={"bookmarks": bookmarks})
    assert api.requests == []


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (state_at("yesterday"), "bookmarks.api_keys.replication_key_value"),
        ({"bookmarks": []}, "`bookmarks`"),
    ],
    ids=["no date", "no bookmarks"],
)
def test_bad_state_is_one_line_of_error(
    state: dict[str, Any], named: str, api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, state=state)
    assert run.returncode == 1
    assert run.stdout == b""
    [error] = run.errors
    assert named in error
    assert "--full-refresh" in error
    assert "Traceback" not in run.stderr


def test_states_of_others_are_kept(api: StandIn) -> None:
    other = {"replication_key": "update_date", "replication_key_value": "whenever"}
    state = state_at(OLD)
    state["bookmarks"]["others"] = other
    run = run_here(api, state=state)
    assert run.state is not None
    assert run.state["bookmarks"]["others"] == other
    assert instant(run.bookmark) == newest(api.account)


@pytest.mark.parametrize("value", ["whatever", "2024-01-01", 3531, None], ids=repr)
def test_bookmark_of_another_replication_key_does_not_count(
    value: object, api: StandIn
) -> None:
    run = run_here(api, state=state_at(value, replication_key="id"))
    assert len(run.ids) == 287
    assert plain(run.state) == state_at(newest(api.account).isoformat())


@pytest.mark.parametrize(
    "entry",
    [
        {"replication_key_value": OLD},
        {"replication_key": "last_used_at", "replication_key_value": OLD},
        {"created_at": OLD},
        {"replication_key": None, "replication_key_value": OLD},
        {"partitions": [{"context": {}, "replication_key_value": OLD}]},
    ],
    ids=str,
)
def test_a_bookmark_that_is_not_used_is_reported(
    entry: dict[str, Any], api: StandIn
) -> None:
    run = run_here(api, state={"bookmarks": {"api_keys": entry}})
    assert len(run.ids) == 287
    [warning] = warnings(run)
    assert "api_keys: the bookmark in the state is ignored" in warning
    assert "everything is read again" in warning
    # Once: the state that leaves has a bookmark as it should be.
    assert plain(run.state) == state_at(newest(api.account).isoformat())


def test_partitions_beside_a_bookmark_do_not_repeat_the_stream(api: StandIn) -> None:
    state = state_at(newest(api.account).isoformat())
    state["bookmarks"]["api_keys"]["partitions"] = [
        {"context": {"org_id": org_id}} for org_id in (1, 2)
    ]
    run = run_here(api, state=state)
    assert len(run.ids) < 287
    assert len(set(run.ids)) == len(run.ids)
    assert not any("org_id" in record for record in run.records)
    assert plain(run.state) == state_at(newest(api.account).isoformat())


def test_a_bookmark_of_an_unknown_stream_is_kept_and_reported_once(
    api: StandIn,
) -> None:
    state = state_at(OLD)
    others = {"no_stream": {"since": "whenever"}, "a\nb": {"since": 1}}
    state["bookmarks"] |= others
    run = run_here(api, state=state)
    assert run.state is not None
    assert {name: run.state["bookmarks"][name] for name in others} == others
    [warning] = warnings(run)
    assert "no_stream, a b" in warning
    assert run.ids == active_since(api.account, datetime.fromisoformat(OLD))


WRAPPED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "meltano state get": lambda state: {"singer_state": state},
    "STATE message": lambda state: {"type": "STATE", "value": state},
    "both": lambda state: {"type": "STATE", "value": {"singer_state": state}},
    "with another key": lambda state: state | {"currently_syncing": None},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_state_in_what_it_is_handed_around_in(
    wrap: Callable[[dict[str, Any]], dict[str, Any]], api: StandIn
) -> None:
    run = run_here(api, state=wrap(state_at(OLD)))
    assert run.ids == active_since(api.account, datetime.fromisoformat(OLD))
    assert warnings(run) == []


@pytest.mark.parametrize(
    "state",
    [
        {"api_keys": OLD},
        {"api_keys": {"created_at": OLD}},
        {"singer_state": OLD},
        {"type": "STATE", "value": {"api_keys": {}}},
        {"type": "RECORD", "stream": "api_keys"},
        {"value": {"bookmarks": {}}},
    ],
    ids=str,
)
def test_what_is_no_state_is_refused(state: dict[str, Any], api: StandIn) -> None:
    with pytest.raises(InputError, match=r"This is not a Singer state.*--full-refresh"):
        run_here(api, state=state)
    assert api.requests == []


@pytest.mark.parametrize(
    "state",
    [{}, {"singer_state": {}}, {"bookmarks": {}}, {"currently_syncing": None}],
    ids=str,
)
def test_a_state_without_bookmarks_is_that_of_a_first_run(
    state: dict[str, Any], api: StandIn
) -> None:
    run = run_here(api, state=state)
    assert len(run.ids) == 287
    assert warnings(run) == []


LEFT_BEHIND = {
    "starting_replication_value": OLD,
    "replication_key_signpost": "2026-01-01T00:00:00+00:00",
    "progress_markers": {
        "Note": "Progress is not resumable if interrupted.",
        "replication_key": "created_at",
        "replication_key_value": "2025-06-01T00:00:00+00:00",
    },
}


def test_progress_of_an_interrupted_run_does_not_count(api: StandIn) -> None:
    """Taps on the SDK leave it in the state; what it passed may not have been read."""
    run = run_here(api, state=state_at(OLD, **LEFT_BEHIND))
    assert run.ids == active_since(api.account, datetime.fromisoformat(OLD))
    assert plain(run.state) == state_at(newest(api.account).isoformat())


def test_progress_of_an_interrupted_run_is_no_bookmark_of_an_incomplete_one(
    api: StandIn,
) -> None:
    api.faults.add(faults.fields(count=300), times=None)
    run = run_here(api, state=state_at(OLD, **LEFT_BEHIND))
    assert run.bookmark == OLD
    run = run_here(api, state=run.state)
    assert run.bookmark == OLD


@pytest.mark.parametrize("name", ["reviews", "presence_metrics", "search_keywords"])
@pytest.mark.parametrize("given", ["bookmark", "start_date"])
def test_a_year_that_stands_for_never_is_the_beginning(name: str, given: str) -> None:
    """As of systems whose smallest date is the first of January of the year 1."""
    never = "0001-01-01T00:00:00Z"
    keys = {"reviews": "update_date"}
    entry = {
        "replication_key": keys.get(name, "date"),
        "replication_key_value": never,
    }
    with StandIn(whole_account()) as api:
        run = run_here(
            api,
            catalog=catalog_of(name),
            state={"bookmarks": {name: entry}} if given == "bookmark" else None,
            config={"start_date": never} if given == "start_date" else None,
        )
        records = by_key(name, run.records)
        assert records == expected_records(api.account, name)
