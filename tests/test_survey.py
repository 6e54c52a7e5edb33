"""`tap-partoo --test`: what the key may read, and what each stream costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.streams import STREAMS
from tests.conftest import API_KEY
from tests.every import catalog_of
from tests.in_process import run_here
from tests.partoo_api import Account, Response, StandIn, whole_account
from tests.partoo_api.faults import Rewrite, change_list
from tests.tap import arguments, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunTap
    from tests.tap import Run

NAMES = sorted(stream.name for stream in STREAMS)


@pytest.fixture
def whole() -> Iterator[StandIn]:
    """A stand-in with rows in every stream, on several pages where that is cheap."""
    account = whole_account(reviews=1234, businesses=120, days=10, api_key=API_KEY)
    with StandIn(account) as api:
        yield api


def rows(done: Run) -> dict[str, str]:
    """The lines of the table by stream."""
    lines = done.stdout.decode().splitlines()
    assert lines[0].split("  ")[0] == "stream"
    return {line.split()[0]: line for line in lines[1 : lines.index("")]}


def test_every_stream_is_asked_for_one_record(whole: StandIn, run_tap: RunTap) -> None:
    done = run_tap(whole, "--test")
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    table = rows(done)
    assert sorted(table) == NAMES
    for stream in STREAMS:
        line = table[stream.name]
        assert " no: " not in line
        assert (stream.needs or "") in line
        assert line.count(" yes ") == (
            1 + bool(stream.selected_by_default) + bool(stream.personal_data)
        )
    # One for each, one for each of three parents' lists, and one for the roles.
    assert len(whole.requests) <= len(STREAMS) + 4
    assert all("page" not in request.query for request in whole.requests)


def test_a_run_makes_about_as_many_requests_as_reported(
    whole: StandIn, run_tap: RunTap
) -> None:
    table = rows(run_tap(whole, "--test"))
    for name in NAMES:
        reported = int(table[name].split()[-1])
        whole.requests.clear()
        run_here(whole, catalog=catalog_of(name))
        made = len(whole.requests)
        assert abs(reported - made) <= max(2, made // 10), name


def test_no_rows_are_no_failure(run_tap: RunTap) -> None:
    with StandIn(Account(api_key=API_KEY)) as api:
        done = run_tap(api, "--test", catalog=catalog_of(*NAMES))
    assert done.returncode == 0, done.stderr
    assert not [line for line in rows(done).values() if " no: " in line]


def test_a_refused_stream_that_is_not_selected_is_shown(
    whole: StandIn, run_tap: RunTap
) -> None:
    whole.account.products.discard("Posts")
    whole.account.refuse("conversations", 404)
    done = run_tap(whole, "--test")
    assert done.returncode == 0
    assert done.errors == []
    table = rows(done)
    assert "no: HTTP 403" in table["posts"]
    assert "no: HTTP 404" in table["conversations"]
    assert "no: needs `conversations`" in table["messages"]


@pytest.mark.parametrize("names", [("posts",), ("posts", "api_keys", "messages")])
def test_a_refused_stream_that_is_selected_fails_the_test(
    names: tuple[str, ...], whole: StandIn, run_tap: RunTap
) -> None:
    whole.account.refuse("posts")
    whole.account.refuse("users")
    done = run_tap(whole, "--test", catalog=catalog_of(*names))
    assert done.returncode == 1
    assert len(rows(done)) == len(STREAMS)
    [error] = done.errors
    assert error == (
        "Error: This key cannot read `posts` (HTTP 403, needs the Posts plan). Check "
        "its rights and those of its user, or leave out what it may not read: `meltano "
        "select tap-partoo --exclude posts`."
    )


def test_children_that_are_refused_are_not_the_stream(
    whole: StandIn, run_tap: RunTap
) -> None:
    conversations = [row["id"] for row in whole.account["conversations"].rows()]
    for number in conversations[:5]:
        whole.account.refuse("messages", conversation_id=number)
    assert " no: " not in rows(run_tap(whole, "--test"))["messages"]
    whole.account.refuse("messages")
    assert "no: HTTP 403" in rows(run_tap(whole, "--test"))["messages"]


def test_a_wrong_key_ends_it_at_once(whole: StandIn, run_tap: RunTap) -> None:
    done = run_tap(whole, "--test", config={"api_key": "not-the-right-key"})
    assert done.returncode == 1
    assert done.stdout == b""
    [error] = done.errors
    assert "HTTP 401" in error
    assert len(whole.requests) == 1


def test_another_failure_counts_where_the_stream_is_selected(
    whole: StandIn, run_tap: RunTap
) -> None:
    response = Response(400, {"errors": {"json": "Not today."}})
    whole.faults.add(response, path="/posts", times=None)
    done = run_tap(whole, "--test")
    assert done.returncode == 0
    assert "no: see the warning" in rows(done)["posts"]
    assert "posts: Partoo rejected the request (HTTP 400)" in done.stderr
    done = run_tap(whole, "--test", catalog=catalog_of("posts"))
    assert done.returncode == 1
    assert "posts: Partoo rejected the request (HTTP 400)" in done.errors[0]


NEEDED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "/business/search": ({"id": None}, {"publisher_states", "search_keywords"}),
    "/conversations": ({"id": {"a": 1}}, {"messages"}),
    "/custom_role": ({"api_id": ["x"]}, {"custom_roles"}),
    "/sections": ({"groups": "none"}, {"groups"}),
}


@pytest.mark.parametrize("selected", [True, False])
@pytest.mark.parametrize("path", NEEDED)
def test_a_list_that_others_need_counts_where_they_are_selected(
    path: str, whole: StandIn, run_tap: RunTap, *, selected: bool
) -> None:
    fields, unreadable = NEEDED[path]
    bad = change_list(lambda rows: [row | fields for row in rows])
    whole.faults.add(bad, path=path, times=None)
    names = sorted(unreadable) if selected else ["api_keys"]
    done = run_tap(whole, "--test", catalog=catalog_of(*names))
    if selected:
        assert done.returncode == 1
        [error] = done.errors
        assert "output of a run" not in error
        return
    assert done.returncode == 0, done.stderr
    assert {n for n, line in rows(done).items() if " no: " in line} == unreadable


def test_the_catalog_may_come_after_it(whole: StandIn, tmp_path: Path) -> None:
    """Meltano has it before, people have it where they like."""
    config = {"api_key": API_KEY, "api_url": whole.url}
    files = arguments(tmp_path, config, catalog=catalog_of("posts"))
    for args in ((*files, "--test"), ("--test", *files)):
        done = run(*args)
        assert done.returncode == 0, done.stderr
        assert [n for n, line in rows(done).items() if "yes       yes" in line] == [
            "posts"
        ]


def test_lists_that_do_not_say_how_long_they_are(
    whole: StandIn, run_tap: RunTap
) -> None:
    bare = Rewrite(lambda envelope: {"sections": envelope["sections"]})
    whole.faults.add(bare, path="/sections", times=None)
    assert rows(run_tap(whole, "--test"))["sections"].endswith(" unknown")
