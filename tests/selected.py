"""Catalogs that select some streams, and the output of a run for one of them."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

from tests.in_process import discover
from tests.patched import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.partoo_api import LoggedRequest, StandIn
    from tests.tap import Run

QUICK = command(
    api__retrying__BACKOFF_FACTOR_SECONDS=0.01,
    api__retrying__BACKOFF_MAX_SECONDS=0.05,
    api__retrying__MAX_JITTER_SECONDS=0.01,
    api__retrying__MAX_RETRY_SECONDS=1,
)
"""The command with short waits between attempts; it gives up after a second."""

_discovered = functools.cache(discover)


def catalog_of(*names: str, full_table: Sequence[str] = ()) -> dict[str, Any]:
    """Return a catalog that selects these streams, all their columns, and no other.

    Args:
        names: The streams.
        full_table: The streams that are read as FULL_TABLE.
    """
    catalog = copy.deepcopy(_discovered())
    assert set(names) <= {entry["tap_stream_id"] for entry in catalog["streams"]}
    for entry in catalog["streams"]:
        name = entry["tap_stream_id"]
        [root] = [item for item in entry["metadata"] if item["breadcrumb"] == []]
        root["metadata"]["selected"] = name in names
        if name in full_table:
            entry["replication_method"] = "FULL_TABLE"
    return catalog


def records_of(run: Run, name: str) -> list[dict[str, Any]]:
    """Return the records of a stream, in order."""
    return [
        message["record"]
        for message in run.of_type("RECORD")
        if message["stream"] == name
    ]


def bookmark_of(run: Run, name: str) -> str | None:
    """Return the bookmark of a stream in the last state."""
    bookmarks = (run.state or {}).get("bookmarks", {})
    value: str | None = bookmarks.get(name, {}).get("replication_key_value")
    return value


def activated(run: Run) -> list[str]:
    """Return the streams of which a target may remove rows, in order."""
    return [message["stream"] for message in run.of_type("ACTIVATE_VERSION")]


def warnings_of(run: Run) -> list[str]:
    """Return the warnings of a run in this process."""
    return [line for line in run.stderr.splitlines() if line.startswith("WARNING")]


def asked(api: StandIn, path: str) -> list[LoggedRequest]:
    """Return the requests for a path."""
    return [each for each in api.requests if each.path == f"/v2{path}"]


def asked_twice(api: StandIn) -> list[tuple[str, dict[str, str]]]:
    """Return the requests that were made more than once."""
    every = [(request.path, request.query) for request in api.requests]
    return [each for each in every if every.count(each) > 1]
