"""Runs the tap as a process, the way a user or a runner does."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patched import command as patched

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "tap_partoo")
IMPATIENT = patched(
    api__retrying__BACKOFF_FACTOR_SECONDS=0.01,
    api__retrying__BACKOFF_MAX_SECONDS=0.05,
    api__retrying__MAX_JITTER_SECONDS=0.01,
    api__retrying__MAX_RETRY_SECONDS=1.5,
)
"""The same with short waits between attempts: a permanent failure would take five
minutes."""

DEFAULTS = (
    {"concurrency": int(os.environ["TEST_CONCURRENCY"])}
    if "TEST_CONCURRENCY" in os.environ
    else {}
)
"""Default settings of all runs: `TEST_CONCURRENCY=8 make test` runs the tests with
another concurrency."""

END_SECONDS = 20
"""A run must end within this time after a signal: it does not wait for its workers,
which may be blocked in a socket for a minute."""


@dataclass
class Run:
    """The results of a run."""

    returncode: int
    stdout: bytes
    stderr: str

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """The Singer messages; a line that is not a JSON object is an error."""
        messages = [json.loads(line) for line in self.stdout.splitlines()]
        assert all(isinstance(message, dict) for message in messages)
        return messages

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one type, in order."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records, in order."""
        return [message["record"] for message in self.of_type("RECORD")]

    @property
    def ids(self) -> list[int]:
        """The ids of the records, in order."""
        return [record["id"] for record in self.records]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last state, as a runner would keep it."""
        states = self.of_type("STATE")
        return states[-1]["value"] if states else None

    @property
    def bookmark(self) -> str | None:
        """The bookmark of `api_keys` in the last state."""
        bookmarks = (self.state or {}).get("bookmarks", {})
        value: str | None = bookmarks.get("api_keys", {}).get("replication_key_value")
        return value

    @property
    def errors(self) -> list[str]:
        """The lines on standard error that begin with `Error:`."""
        return [line for line in self.stderr.splitlines() if line.startswith("Error:")]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of this process without what would change a run."""
    dropped = ("TAP_PARTOO_", "LOGLEVEL", "SINGER_SDK_", "MELTANO_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(dropped) and not name.lower().endswith("_proxy")
    }
    return kept | dict(extra or {})


def arguments(
    folder: Path,
    config: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write the files and return the arguments that name them."""
    result = []
    settings = config if config is None else {**DEFAULTS, **config}
    for name, content in (("config", settings), ("state", state), ("catalog", catalog)):
        if content is not None:
            path = folder / f"{name}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            result += [f"--{name}", str(path)]
    return result


def run(
    *args: str,
    command: Sequence[str] = COMMAND,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Run:
    """Run the tap to its end.

    Args:
        args: Of the command line.
        command: What to run.
        env: Additional variables of the environment.
        timeout: Seconds after which the test fails.
    """
    ended = subprocess.run(
        [*command, *args],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment(env),
        timeout=timeout,
    )
    return Run(ended.returncode, ended.stdout, ended.stderr.decode())


class Started:
    """A run of the tap in progress, which ends with its test at the latest."""

    def __init__(
        self,
        folder: Path,
        *args: str,
        stdout: int | None = subprocess.PIPE,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            folder: Where its standard error is kept.
            args: Of the command line.
            stdout: Where its standard output goes.
            env: Additional variables of the environment.
        """
        self._stderr = folder / "stderr"
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*COMMAND, *args],
                stdout=stdout,
                stderr=stderr,
                cwd=ROOT,
                env=environment(env),
            )

    @property
    def stderr(self) -> str:
        """What it has logged so far."""
        return self._stderr.read_text()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true; the run must not end before."""
        limit = time.monotonic() + 60
        while not condition():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.process.kill()
                self.process.communicate()
                pytest.fail(self.stderr)
            time.sleep(0.005)

    def stop(
        self, signum: signal.Signals, then: Callable[[], object] | None = None
    ) -> None:
        """Send a signal and assert that it ends the run, in time and without an error.

        Args:
            signum: The signal.
            then: Called right after it was sent.
        """
        try:
            self.process.send_signal(signum)
            if then:
                then()
            self.process.wait(timeout=END_SECONDS)
        finally:
            self.process.kill()
        assert self.process.returncode == 128 + signum
        *_, last = self.stderr.splitlines()
        assert last == (
            f"Stopped by {signum.name}: the next run starts from the last bookmark."
        )
        assert "Traceback" not in self.stderr
        assert "Error" not in self.stderr


def waiting_bytes(run: Started) -> int:
    """Return how much there is to read from the run's standard output."""
    assert run.process.stdout
    result = fcntl.ioctl(run.process.stdout, termios.FIONREAD, b"\0" * 4)
    (count,) = struct.unpack("i", result)
    return int(count)


def wait_until_full(run: Started) -> None:
    """Wait until nothing has been added to the output for half a second."""
    seen, since = 0, time.monotonic()

    def full() -> bool:
        nonlocal seen, since
        if (count := waiting_bytes(run)) != seen:
            seen, since = count, time.monotonic()
        return seen > 4096 and time.monotonic() - since > 0.5

    run.wait_until(full)
