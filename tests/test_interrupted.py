"""After a run that is interrupted or fails, the next one misses nothing."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import termios
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import pytest

from tests import tap
from tests.in_process import run_here
from tests.partoo_api import Account, Fault, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.conftest import RunTap

PAGES = 15
LATENCY_SECONDS = 0.04
OLD = "2022-01-01T00:00:00+00:00"
STATE = {
    "bookmarks": {
        "api_keys": {"replication_key": "created_at", "replication_key_value": OLD}
    }
}
states = pytest.mark.parametrize("state", [None, STATE], ids=["first run", "later run"])
workers = pytest.mark.parametrize("concurrency", [1, 4], ids="concurrency {}".format)


def active_since(account: Account, bookmark: str | None) -> set[int]:
    """What a run with this bookmark emits, by the account alone."""
    floor = datetime.fromisoformat(bookmark) if bookmark else None
    return {
        record["id"]
        for record in account.records()
        if floor is None or floor <= last_activity(record)
    }


def last_activity(record: Mapping[str, Any]) -> datetime:
    moments = (record["created_at"], record["last_used_at"], record["revoked_at"])
    return max(datetime.fromisoformat(moment) for moment in moments if moment)


def assert_nothing_is_lost(
    run: tap.Run, account: Account, state: Mapping[str, Any] | None
) -> None:
    """After any last line that the runner has read, the next run has the rest."""
    assert run.stdout.endswith(b"\n") or not run.stdout
    old = state["bookmarks"]["api_keys"]["replication_key_value"] if state else None
    wanted, emitted = active_since(account, old), set()
    for message in run.messages:
        if message["type"] == "RECORD":
            emitted.add(message["record"]["id"])
        if message["type"] == "STATE":
            bookmarks = message["value"].get("bookmarks", {})
            bookmark = bookmarks.get("api_keys", {}).get("replication_key_value")
            assert wanted <= emitted | active_since(account, bookmark)
    following = run_here_after(run, account, state)
    assert wanted <= set(run.ids) | set(following.ids)
    assert following.bookmark is not None
    assert datetime.fromisoformat(following.bookmark) == max(
        datetime.fromisoformat(record["created_at"]) for record in account.records()
    )


def run_here_after(
    run: tap.Run, account: Account, state: Mapping[str, Any] | None
) -> tap.Run:
    """An ordinary run from the state that a runner has kept."""
    with StandIn(account) as api:
        return run_here(api, state=run.state or state)


def start(files: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*tap.COMMAND, *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tap.ROOT,
        env=tap.environment(),
    )


@dataclass(frozen=True)
class Strike:
    """A signal, some time after a request has arrived."""

    signum: int
    request: int
    delay_seconds: float = 0.0


def interrupt(
    api: StandIn,
    folder: Path,
    strike: Strike,
    config: Mapping[str, Any],
    state: Mapping[str, Any] | None = None,
) -> tap.Run:
    """Run the tap until the signal ends it."""
    settings = {"api_key": api.account.api_key, "api_url": api.url, **config}
    started = threading.Event()
    timers: list[threading.Timer] = []

    def count(number: int, _: Mapping[str, str]) -> None:
        if number == strike.request:
            started.wait()
            kill = (process.pid, strike.signum)
            timers.append(threading.Timer(strike.delay_seconds, os.kill, kill))
            timers[0].start()

    api.before_response = count
    with start(tap.arguments(folder, settings, state)) as process:
        started.set()
        stdout, stderr = process.communicate(timeout=60)
    [timer] = timers
    timer.join()
    return tap.Run(process.returncode, stdout, stderr.decode())


@states
@workers
@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name
)
def test_signal_at_a_random_moment(
    signum: signal.Signals,
    concurrency: int,
    state: dict[str, Any] | None,
    tmp_path: Path,
) -> None:
    account = Account(make_keys(PAGES * 20))
    rng = random.Random(f"{signum} {concurrency} {state}")
    request, delay = rng.randint(1, PAGES - 5), rng.uniform(0, LATENCY_SECONDS)
    with StandIn(account, latency_seconds=LATENCY_SECONDS) as api:
        run = interrupt(
            api,
            tmp_path,
            Strike(signum, request, delay),
            {"per_page": 20, "concurrency": concurrency},
            state,
        )
    assert run.returncode == 128 + signum
    assert_nothing_is_lost(run, account, state)


def test_progress_that_the_sdk_reports_is_no_bookmark(tmp_path: Path) -> None:
    """It writes a STATE at each ten thousandth record."""
    with StandIn(Account(make_keys(10_300))) as api:
        run = interrupt(
            api, tmp_path, Strike(signal.SIGTERM, request=103), {"concurrency": 1}
        )
    assert run.returncode == 128 + signal.SIGTERM
    assert len(run.ids) > 10_000
    assert run.of_type("STATE")
    assert "replication_key_value" not in json.dumps(run.of_type("STATE"))


def test_signal_while_nobody_reads_leaves_whole_lines(tmp_path: Path) -> None:
    """The pipe is full, in the middle of a long line; then a reader comes."""
    long_list = [f"business_edit_custom_field_{number:04}" for number in range(1000)]
    account = Account(make_keys(20))
    for record in account.records():
        account.edit(record["id"], permissions=long_list)
    with StandIn(account) as api:
        config = {"api_key": account.api_key, "api_url": api.url}
        files = tap.arguments(
            tmp_path, config | {"api_keys_include_all_permissions": True}
        )
        with start(files) as process:
            assert process.stdout is not None
            # Of lines of 35 kB each the pipe holds one and a half.
            while unread(process.stdout) < 50_000:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            # So that the signal comes before the room; shorter than the tap's patience.
            time.sleep(0.3)
            stdout, _ = process.communicate(timeout=60)
    run = tap.Run(process.returncode, stdout, "")
    assert run.returncode == 128 + signal.SIGTERM
    assert run.stdout.endswith(b"\n")
    assert 0 < len(run.ids) < 20
    assert all(record["permissions"] == long_list for record in run.records)


def unread(pipe: IO[bytes]) -> int:
    """How many bytes wait in a pipe."""
    size = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(size, sys.byteorder)


@pytest.mark.parametrize(
    ("failure", "concurrency", "state"),
    [
        pytest.param("401", 1, None, id="401, first run, concurrency 1"),
        pytest.param("401", 4, STATE, id="401, later run, concurrency 4"),
        pytest.param("500", 1, STATE, id="500 for ever, concurrency 1"),
        pytest.param("500", 4, None, id="500 for ever, concurrency 4"),
        pytest.param("closed", 4, STATE, id="closed for ever, concurrency 4"),
    ],
)
def test_page_that_fails(
    failure: str, concurrency: int, state: dict[str, Any] | None, run_tap: RunTap
) -> None:
    account = Account(make_keys(PAGES * 20))
    page = random.Random(f"{failure} {concurrency} {state}").randint(1, PAGES)
    with StandIn(account) as api:
        known: dict[str, Fault] = faults.PERMANENT | faults.TRANSIENT
        api.faults.add(known[failure], page=page, times=None)
        run = run_tap(
            api,
            config={"per_page": 20, "concurrency": concurrency},
            state=state,
            command=tap.IMPATIENT,
        )
    assert run.returncode == 1
    assert len(run.errors) == 1
    # What came before the page that failed has left.
    old = OLD if state else None
    earlier = {record["id"] for record in account.records()[: (page - 1) * 20]}
    assert set(run.ids) == earlier & active_since(account, old)
    assert_nothing_is_lost(run, account, state)


def test_failures_and_signals_in_turn_lose_nothing(
    tmp_path: Path, run_tap: RunTap
) -> None:
    """The account changes meanwhile, and what a runner kept goes from run to run."""
    account = Account(make_keys(100))
    with StandIn(account) as api:
        state = run_here(api).state
    used, revoked = (account.records()[index]["id"] for index in (5, 40))
    account.touch(used)
    with StandIn(account, latency_seconds=LATENCY_SECONDS) as api:
        run = interrupt(
            api,
            tmp_path,
            Strike(signal.SIGINT, request=4),
            {"per_page": 20, "concurrency": 1},
            state,
        )
        state = run.state or state
    account.revoke(revoked)
    created = account.create()["id"]
    with StandIn(account) as api:
        api.faults.add(faults.PERMANENT["403"], page=4, times=None)
        run = run_tap(api, config={"per_page": 20}, state=state)
        state = run.state or state
    with StandIn(account) as api:
        last = run_here(api, state=state)
    assert {used, revoked, created} <= set(last.ids)
    assert last.bookmark is not None
    assert datetime.fromisoformat(last.bookmark) <= datetime.now(UTC)
