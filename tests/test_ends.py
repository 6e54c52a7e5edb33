"""Every end of the command: its exit code, its one line, and where that line goes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import tap
from tests.conftest import API_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunTap
    from tests.partoo_api import StandIn

SCRIPT = f"exec {sys.executable} -m tap_partoo"
COMPLETE, REFUSED, WRONG_USE = "complete", "refused", "wrong use"
CODES = {COMPLETE: 0, REFUSED: 1, WRONG_USE: 2}


def shell(script: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/bash", "-c", script],
        capture_output=True,
        check=False,
        cwd=tap.ROOT,
        env=tap.environment(env),
        timeout=60,
    )


def arguments_of(kind: str, api: StandIn, folder: Path) -> str:
    key = API_KEY if kind == COMPLETE else "not-the-right-key"
    files = tap.arguments(folder, {"api_key": key, "api_url": api.url})
    return " ".join(["--nope"] if kind == WRONG_USE else files)


# Standard error that cannot be written: the exit code shows the result.


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize(
    "redirection",
    [
        pytest.param("2>&-", id="closed"),
        pytest.param("2>/dev/full", id="full"),
        pytest.param("0<&- 2>&-", id="closed, and standard input"),
        pytest.param("dead", id="dead reader"),
    ],
)
@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_log_that_nobody_can_read_does_not_change_the_end(
    kind: str, redirection: str, level: str, api: StandIn, tmp_path: Path
) -> None:
    command = f"{SCRIPT} {arguments_of(kind, api, tmp_path)}"
    script = f"{command} {redirection}"
    if redirection == "dead":
        # The reader is gone before the tap writes anything.
        script = f"exec 2> >(exec 2>&-; exec true); sleep 0.2; {command}"
    ended = shell(script, TAP_PARTOO_LOGLEVEL=level)
    assert ended.returncode == CODES[kind]
    assert ended.stdout.count(b'"RECORD"') == (287 if kind == COMPLETE else 0)


def test_a_log_file_that_cannot_be_written_does_not_get_into_the_output(
    api: StandIn, tmp_path: Path
) -> None:
    """Where 2 is closed, the next file would get its number."""
    ended = shell(f"{SCRIPT} {arguments_of(COMPLETE, api, tmp_path)} 2>&-")
    assert all(json.loads(line)["type"] for line in ended.stdout.splitlines())


# Standard output that cannot be written.


@pytest.mark.parametrize(
    "option", ["", "--discover", "--about", "--version", "--help", "--test"]
)
@pytest.mark.parametrize("redirection", ["1>&-", "1>/dev/full", "0<&- 1>&-"])
def test_output_that_cannot_be_written_is_one_line(
    option: str, redirection: str, api: StandIn, tmp_path: Path
) -> None:
    files = arguments_of(COMPLETE, api, tmp_path)
    ended = shell(f"{SCRIPT} {files} {option} {redirection}")
    assert ended.returncode == 1
    *_, last = ended.stderr.decode().splitlines()
    assert last.startswith("Error: Standard output cannot be written: ")
    assert "report it" not in last
    assert b"Traceback" not in ended.stderr


def test_neither_output_nor_log(api: StandIn, tmp_path: Path) -> None:
    files = arguments_of(COMPLETE, api, tmp_path)
    assert shell(f"{SCRIPT} {files} 0<&- 1>&- 2>&-").returncode == 1


@pytest.mark.parametrize("log", ["2>&-", "2>/dev/full", ""])
def test_a_reader_that_leaves_ends_the_run_by_its_signal(
    log: str, api: StandIn, tmp_path: Path
) -> None:
    files = arguments_of(COMPLETE, api, tmp_path)
    command = f"{SCRIPT.removeprefix('exec ')} {files} {log}"
    ended = shell(f"{command} | true; exit ${{PIPESTATUS[0]}}")
    assert ended.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_all(
    unbuffered: str, api: StandIn, tmp_path: Path
) -> None:
    """As of runners in Node.js."""
    settings = {"api_key": API_KEY, "api_url": api.url}
    files = tap.arguments(tmp_path, settings)
    read, write = os.pipe()
    os.set_blocking(write, False)
    with os.fdopen(read, "rb") as output:
        run = tap.Started(
            tmp_path, *files, stdout=write, env={"PYTHONUNBUFFERED": unbuffered}
        )
        os.close(write)
        run.wait_until(lambda: len(api.requests) == 1)
        time.sleep(0.5)
        assert output.read().count(b'"RECORD"') == 287
    assert run.process.wait(timeout=10) == 0


# Where the log is configured, the last line is a record of it.

FORMATS: dict[str, dict[str, Any]] = {
    "json": {"()": "singer_sdk.logging.StructuredFormatter"},
    "text": {"format": "%(levelname)s [%(name)s] %(message)s"},
}


def log_config(folder: Path, **changed: Any) -> dict[str, str]:
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": FORMATS,
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        **changed,
    }
    path = folder / "logging.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return {"SINGER_SDK_LOG_CONFIG": str(path)}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"api_key": "not-the-right-key"}, "HTTP 401"),
        ({"per_page": 0}, "`per_page`"),
        ({"stream_maps": {"api_keys": {"x": "labl"}}}, "`labl`"),
    ],
    ids=["refused", "setting", "stream map"],
)
def test_an_error_is_a_record_of_a_structured_log(
    config: dict[str, Any],
    named: str,
    api: StandIn,
    run_tap: RunTap,
    tmp_path: Path,
) -> None:
    run = run_tap(api, config=config, env=log_config(tmp_path))
    assert run.returncode == 1
    entries = [json.loads(line) for line in run.stderr.splitlines()]
    [entry] = [e for e in entries if e["message"].startswith("Error: ")]
    assert entry == entries[-1]
    assert entry["level"] == "error"
    assert entry["logger_name"] == "tap-partoo"
    assert named in entry["message"]


def test_the_last_line_of_output_and_log_in_one_is_for_people(
    tmp_path: Path,
) -> None:
    """As `meltano config test` shows it, and nothing else."""
    ended = shell(f"{SCRIPT} --config missing.json 2>&1", **log_config(tmp_path))
    assert ended.returncode == 1
    *_, last = ended.stdout.decode().splitlines()
    assert last.startswith("Error: The config file missing.json cannot be read")


def test_wrong_use_is_a_record_of_a_structured_log(tmp_path: Path) -> None:
    run = tap.run("--nope", env=log_config(tmp_path))
    assert run.returncode == 2
    [entry] = map(json.loads, run.stderr.splitlines())
    assert entry["level"] == "error"
    assert "--nope" in entry["message"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"root": {"level": "INFO", "handlers": []}}, id="no handler"),
        pytest.param({"disable_existing_loggers": True}, id="disabled"),
        pytest.param(
            {
                "handlers": {
                    "stderr": {"class": "logging.FileHandler", "filename": "/dev/null"}
                }
            },
            id="a file",
        ),
        pytest.param(
            {
                "handlers": {
                    "stderr": {"class": "logging.StreamHandler", "level": "CRITICAL"}
                }
            },
            id="a higher level",
        ),
    ],
)
def test_an_error_is_said_where_the_log_would_swallow_it(
    changed: dict[str, Any], api: StandIn, run_tap: RunTap, tmp_path: Path
) -> None:
    env = log_config(tmp_path, **changed)
    run = run_tap(api, config={"per_page": 0}, env=env)
    assert run.returncode == 1
    assert run.stderr.count("`per_page`") == 1
    *_, last = run.stderr.splitlines()
    assert last in run.errors or json.loads(last)["level"] == "error"


@pytest.mark.parametrize(
    "content", ["[", "{}", '{"version": 1, "root": {"level": "trace"}}', '"x\\ny"']
)
def test_a_configuration_of_the_log_that_cannot_be_used_is_one_line(
    content: str, tmp_path: Path
) -> None:
    path = tmp_path / "logging.json"
    path.write_text(content)
    run = tap.run("--discover", env={"SINGER_SDK_LOG_CONFIG": str(path)})
    assert run.returncode == 1
    [error] = run.errors
    assert "SINGER_SDK_LOG_CONFIG" in error
    assert "report it" not in error
    assert "Traceback" not in run.stderr


def test_a_configuration_of_the_log_that_does_not_exist(tmp_path: Path) -> None:
    env = {"SINGER_SDK_LOG_CONFIG": str(tmp_path / "missing.yaml")}
    run = tap.run("--config", "missing.json", env=env)
    assert run.returncode == 1
    [error] = run.errors
    assert "missing.json" in error


# The level of the log.


@pytest.mark.parametrize(
    "env",
    [
        {"LOGLEVEL": "trace"},
        {"TAP_PARTOO_LOGLEVEL": "verbose"},
        {"LOGLEVEL": "10"},
        {"TAP_PARTOO_LOGLEVEL": "trace", "LOGLEVEL": "info"},
    ],
    ids=str,
)
def test_an_unknown_level_is_reported_and_ignored(
    env: dict[str, str], api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, env=env)
    assert run.returncode == 0
    name, value = next(iter(env.items()))
    [warning] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert f"{name}={value}" in warning
    assert "INFO" in run.stderr
    assert "DEBUG" not in run.stderr


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_PARTOO_LOGLEVEL"])
def test_an_empty_level_is_an_unset_one(
    name: str, api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, env={name: ""})
    assert run.returncode == 0
    assert "WARNING" not in run.stderr


def test_an_unforeseen_failure_is_one_short_printable_line() -> None:
    code = (
        "import tap_partoo.tap as t\n"
        "def fail(*_, **__): raise RuntimeError('a\\x1b[31m\\nError: b' + 'x' * 5000)\n"
        "t.TapPartoo.discover_streams = fail\n"
        "from tap_partoo.__main__ import main; main()"
    )
    run = tap.run("--discover", command=[sys.executable, "-c", code])
    assert run.returncode == 1
    [error] = run.errors
    assert error.isprintable()
    assert len(error) < 500
    assert "report it" in error
