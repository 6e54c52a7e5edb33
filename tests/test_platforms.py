"""Other places to run in: Windows as far as it can be simulated, notebooks, proxies."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tap_partoo.tap import TapPartoo
from tests import tap
from tests.conftest import API_KEY
from tests.in_process import own_signals

if TYPE_CHECKING:
    from tests.conftest import RunTap
    from tests.partoo_api import StandIn

# What Python lacks on Windows, and what the tap could ask for.
WINDOWS = """
import os, select, signal, sys
for name in ("SIGALRM", "SIGPIPE", "SIGHUP", "SIGKILL", "setitimer", "getitimer"):
    if hasattr(signal, name):
        delattr(signal, name)
del signal.ITIMER_REAL, select.PIPE_BUF
sys.modules["fcntl"] = sys.modules["termios"] = None
from tap_partoo.__main__ import main
main()
"""
COMMAND = (sys.executable, "-c", WINDOWS)


def test_windows_shows_its_version() -> None:
    run = tap.run("--version", command=COMMAND)
    assert run.returncode == 0
    assert run.stdout.decode().startswith(f"tap-partoo v{version('tap-partoo')},")
    assert run.stderr == ""


def test_windows_reads_all(api: StandIn, run_tap: RunTap) -> None:
    run = run_tap(api, command=COMMAND, config={"per_page": 20})
    assert run.returncode == 0
    assert len(run.ids) == 287
    assert run.bookmark


def test_windows_ends_with_its_line(api: StandIn, run_tap: RunTap) -> None:
    run = run_tap(api, command=COMMAND, config={"api_key": "not-the-right-key"})
    assert run.returncode == 1
    [error] = run.errors
    assert "HTTP 401" in error


def test_windows_ends_when_nobody_reads() -> None:
    script = f"{sys.executable} -c '{WINDOWS}' --about | true; exit ${{PIPESTATUS[0]}}"
    run = tap.run(command=["/bin/bash", "-c", script])
    assert run.returncode in {0, 128 + 13}  # `--about` may fit into the pipe
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("concurrency", [1, 4])
def test_messages_may_go_to_text(concurrency: int, api: StandIn) -> None:
    """As in a notebook, or where a program collects them."""
    config = {"api_key": API_KEY, "api_url": api.url, "concurrency": concurrency}
    api.account.edit(api.account.records()[0]["id"], label="店舗 " * 5000)
    written = io.StringIO()
    with own_signals(), contextlib.redirect_stdout(written):
        started = TapPartoo(config=config)
        with contextlib.closing(started.session):
            started.sync_all()
    messages = [json.loads(line) for line in written.getvalue().splitlines()]
    assert len([m for m in messages if m["type"] == "RECORD"]) == 287
    assert messages[1]["record"]["label"] == "店舗 " * 5000


@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_without_pysocks_is_named(
    name: str, scheme: str, api: StandIn, run_tap: RunTap
) -> None:
    env = {name: f"{scheme}://user:s3cr3t-pass@127.0.0.1:1"}
    run = run_tap(api, config={"api_url": "https://api.partoo.example/v2"}, env=env)
    assert run.returncode == 1
    [error] = run.errors
    assert "PySocks" in error
    assert name.upper() in error
    assert "s3cr3t-pass" not in run.stderr


@pytest.mark.parametrize(
    "env",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:1"},  # plain http goes through no proxy
        {"HTTPS_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": "127.0.0.1"},
    ],
    ids=str,
)
def test_a_socks_proxy_that_is_not_used_does_no_harm(
    env: dict[str, str], api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, env=env)
    assert run.returncode == 0
    assert len(run.ids) == 287
