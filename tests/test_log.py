"""What the log reports: the plan, the progress of a long run, and its results."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests import patched, tap
from tests.conftest import API_KEY
from tests.every import catalog_of
from tests.failures import BOOKMARK, STATE
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import (
    RESOURCES,
    Account,
    StandIn,
    faults,
    make_keys,
    whole_account,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import RunTap

SUMMARY = re.compile(
    r"api_keys: (?P<pages>\d+) pages, (?P<read>\d+) records read, "
    r"(?P<emitted>\d+) emitted, (?P<unchanged>\d+) unchanged, "
    r"(?P<repeats>\d+) repeats dropped, (?P<extra>\d+) extra attempts, "
    r"(?P<requests>\d+) requests, (?P<retries>\d+) retries, (?P<waited>[\d.]+) s waited"
)


def summary(run: tap.Run) -> dict[str, float]:
    (match,) = SUMMARY.finditer(run.stderr)
    return {name: float(figure) for name, figure in match.groupdict().items()}


@pytest.mark.parametrize(
    ("given", "plan"),
    [
        ({}, "from the beginning, filters: none"),
        ({"state": STATE}, f"active since {BOOKMARK}, filters: none"),
        (
            {"config": {"start_date": "2024-01-31", "api_keys_type": "bot"}},
            "active since 2024-01-31T00:00:00+00:00, filters: api_keys_type",
        ),
        (
            {"config": {"api_keys_status": "active", "api_keys_search_text": "Sync"}},
            "from the beginning, filters: api_keys_status, api_keys_search_text",
        ),
    ],
    ids=["first run", "later run", "start_date", "filters"],
)
def test_a_run_tells_its_plan(
    api: StandIn, given: Mapping[str, Any], plan: str
) -> None:
    lines = run_here(api, **given).stderr.splitlines()
    assert lines.count(f"INFO api_keys: INCREMENTAL, {plan}") == 1


def test_a_full_table_run_tells_its_plan(api: StandIn) -> None:
    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    lines = run_here(api, state=STATE, catalog=catalog).stderr.splitlines()
    plan = "api_keys: FULL_TABLE, from the beginning, filters: none"
    assert lines.count(f"INFO {plan}") == 1


def test_the_command_tells_its_plan_and_what_it_has_done(
    api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, state=STATE)
    assert f"api_keys: INCREMENTAL, active since {BOOKMARK}, filters:" in run.stderr
    unchanged = 287 - len(run.ids)
    assert unchanged > 0
    assert summary(run) == {
        "pages": 3,
        "read": 287,
        "emitted": len(run.ids),
        "unchanged": unchanged,
        "repeats": 0,
        "extra": 0,
        "requests": 3,
        "retries": 0,
        "waited": 0,
    }


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_summary_counts_faults_and_what_moves(
    run_tap: RunTap, concurrency: int
) -> None:
    with StandIn(Account(make_keys(95), api_key=API_KEY)) as api:
        api.faults.add(faults.TRANSIENT["500"], page=2, times=2)
        api.faults.add(faults.too_many_requests(1), page=5)
        first, *_ = api.account.records()

        def delete_first(number: int, _: Mapping[str, str]) -> None:
            if number == 2:  # what follows moves up by one, and one key out of sight
                api.account.delete(first["id"])

        api.before_response = delete_first
        run = run_tap(
            api,
            config={"per_page": 10, "concurrency": concurrency},
            command=tap.IMPATIENT,
        )
        assert run.returncode == 0, run.stderr
        assert len(run.ids) == len(set(run.ids)) == 95
        figures = summary(run)
        assert figures["requests"] == len(api.requests)
    assert figures["pages"] == 2 * 10
    assert figures["extra"] == 1
    assert figures["retries"] == 3
    assert figures["emitted"] == 95
    assert figures["unchanged"] == 0
    assert figures["repeats"] == figures["read"] - 95
    # The first attempt saw at least 94 keys, the other one the 94 that are left.
    assert 94 + 94 <= figures["read"] <= 95 + 94
    assert 1 <= figures["waited"] < 20


def test_a_long_run_tells_its_progress(run_tap: RunTap) -> None:
    account = Account(make_keys(300), api_key=API_KEY)
    with StandIn(account, latency_seconds=0.05) as api:
        run = run_tap(
            api,
            config={"per_page": 10, "concurrency": 1},
            command=patched.command(streams__progress__PROGRESS_SECONDS=0.3),
        )
    assert len(run.ids) == 300
    reported = [
        (int(page), int(read))
        for page, read in re.findall(
            r"api_keys: \d+ %, about \d+ s left; (\d+) pages, (\d+) records read",
            run.stderr,
        )
    ]
    # Thirty responses took a second and a half.
    assert 2 <= len(reported) <= 10
    assert all(before < after for before, after in pairwise(reported))
    assert all(read == 10 * page for page, read in reported)


def test_a_short_run_tells_no_progress(api: StandIn) -> None:
    assert " left; " not in run_here(api).stderr


def metrics(run: tap.Run) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r"METRIC: (.*)", run.stderr)]


def test_the_metrics_of_the_sdk_are_right(api: StandIn, run_tap: RunTap) -> None:
    api.faults.add(faults.TRANSIENT["503"], page=2)
    run = run_tap(api, command=tap.IMPATIENT)
    assert run.returncode == 0
    by_name: dict[str, list[dict[str, Any]]] = {}
    for metric in metrics(run):
        by_name.setdefault(metric["metric"], []).append(metric)
    assert [m["value"] for m in by_name["record_count"]][-1] == 287
    assert sum(m["value"] for m in by_name["http_request_count"]) == 3
    # A line for each request is for those who debug: a night has thousands.
    assert "http_request_duration" not in by_name
    assert [m["tags"]["status"] for m in by_name["sync_duration"]] == ["succeeded"]


def test_structured_logs_are_json(
    api: StandIn, run_tap: RunTap, tmp_path: Path
) -> None:
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
    }
    path = tmp_path / "logging.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    run = run_tap(api, env={"SINGER_SDK_LOG_CONFIG": str(path)})
    assert run.returncode == 0
    entries = [json.loads(line) for line in run.stderr.splitlines()]
    messages = [entry["message"] for entry in entries]
    assert any(message.startswith("api_keys: INCREMENTAL") for message in messages)
    assert any(SUMMARY.fullmatch(message) for message in messages)
    assert {entry["level"] for entry in entries} == {"info"}


def test_each_stream_counts_its_own_requests() -> None:
    with StandIn(whole_account()) as api:
        run = run_here(api, catalog=catalog_of("businesses", "reviews", "users"))
        asked = Counter(request.path.removeprefix("/v2") for request in api.requests)
    counted = re.findall(r"(\w+): \d+ pages, .* (\d+) requests, 0 retries", run.stderr)
    assert {name: int(figure) for name, figure in counted} == {
        "businesses": asked["/business/search"],
        "reviews": asked["/reviews"],
        "users": asked["/user/search"],
    }
    assert asked["/reviews"] > 1


EVIL = "x\nError: forged \x1b[31m\u202e" + "y" * 100_000


@pytest.mark.parametrize("name", ["search_keywords", "messages", "custom_roles"])
@pytest.mark.parametrize("of", ["ids", "fields"])
def test_text_of_partoo_is_short_and_on_one_line(
    name: str, of: str, run_tap: RunTap
) -> None:
    """Whether it is an id that names a query, or a field that nobody knows."""

    def spoil(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if of == "fields":
            return [row | {EVIL: 1} for row in rows]
        return [row | {key: f"{row[key]}{EVIL}" for key in ids} for row in rows]

    paths = {
        "search_keywords": "/business/search",
        "messages": "/conversations",
        "custom_roles": "/custom_role",
    }
    ids = {"custom_roles": ("api_id",)}.get(name, ("id",))
    path = RESOURCES[name].path if of == "fields" else paths[name]
    account = whole_account(reviews=0, conversations=3, api_key=API_KEY)
    with StandIn(account) as api:
        api.faults.add(faults.change_list(spoil), path=path, times=None)
        missing = faults.fields(count=500, max_page=1, next_cursor=None)
        if of == "ids" and name != "custom_roles":
            api.faults.add(missing, path=RESOURCES[name].path, times=None)
        env = {"TAP_PARTOO_LOGLEVEL": "debug"}
        run = run_tap(api, catalog=catalog_of(name), env=env, command=tap.IMPATIENT)
    lines = run.stderr.splitlines()
    assert any("forged" in line for line in lines)
    assert not [line for line in lines if not line.isprintable()]
    assert not [line for line in lines if line.lstrip().startswith("Error: forged")]
