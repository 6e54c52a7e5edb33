"""The temporary PostgreSQL: it works, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.postgres import postgres

ROOT = Path(__file__).resolve().parents[1]

# Prints the port and the directory's name once the server runs, then follows argv[1].
RUN = """
import os, signal, sys, tempfile
from tests.postgres import postgres

with postgres() as server, server.connect() as connection:
    data = connection.execute("SHOW data_directory").fetchone()[0]
    print(server.port, os.path.dirname(data), flush=True)
    if sys.argv[1] == "fail":
        raise ValueError("on purpose")
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def start(
    command: list[str], user: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        user=user,
        extra_groups=[] if user else None,
    )


def run(
    what: str, python: str = sys.executable, user: str | None = None
) -> tuple[int, str, Path]:
    """Run a server in a process of its own: exit code, port, directory."""
    process = start([python, "-B", "-c", RUN, what], user)
    assert process.stdout, process.stderr
    port, directory = process.stdout.split()
    return process.returncode, port, Path(directory)


def assert_gone(port: str, directory: Path) -> None:
    deadline = time.monotonic() + 10
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not directory.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port))).close()


def test_answers_and_gives_each_caller_a_database_of_its_own() -> None:
    with postgres() as server:
        first = server.create_database()
        second = server.create_database(timezone="Europe/Paris")
        for database, timezone in ((first, "UTC"), (second, "Europe/Paris")):
            with database.connect() as connection:
                connection.execute("CREATE TABLE here AS SELECT 'é' AS value")
                row = connection.execute(
                    "SELECT value, current_database(), current_setting('timezone') "
                    "FROM here"
                ).fetchone()
            assert row == ("é", database.name, timezone)
        assert first.env["POSTGRES_DATABASE"] == first.name
        assert first.env["POSTGRES_PORT"] == str(server.port)
    with pytest.raises(psycopg.OperationalError):
        server.connect()


def test_a_wrong_password_is_refused() -> None:
    with postgres() as server, pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=server.host, port=server.port, user=server.user, password="wrong"
        )


@pytest.mark.parametrize(
    ("what", "code"), [("stop", 0), ("fail", 1), ("kill", -signal.SIGKILL)]
)
def test_leaves_nothing_behind(what: str, code: int) -> None:
    returned, port, directory = run(what)
    assert returned == code
    assert_gone(port, directory)


def can_run(python: str) -> bool:
    """False when the interpreter or psycopg is closed to `nobody`, as in /root."""
    try:
        probe = start([python, "-B", "-c", "import psycopg"], user="nobody")
    except OSError:
        return False
    return probe.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as no root")
def test_runs_without_root() -> None:
    for python in (sys.executable, "/usr/bin/python3"):
        if can_run(python):
            returned, port, directory = run("stop", python, user="nobody")
            assert returned == 0
            assert_gone(port, directory)
            return
    pytest.skip("no interpreter with psycopg that `nobody` can run")
