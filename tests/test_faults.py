"""What passes is tried again until it works; what stays ends with one sentence."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError

from tap_partoo.api import retrying as client
from tap_partoo.api.errors import retry_after_seconds
from tests import failures, patched, tap
from tests.conftest import API_KEY, RunTap
from tests.every import bookmark_of, by_key, catalog_of, expected_records
from tests.failures import FAILURES, STATE, check_end, of_fault
from tests.in_process import limit_attempts, run_here
from tests.partoo_api import (
    Account,
    Fault,
    Response,
    StandIn,
    faults,
    make_keys,
    whole_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TRANSIENT = faults.TRANSIENT
PAGES = (1, 2, 3)
SMALL = {"per_page": 10, "requests_per_minute": 1_000_000}
"""Settings that make three pages of 30 keys, and keep no pace over many runs."""


@pytest.fixture
def small() -> Iterator[StandIn]:
    """An account of three pages of ten keys."""
    with StandIn(Account(make_keys(30), api_key=API_KEY)) as stand_in:
        yield stand_in


# In the process of the test, because there are more than a thousand runs. What differs
# from the command line is shown by representatives on the command line, further down.


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tap in this process wait next to nothing between its tries."""
    monkeypatch.setattr(client, "BACKOFF_FACTOR_SECONDS", 0.001)
    monkeypatch.setattr(client, "BACKOFF_MAX_SECONDS", 0.001)
    monkeypatch.setattr(client, "MAX_JITTER_SECONDS", 0.001)


def check_complete(run: tap.Run, account: Account) -> None:
    """Assert that a run read every key once, and moved the bookmark."""
    assert run.returncode == 0, run.stderr
    records = account.records()
    assert sorted(run.ids) == sorted(record["id"] for record in records)
    newest = max(datetime.fromisoformat(record["created_at"]) for record in records)
    assert run.bookmark
    assert datetime.fromisoformat(run.bookmark) == newest


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_fault_on_any_page_passes(small: StandIn, fault: str) -> None:
    for page, times, concurrency in ((1, 3, 4), (2, 1, 1), (3, 3, 1), (3, 1, 4)):
        small.requests.clear()
        small.faults.add(TRANSIENT[fault], page=page, times=times)
        run = run_here(small, config=SMALL | {"concurrency": concurrency})
        check_complete(run, small.account)
        assert len(small.requests) == len(PAGES) + times


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", TRANSIENT)
def test_each_pair_of_faults_on_a_page_passes(fault: str) -> None:
    others = [other for other in TRANSIENT if other != fault]
    account = Account(make_keys(len(others)), api_key=API_KEY)
    with StandIn(account) as api:
        for page, other in enumerate(others, 1):
            api.faults.add(TRANSIENT[fault], page=page)
            api.faults.add(TRANSIENT[other], page=page)
        check_complete(run_here(api, config=SMALL | {"per_page": 1}), account)
        assert len(api.requests) == 3 * len(others)


STALLS = {"stall": faults.stall(30), "stall in the body": faults.stall_in_body(30)}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", STALLS)
def test_silence_on_any_page_passes(small: StandIn, fault: str) -> None:
    for page in PAGES:
        small.faults.add(STALLS[fault], page=page)
    small.faults.add(STALLS[fault], page=2, times=2)
    run = run_here(small, config=SMALL | {"request_timeout": 1})
    check_complete(run, small.account)
    assert len(small.requests) == len(PAGES) + 5


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", [*TRANSIENT, *STALLS])
def test_a_fault_that_never_passes_ends_with_its_sentence(
    small: StandIn, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 2 if fault in STALLS else 4
    limit_attempts(monkeypatch, most)
    small.faults.add({**TRANSIENT, **STALLS}[fault], page=2, times=None)
    with pytest.raises(FatalAPIError) as raised:
        run_here(small, config=SMALL | {"request_timeout": 1})
    where = f"{small.url}/api_keys"
    expected = of_fault(fault).line(where=where).removeprefix("Error: ")
    note = re.fullmatch(
        re.escape(expected) + rf" Gave up after {most} attempts in \d+ s\.",
        str(raised.value),
    )
    assert note, str(raised.value)
    # Page 2 was asked for that often, and each of the others once at the most.
    tries = [r for r in small.requests if r.query.get("page") == "2"]
    assert len(tries) == most


def test_every_fault_is_a_failure_of_the_table() -> None:
    in_table = [name for f in FAILURES.values() for name in f.faults]
    assert sorted(in_table) == sorted([*TRANSIENT, *STALLS, *faults.PERMANENT])


# On the command line.


def test_a_run_that_meets_every_fault_is_complete(run_tap: RunTap) -> None:
    with StandIn(Account(make_keys(400), api_key=API_KEY)) as api:
        for page, fault in enumerate([*TRANSIENT.values(), *STALLS.values()], 1):
            api.faults.add(fault, page=page)
        run = run_tap(
            api,
            config={"per_page": 10, "request_timeout": 1},
            command=tap.IMPATIENT,
        )
        check_complete(run, api.account)
        assert not run.errors
        assert len(api.requests) == 40 + len(TRANSIENT) + len(STALLS)


@pytest.mark.parametrize("page", PAGES)
def test_three_faults_in_a_row_pass(api: StandIn, run_tap: RunTap, page: int) -> None:
    for fault in ("reset", "500", "truncated JSON"):
        api.faults.add(TRANSIENT[fault], page=page)
    run = run_tap(api, command=tap.IMPATIENT)
    check_complete(run, api.account)
    assert len(api.requests) == 3 + 3


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Keep a port on which connections are refused, and a stand-in may listen."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


QUICK = patched.command(
    api__retrying__BACKOFF_MAX_SECONDS=0.1, api__retrying__MAX_JITTER_SECONDS=0.1
)
"""Tries often, for five minutes."""


def test_a_server_that_starts_late_is_waited_for(tmp_path: Path) -> None:
    account = Account(make_keys(287), api_key=API_KEY)
    with deaf_port() as port:
        config = {"api_key": API_KEY, "api_url": f"http://127.0.0.1:{port}/v2"}
        process = subprocess.Popen(
            [*QUICK, *tap.arguments(tmp_path, config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tap.ROOT,
            env=tap.environment({"TAP_PARTOO_LOGLEVEL": "debug"}),
        )
        assert process.stderr
        refused = (line for line in process.stderr if "was refused" in line)
        for _ in range(3):
            assert "Trying again" in next(refused)
        with StandIn(account, port=port):
            stdout, stderr = process.communicate(timeout=60)
    check_complete(tap.Run(process.returncode, stdout.encode(), stderr), account)


NEVER_BETTER = ("429", "500", "HTML with 200", "reset", "JSON null", "count missing")


@pytest.mark.parametrize("fault", NEVER_BETTER)
def test_what_never_passes_ends_the_command(
    api: StandIn, run_tap: RunTap, fault: str
) -> None:
    api.faults.add(TRANSIENT[fault], page=2, times=None)
    run = run_tap(api, state=STATE, command=tap.IMPATIENT)
    check_end(run, of_fault(fault), where=f"{api.url}/api_keys")


def test_a_port_where_nobody_listens_ends_the_command(tmp_path: Path) -> None:
    with deaf_port() as port:
        url = f"http://127.0.0.1:{port}/v2"
        arguments = tap.arguments(tmp_path, {"api_key": API_KEY, "api_url": url}, STATE)
        run = tap.run(*arguments, command=tap.IMPATIENT)
    check_end(run, FAILURES["refused"], where=f"{url}/api_keys")


def test_a_host_that_does_not_exist_ends_the_command(tmp_path: Path) -> None:
    # RFC 6761: no name server has names under `invalid`.
    url = "https://partoo.invalid/v2"
    arguments = tap.arguments(tmp_path, {"api_key": API_KEY, "api_url": url}, STATE)
    run = tap.run(*arguments, command=tap.IMPATIENT)
    check_end(run, FAILURES["no such host"], where=f"{url}/api_keys")
    assert "Gave up after 3 attempts" in run.errors[0]


@pytest.mark.parametrize("fault", faults.PERMANENT)
def test_what_stays_ends_the_command_after_one_request(
    api: StandIn, run_tap: RunTap, fault: str
) -> None:
    api.faults.add(faults.PERMANENT[fault], times=None)
    run = run_tap(api, state=STATE)
    check_end(run, of_fault(fault), where=f"{api.url}/api_keys")
    assert len(api.requests) == 1


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_stays_ends_the_command_in_the_middle_of_the_list(
    small: StandIn, run_tap: RunTap, concurrency: int
) -> None:
    small.faults.add(faults.PERMANENT["401"], page=2, times=None)
    run = run_tap(small, config={**SMALL, "concurrency": concurrency}, state=STATE)
    check_end(run, FAILURES["401"], where=f"{small.url}/api_keys")
    assert len([r for r in small.requests if r.query.get("page") == "2"]) == 1


def test_another_page_than_the_one_asked_for_ends_the_command(
    api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(faults.first_page_always, times=None)
    run = run_tap(api, state=STATE)
    check_end(run, FAILURES["wrong page"])


def test_a_list_that_grows_without_end_ends_the_command(
    api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(faults.growing_max_page(by=60), times=None)
    run = run_tap(api, state=STATE, config={"concurrency": 1})
    check_end(run, FAILURES["endless"], pages="183")


# What Partoo says.


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": "No such thing"}, "No such thing."),
        ({"errors": "No such thing"}, "No such thing."),
        ({"error": {"json": "Wrong"}}, "json: Wrong."),
        ({"errors": {"json": {"type": ["One.", "Two."]}}}, "json: type: One.; Two."),
        ({"errors": ["One", {"two": None}]}, "One; two:."),
        ({"error": "Really?"}, "Really?"),
        ({"error": "on\r\n  two\tlines\x1b[31m\u2028"}, "on two lines [31m."),
        ({"error": "ключ недействителен"}, "ключ недействителен."),
        ({"error": 7}, "7."),
        ({"error": "x" * 299 + "yz"}, "x" * 299 + "y..."),
        ({"error": None, "errors": "Second"}, "Second."),
        ({"error": ""}, None),
        ({"error": {}}, None),
        ({"message": "no"}, None),
        (["error"], None),
        ("<title>No</title>", None),
        (b'{"error": "\xff"}', None),
        (b'{"error": ' + b"[" * 900 + b"]" * 900 + b"}", None),
        (
            rb'{"error": {"json": "\ud800", "page": "Invalid"}}',
            "json: ; page: Invalid.",
        ),
        (b"", None),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_what_partoo_says_is_quoted(
    small: StandIn, body: object, says: str | None
) -> None:
    small.faults.add(Response(400, body), times=None)
    with pytest.raises(FatalAPIError) as raised:
        run_here(small, config=SMALL)
    reason = FAILURES["400"].line().removeprefix("Error: ")
    reason = reason.partition(" Partoo says: ")[0]
    assert str(raised.value) == (f"{reason} Partoo says: {says}" if says else reason)


def test_a_long_message_in_several_lines_is_one_short_line(
    api: StandIn, run_tap: RunTap
) -> None:
    body = {"errors": {"json": "first line\nError: second line\n" + "more " * 500}}
    api.faults.add(Response(400, body), times=None)
    run = run_tap(api)
    (line,) = run.errors
    assert " Partoo says: json: first line Error: second line more more " in line
    assert len(line) < 600


# `Retry-After`.


def dated(status: int, clock: datetime, seconds: int) -> Response:
    """Return a response that asks to wait until a time by the server's clock."""
    until = clock + timedelta(seconds=seconds)
    headers = {
        "Date": format_datetime(clock, usegmt=True),
        "Retry-After": format_datetime(until, usegmt=True),
    }
    return Response(status, headers=headers)


ASKS_FOR_A_SECOND: Mapping[str, Fault] = {
    "seconds": faults.too_many_requests(1),
    "date, slow clock": dated(429, datetime(2001, 1, 1, tzinfo=UTC), 1),
    "date, fast clock": dated(429, datetime(2090, 1, 1, tzinfo=UTC), 1),
    "503": Response(503, headers={"Retry-After": "1"}),
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", ASKS_FOR_A_SECOND)
def test_a_wait_that_is_asked_for_is_obeyed(small: StandIn, fault: str) -> None:
    small.faults.add(ASKS_FOR_A_SECOND[fault], page=2)
    check_complete(run_here(small, config=SMALL | {"concurrency": 1}), small.account)
    first, second = (r.at for r in small.requests if r.query.get("page") == "2")
    assert second - first >= 1


@pytest.mark.parametrize(
    "date",
    [
        "yesterday",
        "Thu, 26 Nov 2026 01:20:58 -0000",
        "Thu, 26 Nov 2026 01:20:58 +9999999999999",
        "Thu, 26 Nov 99999999999 01:20:58 GMT",
    ],
)
@pytest.mark.parametrize("name", ["api_keys", "search_keywords", "messages"])
def test_a_time_of_the_server_that_makes_no_sense_is_none(name: str, date: str) -> None:
    def dated(exchange: faults.Exchange) -> Response:
        return replace(exchange.right, headers={"Date": date})

    with StandIn(whole_account(reviews=0, conversations=3)) as api:
        api.faults.add(dated, times=None)
        run = run_here(api, catalog=catalog_of(name))
        assert by_key(name, run.records) == expected_records(api.account, name)
        assert bookmark_of(run, name)


@pytest.mark.usefixtures("hasty")
def test_a_date_is_obeyed_where_the_server_tells_no_time(small: StandIn) -> None:
    small.faults.add(faults.too_many_requests(3, as_date=True, date=False), page=1)
    check_complete(run_here(small, config=SMALL), small.account)
    first, second, *_ = (request.at for request in small.requests)
    assert second - first > 1.9  # a date has no fractions of a second


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "86400"}, 86_400),
        ({"Retry-After": "9" * 400}, math.inf),
        (
            dated(429, datetime(2026, 1, 1, tzinfo=UTC), 86_400).headers,
            86_400,
        ),
        (dated(429, datetime(2026, 1, 1, tzinfo=UTC), 90).headers, 90),
        (dated(429, datetime(2026, 1, 1, tzinfo=UTC), -90).headers, 0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "Thu, 99 Foo 2026 99:00:00 GMT"}, None),
        ({"Retry-After": "Thu, 01 Jan 2026 00:01:00 +9999999999999"}, None),
        ({"Retry-After": "Thu, 01 Jan 99999999999 00:01:00 GMT"}, None),
        ({"Retry-After": "1.5"}, None),
        (
            {"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT", "Date": "yesterday"},
            None,
        ),
    ],
)
def test_how_long_an_answer_asks_to_wait(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_seconds(headers) == seconds


@pytest.mark.usefixtures("hasty")
def test_all_requests_obey_a_wait_that_one_of_them_was_asked_for() -> None:
    latency = 0.3
    account = Account(make_keys(200), api_key=API_KEY)
    with StandIn(account, latency_seconds=latency) as api:
        api.faults.add(faults.too_many_requests(2), page=2)
        check_complete(run_here(api, config=SMALL | {"concurrency": 4}), account)
        refused = next(r.at for r in api.requests if r.status == 429) + latency
        # Those that are under way when the response comes may still arrive.
        arrived = [r.at - refused for r in api.requests]
        assert not [at for at in arrived if latency / 2 < at < 2]
        assert len([at for at in arrived if at > 2]) > 10


def test_a_long_wait_is_announced(api: StandIn, tmp_path: Path) -> None:
    api.faults.add(faults.too_many_requests(4), page=2)
    config = {"api_key": API_KEY, "api_url": api.url}
    run = tap.run(*tap.arguments(tmp_path, config))
    check_complete(run, api.account)
    (line,) = (text for text in run.stderr.splitlines() if "Trying again" in text)
    assert "limit of requests per minute is reached" in line
    assert "Trying again in 4 s" in line


def test_a_short_wait_is_not_announced(api: StandIn, run_tap: RunTap) -> None:
    api.faults.add(TRANSIENT["500"], page=2)
    run = run_tap(api, command=tap.IMPATIENT)
    check_complete(run, api.account)
    assert "Trying again" not in run.stderr


# What the tap is given.


@dataclass(frozen=True)
class BadInput:
    """Files that the tap cannot work with; text is written as it is."""

    failure: str
    config: Mapping[str, Any] | str | None = None
    state: Mapping[str, Any] | str | None = None
    catalog: Mapping[str, Any] | None = None


GOOD = {"api_key": API_KEY}
BAD_INPUTS = [
    BadInput("no key", {}),
    BadInput("broken key", {"api_key": f"{API_KEY}\n"}),
    BadInput("page size", GOOD | {"per_page": 501}),
    BadInput("plain http", GOOD | {"api_url": "http://api.partoo.co/v2"}),
    BadInput("config file"),
    BadInput("config JSON", "api_key: x"),
    BadInput("state JSON", GOOD, "bookmarks: {}"),
    BadInput(
        "bookmark",
        GOOD,
        {
            "bookmarks": {
                "api_keys": {
                    "replication_key": "created_at",
                    "replication_key_value": "yesterday",
                }
            }
        },
    ),
    BadInput(
        "catalog",
        GOOD,
        catalog={
            "streams": [
                {
                    "tap_stream_id": "ratings",
                    "schema": {"properties": {}},
                    "metadata": [],
                }
            ]
        },
    ),
]


@pytest.mark.parametrize("given", BAD_INPUTS, ids=lambda given: given.failure)
def test_what_the_tap_cannot_work_with_is_said(tmp_path: Path, given: BadInput) -> None:
    arguments = ["--config", str(tmp_path / "config.json")]
    at_fault = "config"
    for name in ("config", "state", "catalog"):
        content = getattr(given, name)
        if isinstance(content, str):
            at_fault = name
            (tmp_path / f"{name}.json").write_text(content)
            arguments += [f"--{name}", str(tmp_path / f"{name}.json")]
        elif content is not None:
            arguments += tap.arguments(tmp_path, **{name: content})
    run = tap.run(*arguments)
    path = str(tmp_path / f"{at_fault}.json")
    check_end(run, FAILURES[given.failure], path=path)
    assert not run.stdout


# The page for users.


def test_the_page_for_users_is_up_to_date() -> None:
    assert failures.PAGE.read_text(encoding="utf-8") == failures.page(), (
        "run `python -m tests.failures`"
    )
