"""What Partoo refuses to a key, as users of the command and of Meltano see it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from tests.every import (
    MIRROR,
    NAMES,
    bookmark_of,
    by_key,
    catalog_of,
    expected_records,
    records_of,
)
from tests.meltano_project import ROOT
from tests.partoo_api import StandIn, faults, whole_account
from tests.partoo_api.account import PRODUCTS
from tests.selected import QUICK, activated, asked
from tests.test_load_all import project_of_all
from tests.test_meltano import WRONG_KEY, project_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.conftest import RunTap
    from tests.meltano_project import Project

REFUSED = {
    "conversations": "HTTP 403, needs the Messages plan",
    "feedback_forms": "HTTP 403, needs Feedback Management",
    "feedback_results": "HTTP 403, needs Feedback Management",
    "messages": "needs `conversations`, HTTP 403, needs the Messages plan",
    "posts": "HTTP 403, needs the Posts plan",
    "reply_templates": "HTTP 403, needs Review Management",
    "reviews": "HTTP 403, needs Review Management",
    "webhooks": "HTTP 403, needs the Webhooks plan",
}
"""What an organization with only presence cannot read, in order, and why."""

OTHERS = [name for name in NAMES if name not in REFUSED]
LISTED = ", ".join(f"`{name}` ({why})" for name, why in REFUSED.items())
ADVICE = (
    "Check the rights of the key and of its user and, if the key has an IP whitelist, "
    "that this machine is on it. Or leave the streams out: `meltano select tap-partoo "
    "--exclude conversations`, and so on."
)
LINE = f"Error: Partoo refused {LISTED}. Everything else has been read. {ADVICE}"

STATE = {
    "bookmarks": {
        "reviews": {
            "replication_key": "update_date",
            "replication_key_value": "2025-01-01T00:00:00+00:00",
        },
        "messages": {
            "replication_key": "date",
            "replication_key_value": "2025-01-02T00:00:00+00:00",
        },
    }
}
JOB = "dev:tap-partoo-to-target-jsonl"


@pytest.fixture
def api() -> Iterator[StandIn]:
    """An account with presence as its only product."""
    account = whole_account(businesses=12, reviews=60)
    account.products = {"Presence Management"}
    with StandIn(account, counting_seconds=0) as stand_in:
        yield stand_in


# The command


def test_all_that_a_key_may_read_is_read(run_tap: RunTap, api: StandIn) -> None:
    run = run_tap(api, catalog=catalog_of(*NAMES), config=MIRROR, state=STATE)
    assert run.returncode == 1
    assert run.errors == [LINE]
    assert run.stderr.rstrip().endswith(LINE)
    for name in OTHERS:
        wanted = expected_records(api.account, name)
        assert by_key(name, records_of(run, name)) == wanted, name
        assert wanted
    assert {m["stream"] for m in run.of_type("RECORD")} == set(OTHERS)
    incremental = {"api_keys", "presence_metrics", "search_keywords"}
    assert set(activated(run)) == set(OTHERS) - incremental
    assert all(bookmark_of(run, name) for name in incremental)


def test_a_refused_stream_keeps_its_bookmark(run_tap: RunTap, api: StandIn) -> None:
    run = run_tap(api, catalog=catalog_of(*NAMES), config=MIRROR, state=STATE)
    assert len(asked(api, "/reviews")) == len(asked(api, "/conversations")) == 1
    assert asked(api, "/messages") == []  # nothing is known to ask for
    states = run.of_type("STATE")
    assert len(states) > len(OTHERS)
    for name, bookmark in STATE["bookmarks"].items():
        assert all(s["value"]["bookmarks"][name] == bookmark for s in states)


@pytest.mark.parametrize("name", ["reviews", "messages"])
def test_a_refusal_when_asked_for_the_time_ends_no_run(
    name: str, run_tap: RunTap, api: StandIn
) -> None:
    """A bookmark in the future is compared with Partoo's clock first."""
    bookmark = STATE["bookmarks"][name] | {"replication_key_value": "2099-01-01"}
    catalog = catalog_of(name, "users", "webhooks")
    run = run_tap(api, catalog=catalog, state={"bookmarks": {name: bookmark}})
    assert run.returncode == 1
    [line] = run.errors
    assert f"Partoo refused `{name}` ({REFUSED[name]}), `webhooks`" in line
    wanted = expected_records(api.account, "users")
    assert by_key("users", records_of(run, "users")) == wanted
    assert (bookmark_of(run, name) or "").startswith("2099-01-01")


def test_another_failure_names_the_refused_streams_so_far(
    run_tap: RunTap, api: StandIn
) -> None:
    api.faults.add(faults.PERMANENT["400"], path="/user/search", times=None)
    config = {"concurrency": 1}  # nothing is requested in advance
    run = run_tap(api, catalog=catalog_of(*NAMES), config=config, state=STATE)
    assert run.returncode == 1
    [line] = run.errors
    so_far = LISTED.rpartition(", `webhooks`")[0]
    assert line.startswith("Error: users: Partoo rejected the request (HTTP 400).")
    assert line.endswith(f" Partoo refused {so_far}. {ADVICE}")
    assert "Everything else has been read" not in line
    assert not asked(api, "/webhooks")
    assert bookmark_of(run, "presence_metrics")
    bookmarks = (run.state or {})["bookmarks"]
    assert {name: bookmarks[name] for name in STATE["bookmarks"]} == STATE["bookmarks"]


def test_a_wrong_address_is_named_when_nothing_is_there(
    run_tap: RunTap, api: StandIn
) -> None:
    wrong = {"api_url": api.url.replace("/v2", "/v2/api"), **MIRROR}
    run = run_tap(api, catalog=catalog_of(*NAMES), config=wrong, state=STATE)
    assert run.returncode == 1
    [line] = run.errors
    assert (
        "also check `api_url`, which must end in /v2. Or leave the streams out" in line
    )
    assert all(f"`{name}` (" in line for name in NAMES)
    assert not run.records
    assert not activated(run)
    bookmarks = (run.state or {})["bookmarks"]
    assert {name: value for name, value in bookmarks.items() if value} == STATE[
        "bookmarks"
    ]


# Meltano


def run_quietly(
    project: Project, env: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """Run all with `--log-level=warning`: the exit code, and the lines of errors."""
    run = project.run(
        "--log-level=warning", "run", "tap-partoo", "target-jsonl", env=env
    )
    lines = [line for line in run.stderr.splitlines() if "Error: " in line]
    assert WRONG_KEY["TAP_PARTOO_API_KEY"] not in run.stdout + run.stderr
    return run.returncode, lines


def bookmarks_of(project: Project) -> dict[str, Any]:
    """Return the bookmarks that Meltano has kept."""
    shown = project.run("state", "get", JOB)
    assert shown.returncode == 0, shown.stderr
    state = json.loads(shown.stdout)["singer_state"]["bookmarks"]
    return {
        name: entry["replication_key_value"]
        for name, entry in state.items()
        if "replication_key_value" in entry
    }


def rows(project: Project, name: str) -> dict[Any, Any]:
    """Return what is loaded of a stream, by key."""
    path = project.directory / "output" / f"{name}.jsonl"
    if not path.exists():
        return {}
    return by_key(name, map(json.loads, path.read_text("utf-8").splitlines()))


def test_meltano_keeps_what_a_run_with_refusals_has_read(
    api: StandIn, tmp_path: Path
) -> None:
    project = project_of_all(tmp_path, api)
    code, lines = run_quietly(project)
    assert code == 1
    said = [line for line in lines if LINE in line]
    assert len(said) == 1
    assert "[error    ] tap-partoo" in said[0]
    for name in NAMES:
        wanted = expected_records(api.account, name) if name in OTHERS else {}
        assert rows(project, name) == wanted, name
    kept = bookmarks_of(project)
    assert set(kept) == {"api_keys", "presence_metrics", "search_keywords"}
    for name, column in (("presence_metrics", "date"), ("search_keywords", "date")):
        wanted = expected_records(api.account, name)
        assert kept[name] == max(record[column] for record in wanted.values())

    api.account.products |= PRODUCTS
    api.requests.clear()
    assert run_quietly(project) == (0, [])
    for name in NAMES:
        assert rows(project, name) == expected_records(api.account, name), name
    [request] = asked(api, "/presence_analytics/metrics")
    assert request.query["filter_date__gte"] < kept["presence_metrics"]
    later = bookmarks_of(project)
    assert later.items() >= kept.items()
    assert set(later) == {*kept, "reviews", "messages"}


def in_haste(project: Project) -> None:
    """Let the tap of a project give up after a second."""
    script = project.directory / "tap"
    command = shlex.join(QUICK)
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {command} "$@"\n')
    script.chmod(0o755)
    path = project.directory / "meltano.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("executable: tap-partoo", f"executable: {script}"))


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        (WRONG_KEY, "Partoo refused the API key (HTTP 401). Check that `api_key`"),
        ({"TAP_PARTOO_CONCURRENCY": "99"}, "The setting `concurrency` must be"),
        ({}, "api_keys: "),
    ],
    ids=["wrong key", "wrong setting", "broken response"],
)
def test_a_quiet_meltano_shows_why_a_run_failed(
    env: dict[str, str], sentence: str, api: StandIn, tmp_path: Path
) -> None:
    project = project_for(tmp_path, api)
    if not env:
        in_haste(project)
        api.faults.add(faults.TRANSIENT["HTML with 200"], times=None)
    code, lines = run_quietly(project, env)
    assert code == 1
    said = [line for line in lines if f"Error: {sentence}" in line]
    assert len(said) == 1, lines
    assert "[error    ] tap-partoo" in said[0]
    assert env or ("sent HTML instead" in said[0] and "Gave up after" in said[0])
