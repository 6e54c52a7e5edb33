"""A bad value only affects its column, and the failure of an aid only that aid."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.api import decoding
from tap_partoo.api.decoding import UNREADABLE, decode
from tap_partoo.errors import InputError, UnreadableResponseError
from tests import tap
from tests.every import MIRROR, by_key, catalog_of, expected_records, key_of
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import (
    RESOURCES,
    Account,
    Response,
    StandIn,
    faults,
    make_keys,
    whole_account,
)

if TYPE_CHECKING:
    from tests.conftest import RunTap


def with_text(old: str, new: str) -> faults.Fault:
    """Put a JSON text in the place of another."""

    def fault(exchange: faults.Exchange) -> Response:
        right = exchange.right
        content = right.content()
        assert old.encode() in content
        return Response(
            200, content.replace(old.encode(), new.encode()), page=right.page
        )

    return fault


UNUSUAL = {
    "lone surrogate": r'"\ud800"',
    "surrogates in the wrong order": r'"\udc00\ud800"',
    "number beyond all limits": "1e999",
    "negative one": "-1e999",
    "integer of 5,000 digits": "9" * 5000,
    "arrays within arrays": "[" * 100_000 + "]" * 100_000,
    "objects within objects": '{"a[": ' * 5000 + r'"}\"]"' + "}" * 5000,
}


@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL)
def test_a_value_that_cannot_be_decoded_costs_its_column(
    run_tap: RunTap, text: str
) -> None:
    account = Account(make_keys(5))
    key = account.records()[2]["id"]
    account.edit(key, description="to be replaced")
    with StandIn(account) as api:
        api.faults.add(with_text('"to be replaced"', text), times=None)
        run = run_tap(api)
    assert run.returncode == 0, run.stderr
    records = {record["id"]: record for record in run.records}
    assert len(records) == 5
    assert records[key]["description"] is None
    [line] = [text for text in run.stderr.splitlines() if "WARNING" in text]
    assert "api_keys.description: 1 value(s) do not fit the schema" in line
    assert f"id {key}" in line


def test_everything_else_of_such_a_response_is_as_ever() -> None:
    plain = {"a": [1, 2.5, "x", None, True, {"b": "é"}], "c": -7}
    text = json.dumps({**plain, "bad": "@"}).replace('"@"', r'"\ud800"')
    assert decode(text.encode()) == {**plain, "bad": UNREADABLE}


@pytest.mark.parametrize("text", ["lone surrogate", "arrays within arrays"])
@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("feedback_results", "extra"),
        ("messages", "custom_channel"),
        ("conversations", "last_message"),
        ("custom_fields", "text_fields"),
        ("publisher_states", "state"),
    ],
)
def test_it_does_so_in_each_kind_of_stream(name: str, column: str, text: str) -> None:
    unusual = UNUSUAL[text].encode()

    def replace(exchange: faults.Exchange) -> Response:
        content = exchange.right.content().replace(b'"to be replaced"', unusual)
        return Response(200, content, page=exchange.right.page)

    with StandIn(whole_account(reviews=0, conversations=3)) as api:
        [row, *others] = api.account[name].rows()
        value = {"unusual": ["to be replaced"]}
        api.account[name].edit(key_of(name, row), **{column: value})
        path = RESOURCES[name].path
        api.faults.add(replace, path=path, times=None)
        run = run_here(api, catalog=catalog_of(name))
    assert len(run.records) == 1 + len(others)
    [line] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert f"{name}.{column}: 1 value(s) do not fit the schema" in line


def test_a_nul_character_is_replaced_wherever_it_is() -> None:
    r"""PostgreSQL refuses it in text and in jsonb; `\\u0000` is ordinary text."""
    text = r'{"a": "x\u0000y", "b": [{"\u0000": ["\u0000"]}], "c": "\\u0000", "d": 1}'
    mark = "\N{REPLACEMENT CHARACTER}"
    wanted = {"a": f"x{mark}y", "b": [{mark: [mark]}], "c": r"\u0000", "d": 1}
    assert decode(text.encode()) == wanted


def test_a_nul_character_leaves_no_column_out() -> None:
    with StandIn(whole_account(reviews=3, conversations=0)) as api:
        for row in api.account["reviews"].rows():
            comment = {"id": 1, "content": "a\0b", "replies": [{"content": "\0"}]}
            api.account.edit_review(row["id"], title="\0", comments=[comment])
        run = run_here(api, catalog=catalog_of("reviews"))
    assert len(run.records) == 3
    for record in run.records:
        assert record["title"] == "\N{REPLACEMENT CHARACTER}"
        assert record["comments"][0]["content"] == "a\N{REPLACEMENT CHARACTER}b"
        assert "u0000" not in json.dumps(record)
    assert not [line for line in run.stderr.splitlines() if "WARNING" in line]


@pytest.mark.parametrize("name", ["api_keys", "messages", "permissions"])
def test_a_byte_order_mark_is_no_fault(name: str) -> None:
    def mark(exchange: faults.Exchange) -> Response:
        right = exchange.right
        return Response(200, b"\xef\xbb\xbf" + right.content(), page=right.page)

    with StandIn(whole_account(reviews=0, conversations=3)) as api:
        api.faults.add(mark, times=None)
        run = run_here(api, catalog=catalog_of(name))
        wanted = expected_records(api.account, name)
    assert by_key(name, run.records) == wanted


def test_what_is_nested_within_reason_leaves() -> None:
    depth = 150
    with StandIn(whole_account(reviews=0, conversations=0)) as api:
        [row, *_] = api.account["feedback_results"].rows()
        value = json.loads("[" * depth + "]" * depth)
        api.account["feedback_results"].edit(row["id"], extra=value)
        run = run_here(api, catalog=catalog_of("feedback_results"))
        [text] = [r["extra"] for r in run.records if r["id"] == row["id"]]
    assert text == "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text", [b"NaN", b"[Infinity]", b'{"a": -Infinity}', b"[" * 100_000, b"\xff"]
)
def test_what_is_not_json_is_still_refused(text: bytes) -> None:
    with pytest.raises(UnreadableResponseError):
        decoding.decode(text)


@pytest.mark.parametrize("started", [0, 1, 3])
def test_a_worker_that_cannot_be_had_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, started: int
) -> None:
    """As in a container with a limited number of threads."""
    account = Account(make_keys(95))
    start, count = threading.Thread.start, 0

    def limited(thread: threading.Thread) -> None:
        nonlocal count
        if thread.name.startswith("ThreadPoolExecutor"):
            count += 1
            if count > started:
                msg = "can't start new thread"
                raise RuntimeError(msg)
        start(thread)

    with StandIn(account, latency_seconds=0.03) as api:
        monkeypatch.setattr(threading.Thread, "start", limited)
        run = run_here(api, config={"per_page": 10, "concurrency": 4})
    assert sorted(run.ids) == sorted(r["id"] for r in account.records())
    assert count == started + 1  # it is not tried again
    assert len(api.requests) <= 10 + 1


# Stream maps that fail on a record.

MAPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "hash of null": ({"user_name": "md5(user_name)"}, "user_name", "md5(user_name)"),
    "text as a number": ({"x": "int(label)"}, "x", "int(label)"),
    "filter": ({"__filter__": "label > 3"}, "__filter__", "label > 3"),
    "item of null": ({"first": "permissions[0]"}, "first", "permissions[0]"),
}


@pytest.mark.parametrize(("maps", "column", "code"), MAPS.values(), ids=MAPS)
def test_a_map_that_fails_is_the_users_own_mistake(
    run_tap: RunTap, maps: dict[str, Any], column: str, code: str
) -> None:
    account = Account(make_keys(5))
    for record in account.records():
        account.edit(
            record["id"], user_name=None, label="private-label", permissions=None
        )
    with StandIn(account) as api:
        run = run_tap(api, config={"stream_maps": {"api_keys": maps}})
    assert run.returncode == 1
    [error] = run.errors
    assert f"`api_keys.{column}`" in error
    assert code in error
    assert "report" not in error
    assert "private-label" not in run.stderr
    assert "unhandled" not in run.stderr
    assert run.bookmark is None


@pytest.mark.parametrize("code", [r"'\ud800'", r"['a', 'b\udc00c']"])
@pytest.mark.parametrize("name", ["api_keys", "messages", "permissions"])
def test_a_map_whose_result_is_no_json_is_the_users_own_mistake(
    name: str, code: str
) -> None:
    config = {"stream_maps": {name: {"x": code}}}
    with (
        StandIn(whole_account(reviews=0, conversations=3)) as api,
        pytest.raises(InputError, match=rf"`stream_maps` gives `{name}` a value"),
    ):
        run_here(api, catalog=catalog_of(name), config=config)


def test_a_failure_is_one_line(run_tap: RunTap, api: StandIn) -> None:
    run = run_tap(api, config={"api_key": "not-the-right-key"})
    said = [line for line in run.stderr.splitlines() if "ERROR" in line.upper()]
    assert len(said) == 1


# Clocks, and waits that Partoo asks for.


@pytest.mark.parametrize("behind", [timedelta(hours=1), timedelta(days=400)])
def test_a_version_is_of_partoos_clock(behind: timedelta) -> None:
    """A clock of this machine that was set back must not reuse a version."""
    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    activate = {"emit_activate_version_messages": True}
    versions = []
    with StandIn(Account(make_keys(3))) as api:
        for ahead in (timedelta(0), behind):
            # To be behind is to have a Partoo that is ahead.
            api.clock_offset = ahead
            run = run_here(api, config=activate, catalog=catalog)
            [message] = run.of_type("ACTIVATE_VERSION")
            assert {m["version"] for m in run.of_type("RECORD")} == {message["version"]}
            versions.append(message["version"])
    assert versions[1] - versions[0] >= behind.total_seconds() * 1000 - 2000


@pytest.mark.parametrize(
    "name", ["businesses", "reviews", "messages", "publisher_states", "permissions"]
)
def test_a_version_of_each_kind_of_stream_is_of_partoos_clock(name: str) -> None:
    catalog = catalog_of(name, method="FULL_TABLE")
    versions = []
    with StandIn(whole_account(reviews=20, conversations=3)) as api:
        for ahead in (timedelta(days=3), timedelta(days=3, minutes=1)):
            api.clock_offset = ahead
            run = run_here(api, config=MIRROR, catalog=catalog)
            [message] = run.of_type("ACTIVATE_VERSION")
            assert {m["version"] for m in run.of_type("RECORD")} == {message["version"]}
            versions.append(message["version"])
    assert versions[1] - versions[0] >= 58_000


def test_a_wait_that_is_too_long_ends_the_run_at_once(
    run_tap: RunTap, api: StandIn
) -> None:
    api.faults.add(faults.too_many_requests(3600), page=2, times=None)
    run = run_tap(api, config={"concurrency": 1})
    assert run.returncode == 1
    [error] = run.errors
    assert "The server asks to wait 3600 s: run again then." in error
    assert len([r for r in api.requests if r.query.get("page") == "2"]) == 1


def test_a_wait_is_never_cut_short(run_tap: RunTap, api: StandIn) -> None:
    """A third attempt would end after the time limit for retries."""
    api.faults.add(faults.too_many_requests(1), page=2, times=None)
    run = run_tap(api, config={"concurrency": 1}, command=tap.IMPATIENT)
    assert run.returncode == 1
    asked = [r.at for r in api.requests if r.query.get("page") == "2"]
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 1
    assert "The server asks to wait 1 s" in run.errors[0]


def test_a_wrong_catalog_is_no_bug(api: StandIn) -> None:
    catalog = discover_api_keys()
    column = {"type": ["array", "null"], "items": {"type": "string"}}
    catalog["streams"][0]["schema"]["properties"]["label"] = column
    with pytest.raises(InputError, match=r"`api_keys\.label`"):
        run_here(api, catalog=catalog)
