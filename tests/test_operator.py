"""A signal ends the run, whatever it is doing, with a true exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import tap
from tests.conftest import API_KEY
from tests.failures import FAILURES, STATE, check_end
from tests.partoo_api import Account, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start(
    folder: Path,
    api: StandIn,
    *,
    stdout: int | None = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
    **config: Any,
) -> tap.Started:
    settings = {"api_key": API_KEY, "api_url": api.url, **config}
    arguments = tap.arguments(folder, settings, STATE)
    return tap.Started(folder, *arguments, stdout=stdout, env=env)


def check_output(written: bytes) -> None:
    """Assert that whole lines were written, and a state that is safe to go on from."""
    assert written.endswith(b"\n")
    messages = [json.loads(line) for line in written.splitlines()]
    states = [m["value"] for m in messages if m["type"] == "STATE"]
    assert states
    assert all(state == STATE for state in states)


@contextmanager
def inherited(handler: signal.Handlers) -> Iterator[None]:
    """What SIGHUP does in a process that is started meanwhile."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_closed_ends_the_run(tmp_path: Path, api: StandIn) -> None:
    api.faults.add(faults.stall(60), request=2, times=None)
    output = tmp_path / "stdout"
    with output.open("wb") as file, inherited(signal.SIG_DFL):
        run = start(tmp_path, api, stdout=file.fileno(), per_page=10, concurrency=1)
    run.wait_until(lambda: len(api.requests) == 2)
    run.stop(signal.SIGHUP)
    check_output(output.read_bytes())


def test_a_run_under_nohup_survives_its_terminal(tmp_path: Path, api: StandIn) -> None:
    api.faults.add(faults.stall(1), request=2)
    settings = {"api_key": API_KEY, "api_url": api.url, "concurrency": 1}
    files = tap.arguments(tmp_path, settings)
    output = tmp_path / "stdout"
    with output.open("wb") as file, inherited(signal.SIG_IGN):
        run = tap.Started(tmp_path, *files, stdout=file.fileno())
    run.wait_until(lambda: len(api.requests) == 2)
    run.process.send_signal(signal.SIGHUP)
    assert run.process.wait(timeout=30) == 0
    assert output.read_bytes().count(b'"RECORD"') == 287


# What a run may be waiting for when the signal comes: the settings that make it wait,
# and what it has said by then.


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_signal_ends_the_wait_for_an_answer(
    tmp_path: Path, api: StandIn, signum: signal.Signals, concurrency: int
) -> None:
    api.faults.add(faults.stall(60), request=2, times=None)
    output = tmp_path / "stdout"
    with output.open("wb") as file:
        run = start(
            tmp_path,
            api,
            stdout=file.fileno(),
            per_page=10,
            concurrency=concurrency,
        )
    # The first response, then none for as many requests as there are workers.
    run.wait_until(lambda: len(api.requests) == 1 + concurrency)
    run.stop(signum)
    check_output(output.read_bytes())


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("wait", ["Retry-After", "limit"])
def test_a_signal_ends_a_pause(
    tmp_path: Path, api: StandIn, wait: str, signum: signal.Signals, concurrency: int
) -> None:
    config: dict[str, Any] = {"concurrency": concurrency}
    said = "Trying again in 60 s"
    if wait == "limit":
        config |= {"requests_per_minute": 1}
        said = "Waiting 60 s"
    else:
        api.faults.add(faults.too_many_requests(60), request=2, times=None)
    output = tmp_path / "stdout"
    with output.open("wb") as file:
        run = start(tmp_path, api, stdout=file.fileno(), **config)
    run.wait_until(lambda: said in run.stderr)
    run.stop(signum)
    check_output(output.read_bytes())


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_signal_ends_a_run_whose_output_nobody_reads(
    tmp_path: Path, api: StandIn, signum: signal.Signals, concurrency: int
) -> None:
    run = start(tmp_path, api, concurrency=concurrency)
    tap.wait_until_full(run)
    run.stop(signum)
    assert run.process.stdout
    with run.process.stdout as stdout:
        check_output(stdout.read())


@pytest.fixture
def long_lines(api: StandIn) -> StandIn:
    """The stand-in with records that a pipe takes only in parts."""
    for record in api.account.records()[:20]:
        api.account.edit(record["id"], description="long " * 40_000)
    return api


# As container images set it; then a write may end after a part.
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_signal_does_not_cut_a_line_that_is_read_on(
    tmp_path: Path, long_lines: StandIn, unbuffered: str
) -> None:
    run = start(tmp_path, long_lines, env={"PYTHONUNBUFFERED": unbuffered})
    tap.wait_until_full(run)
    written: list[bytes] = []
    assert run.process.stdout
    with run.process.stdout as stdout:
        reader = threading.Thread(target=lambda: written.append(stdout.read()))
        run.stop(signal.SIGTERM, then=reader.start)
        reader.join()
    check_output(written[0])
    assert len(written[0]) > 200_000


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
def test_a_signal_ends_a_run_in_the_middle_of_a_line_that_nobody_reads(
    tmp_path: Path, long_lines: StandIn, signum: signal.Signals
) -> None:
    run = start(tmp_path, long_lines)
    assert run.process.stdout
    with run.process.stdout:
        tap.wait_until_full(run)
        run.stop(signum)


def test_signals_after_the_first_change_nothing(tmp_path: Path, api: StandIn) -> None:
    """As when Ctrl-C reaches the runner, too, which then stops the tap once more."""
    api.faults.add(faults.stall(60), request=2, times=None)
    run = start(tmp_path, api, per_page=10, concurrency=4)
    run.wait_until(lambda: len(api.requests) == 5)

    def again() -> None:
        for _ in range(100):
            run.process.send_signal(signal.SIGINT)

    run.stop(signal.SIGINT, then=again)
    assert run.process.stdout
    with run.process.stdout as stdout:
        check_output(stdout.read())


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
def test_a_signal_ends_a_run_that_is_starting(
    tmp_path: Path, api: StandIn, signum: signal.Signals
) -> None:
    run = start(tmp_path, api)
    status = Path(f"/proc/{run.process.pid}/status")

    def heeds_sigterm() -> bool:
        lines = dict(line.split(":\t") for line in status.read_text().splitlines())
        return bool(int(lines["SigCgt"], 16) & 1 << (signal.SIGTERM - 1))

    run.wait_until(heeds_sigterm)
    run.stop(signum)
    assert run.process.stdout
    with run.process.stdout as stdout:
        assert not stdout.read()
    assert len(run.stderr.splitlines()) == 1  # the SDK had not said anything yet


# Standard output.


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_reader_that_leaves_ends_the_run_in_silence(
    tmp_path: Path, api: StandIn, concurrency: int
) -> None:
    run = start(tmp_path, api, concurrency=concurrency)
    assert run.process.stdout
    with run.process.stdout as stdout:
        assert json.loads(stdout.readline())["type"] == "STATE"
    assert run.process.wait(timeout=60) == 128 + signal.SIGPIPE
    for word in ("Traceback", "Error", "Stopped", "Exception"):
        assert word not in run.stderr


def run_into(target: str, folder: Path, *args: str) -> tap.Run:
    with Path(target).open("wb") as stdout:
        run = tap.Started(folder, *args, stdout=stdout.fileno())
    code = run.process.wait(timeout=60)
    return tap.Run(code, b"", run.stderr)


def test_a_full_disk_ends_the_run_with_its_sentence(
    tmp_path: Path, api: StandIn
) -> None:
    config = {"api_key": API_KEY, "api_url": api.url}
    run = run_into("/dev/full", tmp_path, *tap.arguments(tmp_path, config, STATE))
    check_end(run, FAILURES["full"])


@pytest.mark.parametrize("option", ["--discover", "--about"])
def test_a_full_disk_ends_what_is_printed_with_a_sentence(
    tmp_path: Path, option: str
) -> None:
    run = run_into("/dev/full", tmp_path, option)
    assert run.returncode == 1
    (line,) = run.errors
    assert "No space left on device" in line
    assert "Traceback" not in run.stderr


def test_a_state_of_a_run_that_was_stopped_is_good_to_go_on_from(
    tmp_path: Path, run_tap: Callable[..., tap.Run]
) -> None:
    account = Account(make_keys(60), api_key=API_KEY)
    with StandIn(account) as api:
        whole: Mapping[str, Any] = {"per_page": 10, "concurrency": 1}
        api.faults.add(faults.stall(60), page=4)
        output = tmp_path / "stdout"
        with output.open("wb") as file:
            run = start(tmp_path, api, stdout=file.fileno(), **whole)
        run.wait_until(lambda: len(api.requests) == 4)
        run.stop(signal.SIGTERM)
        first = tap.Run(0, output.read_bytes(), "")
        second = run_tap(api, config=whole, state=first.state)
        undisturbed = run_tap(api, config=whole, state=STATE)
    assert 0 < len(first.ids) < len(undisturbed.ids)
    assert second.ids == undisturbed.ids
    assert second.bookmark == undisturbed.bookmark
