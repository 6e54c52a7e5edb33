"""Messages: which conversations are requested, and that no message is lost.

There is one bookmark for all conversations: it must not pass messages of any of them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

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
    from tests.partoo_api import LoggedRequest
    from tests.tap import Run

NAME = "messages"
CATALOG = catalog_of(NAME)
BOTH = catalog_of(NAME, "conversations")
MARGIN = timedelta(minutes=5, seconds=2)
"""How long before the listing of the conversations the bookmark stays."""


def account_of(conversations: int = 15) -> Account:
    """An account whose newest message is an hour old."""
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    account = whole_account(
        reviews=0, days=1, conversations=conversations, now=hour_ago
    )
    account.clock_offset = timedelta()
    return account


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(account_of()) as stand_in:
        yield stand_in


def run(
    api: StandIn,
    state: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] = CATALOG,
    **config: Any,
) -> Run:
    api.requests.clear()
    return run_here(api, config=config, state=state, catalog=catalog)


def ids(api: StandIn, *conversations: int) -> set[int]:
    """The messages of the account, or those of some conversations."""
    return {
        row["id"]
        for row in api.account[NAME].rows()
        if not conversations or row["conversation_id"] in conversations
    }


def ids_of(run: Run) -> set[int]:
    """What a run has emitted, each once."""
    listed = [record["id"] for record in records_of(run, NAME)]
    assert len(listed) == len(set(listed))
    return set(listed)


def asked_for(api: StandIn) -> list[int]:
    """The conversations whose messages were requested, a page each."""
    return [int(each.query["conversation_id"]) for each in asked(api, "/messages")]


def quiet(api: StandIn) -> list[int]:
    """The conversations that name their last message and its date."""
    return [
        row["id"]
        for row in api.account["conversations"].rows()
        if (row["last_message"] or {}).get("date")
    ]


def of_conversation(number: int) -> Callable[[Mapping[str, str]], bool]:
    return lambda query: query.get("conversation_id") == str(number)


def test_a_first_run_reads_each_conversation_once(api: StandIn) -> None:
    first = run(api)
    assert ids_of(first) == ids(api)
    everyone = [row["id"] for row in api.account["conversations"].rows()]
    assert sorted(asked_for(api)) == sorted(everyone)
    assert asked_twice(api) == []
    newest = max(
        datetime.fromisoformat(row["date"]) for row in api.account[NAME].rows()
    )
    assert bookmark_of(first, NAME) == newest.isoformat()


def test_a_second_run_asks_for_conversations_with_news_and_emits_them_whole(
    api: StandIn,
) -> None:
    state = run(api).state
    # Those without a last message, or without its date, may have new ones.
    unclear = {row["id"] for row in api.account["conversations"].rows()} - {*quiet(api)}
    assert unclear
    talking = quiet(api)[3]
    before = ids(api, talking)
    new = api.account[NAME].add(conversation_id=talking)["id"]
    second = run(api, state)
    assert sorted(asked_for(api)) == sorted({talking} | unclear)
    assert {new} | before <= ids_of(second) == ids(api, talking, *unclear)


def test_a_run_without_news_keeps_the_bookmark(api: StandIn) -> None:
    first = run(api)
    assert bookmark_of(run(api, first.state), NAME) == bookmark_of(first, NAME)


def test_there_is_one_bookmark_whatever_the_number_of_conversations(
    api: StandIn,
) -> None:
    messages = run(api).messages
    last = max(p for p, message in enumerate(messages) if message["type"] == "RECORD")
    for place, message in enumerate(messages):
        if message["type"] == "STATE":
            bookmark = message["value"]["bookmarks"][NAME]
            keys = {"replication_key", "replication_key_value"}
            assert set(bookmark) == (keys if place > last else set())


def test_the_bookmark_stays_behind_the_listing_of_conversations(api: StandIn) -> None:
    api.account[NAME].add(conversation_id=quiet(api)[0])  # now
    began = datetime.now(UTC)
    bookmark = bookmark_of(run(api), NAME)
    assert bookmark
    late = began - datetime.fromisoformat(bookmark)
    assert MARGIN - timedelta(seconds=1) < late < MARGIN + timedelta(seconds=2)


def test_a_message_that_arrives_meanwhile_arrives_in_the_next_run(api: StandIn) -> None:
    """Its conversation was listed and skipped, others with later messages are read."""
    state = run(api).state
    talking, skipped = quiet(api)[0], quiet(api)[1]
    api.account[NAME].add(conversation_id=talking)
    missed: list[int] = []

    def meanwhile(request: LoggedRequest, _: int) -> None:
        if request.path.endswith("/messages") and not missed:
            missed.append(api.account[NAME].add(conversation_id=skipped)["id"])
            # The last of all, in a conversation that is still to be read.
            api.account[NAME].add(conversation_id=talking)

    api.before_list = meanwhile
    second = run(api, state, concurrency=1)
    api.before_list = None
    assert skipped not in asked_for(api)
    assert missed[0] not in ids_of(second)
    assert missed[0] in ids_of(run(api, second.state))


def test_start_date_is_the_lower_bound(api: StandIn) -> None:
    dates = sorted(row["date"] for row in api.account[NAME].rows())
    start = dates[len(dates) // 2]
    expected = {row["id"] for row in api.account[NAME].rows() if row["date"] >= start}
    first = run(api, start_date=start)
    assert ids_of(first) == expected
    old = {
        row["id"]
        for row in api.account["conversations"].rows()
        if (row["last_message"] or {}).get("date", dates[-1]) < start
    }
    assert old
    assert old.isdisjoint(asked_for(api))
    whole = run(api, first.state, catalog_of(NAME, full_table=[NAME]), start_date=start)
    assert ids_of(whole) == expected


def test_a_full_table_run_activates_once_behind_all_conversations(
    api: StandIn,
) -> None:
    catalog = catalog_of(NAME, full_table=[NAME])
    full = run(api, run(api).state, catalog, emit_activate_version_messages=True)
    assert ids_of(full) == ids(api)
    assert activated(full) == [NAME]
    kinds = [message["type"] for message in full.messages]
    assert "RECORD" not in kinds[kinds.index("ACTIVATE_VERSION") :]


def test_the_conversation_is_filled_in(api: StandIn) -> None:
    def drop(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {k: v for k, v in row.items() if k != "conversation_id"} for row in rows
        ]

    api.faults.add(faults.change_list(drop), path="/messages", times=None)
    found = {row["id"]: row["conversation_id"] for row in records_of(run(api), NAME)}
    assert found == {
        row["id"]: row["conversation_id"] for row in api.account[NAME].rows()
    }


def test_content_that_is_no_text_leaves_as_json(api: StandIn) -> None:
    contents = {row["id"]: row["content"] for row in records_of(run(api), NAME)}
    kinds = set()
    for row in api.account[NAME].rows():
        content = row["content"]
        kinds.add(type(content))
        as_it_is = content is None or isinstance(content, str)
        found = contents[row["id"]]
        assert (found if as_it_is else json.loads(found)) == content
    assert len(kinds) == 4


# Both streams in one run.


@pytest.mark.parametrize("catalog", [CATALOG, BOTH], ids=["messages", "both"])
def test_conversations_are_read_once(api: StandIn, catalog: Mapping[str, Any]) -> None:
    both = run(api, catalog=catalog, per_page=4)
    assert ids_of(both) == ids(api)
    assert asked_twice(api) == []
    assert len(asked(api, "/conversations")) == 4
    listed = [record["id"] for record in records_of(both, "conversations")]
    everyone = [row["id"] for row in api.account["conversations"].rows()]
    assert listed == (everyone if catalog is BOTH else [])


def test_conversations_that_are_read_again_are_asked_for_once(api: StandIn) -> None:
    """A page of their list gave one of them twice, and left another out."""

    def repeat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*rows[:-1], rows[0]]

    api.faults.add(faults.change_list(repeat), path="/conversations", request=2)
    both = run(api, catalog=BOTH, per_page=4)
    assert ids_of(both) == ids(api)
    pages = [
        (each.query["conversation_id"], each.query.get("cursor"))
        for each in asked(api, "/messages")
    ]
    assert len(pages) == len(set(pages))
    assert bookmark_of(both, NAME)


# Cursors.


@pytest.mark.parametrize("count", ["total", "page"])
@pytest.mark.parametrize("end", ["null", "empty", "absent", "repeated"])
def test_each_end_of_a_cursor_is_the_end(
    api: StandIn,
    end: Literal["null", "empty", "absent", "repeated"],
    count: Literal["total", "page"],
) -> None:
    api.habits = Habits(cursor_end=end, cursor_count=count)
    both = run(api, catalog=BOTH, per_page=2)
    assert ids_of(both) == ids(api)
    listed = [record["id"] for record in records_of(both, "conversations")]
    assert listed == [row["id"] for row in api.account["conversations"].rows()]
    assert bookmark_of(both, NAME)
    assert warnings_of(both) == []


def test_a_count_of_the_page_is_not_taken_for_a_total(api: StandIn) -> None:
    """It says nothing of the list, which is read once and complete."""
    api.habits = Habits(cursor_count="page")
    once = run(api, per_page=2)
    assert bookmark_of(once, NAME)
    assert "may be incomplete" not in once.stderr
    assert len(asked(api, "/conversations")) == 8


def lose_one(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out a row of each page; `count` knows of it."""
    return rows[1:]


@pytest.mark.parametrize("path", ["/conversations", "/messages"])
def test_an_incomplete_list_holds_the_bookmark(api: StandIn, path: str) -> None:
    begun = run(api)
    # The first conversation is incomplete, and complete ones follow.
    first, *_, last = quiet(api)
    for conversation in (first, last):
        api.account[NAME].add(conversation_id=conversation)
    match = of_conversation(first) if path == "/messages" else None
    api.faults.add(faults.change_list(lose_one), path=path, times=None, match=match)
    short = run(api, begun.state)
    assert ids(api, last) <= ids_of(short)
    assert bookmark_of(short, NAME) == bookmark_of(begun, NAME)
    *of_parent, warning = warnings_of(short)
    assert warning.startswith("WARNING messages may be incomplete: ")
    assert len(of_parent) == (path == "/conversations")
    api.faults.clear()
    assert ids_of(run(api, short.state)) >= ids(api, first, last)


def test_an_incomplete_conversation_forbids_activation(api: StandIn) -> None:
    match = of_conversation(quiet(api)[0])
    api.faults.add(
        faults.change_list(lose_one), path="/messages", times=None, match=match
    )
    catalog = catalog_of(NAME, full_table=[NAME])
    assert activated(run(api, None, catalog, emit_activate_version_messages=True)) == []


# Conversations that fail.


@pytest.mark.parametrize("response", [Response(500), Response(400)], ids=["500", "400"])
def test_a_conversation_that_fails_loses_nothing(
    api: StandIn, run_tap: RunTap, response: Response
) -> None:
    begun = run(api)
    first, failing, last = quiet(api)[0], quiet(api)[3], quiet(api)[-1]
    new = [
        api.account[NAME].add(conversation_id=conversation)["id"]
        for conversation in (first, failing, last)
    ]
    api.faults.add(
        response, path="/messages", times=None, match=of_conversation(failing)
    )
    broken = run_tap(api, state=begun.state, catalog=CATALOG, command=QUICK)
    assert broken.returncode == 1
    [error] = broken.errors
    assert "messages: " in error
    assert bookmark_of(broken, NAME) == bookmark_of(begun, NAME)
    api.faults.clear()
    assert ids_of(run(api, broken.state)) >= set(new)


def test_a_page_that_vanishes_within_a_conversation_holds_the_bookmark(
    api: StandIn,
) -> None:
    """That does not end a list by cursor."""
    api.faults.add(Response(404), path="/messages", page=2, times=None)
    broken = run(api, per_page=1)
    assert bookmark_of(broken, NAME) is None
    lines = [line for line in warnings_of(broken) if "may be incomplete" in line]
    assert lines
    assert all(": a page was not found in the last of 3 " in line for line in lines)
    api.faults.clear()
    assert ids_of(broken) | ids_of(run(api, broken.state)) == ids(api)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_conversation_that_is_deleted_between_two_of_its_pages_is_counted(
    api: StandIn, concurrency: int
) -> None:
    gone = quiet(api)[2]

    def vanish(request: LoggedRequest, _: int) -> None:
        is_it = request.query.get("conversation_id") == str(gone)
        if is_it and "cursor" in request.query:
            api.account.refuse(NAME, 404, conversation_id=gone)

    for _ in range(3):
        api.account[NAME].add(conversation_id=gone)
    api.before_list = vanish
    left = run(api, per_page=1, concurrency=concurrency)
    [warning] = warnings_of(left)
    assert warning.startswith("WARNING messages: Partoo refused 1 of ")
    assert warning.endswith("HTTP 404, as for what was deleted meanwhile")
    assert bookmark_of(left, NAME)
    assert ids_of(left) >= ids(api) - ids(api, gone)


@pytest.mark.parametrize("status", [403, 404])
def test_a_conversation_that_is_refused_is_counted_and_holds_nothing_back(
    api: StandIn, status: int
) -> None:
    refused = quiet(api)[2]
    api.account.refuse(NAME, status, conversation_id=refused)
    left = run(api)
    assert ids_of(left) == ids(api) - ids(api, refused)
    assert bookmark_of(left, NAME)
    [warning] = warnings_of(left)
    assert f"{NAME}: Partoo refused 1 of 15 queries" in warning
