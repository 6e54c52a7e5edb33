"""Runs the tap in this process: it takes a twentieth of the time of a new process.

For properties that need hundreds of runs; examples of them run as a process.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

from tap_partoo.tap import TapPartoo
from tests.tap import DEFAULTS, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from tests.partoo_api import StandIn


class _Ticks(threading.local):
    """A clock that is one second later each time a thread looks at it."""

    def __init__(self) -> None:
        self._seconds = 0

    def monotonic(self) -> int:
        self._seconds += 1
        return self._seconds


def limit_attempts(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let requests of runs in this process be retried by number, not by time.

    Args:
        monkeypatch: The fixture.
        most: After how many attempts a request has failed, however long they take: a
            limit of a second is over before the second attempt on a busy machine.
    """
    monkeypatch.setattr("tap_partoo.api.retrying.time", _Ticks())
    monkeypatch.setattr("tap_partoo.api.retrying.MAX_RETRY_SECONDS", most - 1)


class _Lines(logging.Handler):
    """Keeps what is logged, each record on a line that begins with its level."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    root, handler = logging.getLogger(), _Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextlib.contextmanager
def own_signals() -> Iterator[None]:
    """Restore the signal handlers that the tap replaces: Ctrl-C must end the tests."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def run_here(
    api: StandIn,
    *,
    config: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] | None = None,
) -> Run:
    """Run the tap to its end; an error that ends it early is raised.

    The log takes the place of the command's standard error.
    """
    settings = {
        "api_key": api.account.api_key,
        "api_url": api.url,
        **DEFAULTS,
        **(config or {}),
    }
    written = io.BytesIO()
    output = contextlib.redirect_stdout(io.TextIOWrapper(written))
    with own_signals(), _logged() as lines, output:
        tap = TapPartoo(
            config=settings,
            state=dict(state) if state else None,
            catalog=dict(catalog) if catalog else None,
        )
        with contextlib.closing(tap.session):
            tap.sync_all()
        return Run(0, written.getvalue(), "\n".join(lines))


def discover() -> dict[str, Any]:
    """Return the catalog that the tap discovers."""
    with own_signals():
        tap = TapPartoo(config={}, validate_config=False, setup_mapper=False)
        catalog: dict[str, Any] = json.loads(tap.catalog_json_text)
        return catalog


def discover_api_keys() -> dict[str, Any]:
    """Return a catalog of `api_keys` alone."""
    entries = discover()["streams"]
    return {"streams": [e for e in entries if e["tap_stream_id"] == "api_keys"]}


def everything() -> dict[str, Any]:
    """Return a catalog that selects all streams."""
    catalog = discover()
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = True
    return catalog
