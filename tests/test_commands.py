"""The commands of the README: what they run, and say when something is missing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {
    "help",
    "setup",
    "demo",
    "lint",
    "test",
    "test-loaders",
    "test-engines",
    "bench",
    "build",
    "clean",
}

# Only these tools of the machine, which a Makefile may expect.
TOOLS = ("bash", "dirname", "echo", "env", "make", "mkdir", "sed", "sh", "touch")

TOO_OLD = 'case "$2" in *version_info*) exit 1;; esac'
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; esac'


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A directory to be the only one on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (directory / name).symlink_to(found)
    return directory


def script(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(
    *command: str | Path, directory: Path, path: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=directory,
        env={"PATH": str(path), "HOME": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def named_targets(*places: str) -> set[str]:
    """The targets of commands in files."""
    command = re.compile(r"(?:^|`|run: )(?:\w+=\S+ )?make ([a-z-]+)", re.MULTILINE)
    texts = [path.read_text() for place in places for path in ROOT.glob(place)]
    return {target for text in texts for target in command.findall(text)}


def test_only_targets_that_exist_are_named(tools: Path, tmp_path: Path) -> None:
    assert {"demo", "test"} <= named_targets("README.md") <= TARGETS
    assert {"setup", "lint", "build"} <= named_targets("docs/*.md") <= TARGETS
    workflows = named_targets(".github/workflows/*.yml")
    assert workflows == {"lint", "test", "test-loaders", "test-engines", "build"}
    shutil.copy(ROOT / "Makefile", tmp_path)
    shown = run("make", directory=tmp_path, path=tools).stdout
    listed = set(re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE))
    assert listed == TARGETS - {"help"}


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (None, "no Python 3.11 or newer found"),
        ("exit 127", "no Python 3.11 or newer found"),
        (TOO_OLD, "no Python 3.11 or newer found"),
        (WITHOUT_VENV, "apt-get install python3-venv"),
    ],
)
def test_a_missing_prerequisite_is_named(
    tools: Path, tmp_path: Path, python: str | None, said: str
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    if python:
        script(tools / "python3", python)
    for target in ("setup", "demo", "test", "bench"):
        done = run("make", target, directory=tmp_path, path=tools)
        assert done.returncode != 0
        [line] = [line for line in done.stderr.splitlines() if "setup:" in line]
        assert said in line
        assert not (tmp_path / ".venv").exists()


def test_make_test_checks_everything_in_order(tools: Path) -> None:
    planned = run("make", "-n", "test", directory=ROOT, path=tools).stdout
    checks = re.findall(
        r"^\.venv/bin/(ruff|mypy|zizmor|uv lock|pytest)(.*)$", planned, re.MULTILINE
    )
    assert checks == [
        ("ruff", " format --check"),
        ("ruff", " check"),
        ("mypy", ""),
        ("zizmor", " --offline --quiet .github"),
        ("uv lock", " --check --quiet"),
        ("pytest", ""),
    ]


def test_before_a_commit_the_checks_of_make_test_run(tools: Path) -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"entry: (.+)", hooks) == ["make lint"]
    lint = run("make", "-n", "lint", directory=ROOT, path=tools).stdout
    test = run("make", "-n", "test", directory=ROOT, path=tools).stdout
    assert "ruff check" in lint
    assert test.endswith(f"{lint.splitlines()[-1]}\n.venv/bin/pytest\n")


def test_ci_runs_make_test_at_the_root(tools: Path, tmp_path: Path) -> None:
    script(tools / "make", 'echo "$PWD: make $*"; exit 3')
    done = run(ROOT / ".ci" / "run", directory=tmp_path, path=tools)
    assert done.stdout == f"{ROOT}: make test\n"
    assert done.returncode == 3


def test_make_demo_runs_the_demonstration(tools: Path) -> None:
    planned = run("make", "-n", "demo", directory=ROOT, path=tools).stdout
    assert planned.splitlines()[-1] == ".venv/bin/python -m tests.demo"


def test_the_demonstration_shows_the_changes_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "run 1 loaded 287 api_keys, 40 businesses, 1200 reviews" in done.stdout
    for row in (
        r"api_keys .* not revoked .*<- new",
        r"api_keys .* revoked .*<- revoked",
        r"reviews .* replies: 1 +treated .*<- got a reply",
        r"reviews .* deleted .*<- deleted on Google",
    ):
        assert re.search(rf"^ +{row}$", done.stdout, re.MULTILINE), row
    assert "288 rows for 288 keys" in done.stdout
    assert "1200 rows for 1200 reviews" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert_stopped(done.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demonstration_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.demo"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        while "Running extract & load" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert_stopped(said)


def assert_stopped(said: str) -> None:
    """Neither server that the demonstration named still listens."""
    ports = re.findall(r"127\.0\.0\.1:(\d+)", said)
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port))).close()
