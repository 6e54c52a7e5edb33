"""First pages of the streams that follow are asked for while one waits for its own."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import FatalAPIError, FatalSyncError

from tests.every import NAMES, by_key, catalog_of, expected_records, hurry, records_of
from tests.in_process import everything, limit_attempts, run_here
from tests.partoo_api import RESOURCES, StandIn, faults, whole_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap import Run

LATENCY = 0.06
FIRST = (
    "/business/search",
    "/categories",
    "/conversations",
    "/custom_fields/section",
    "/custom_fields",
    "/custom_role",
    "/feedback/feedback_form",
    "/feedback/feedback_result",
)
"""What `api_keys` is followed by, up to `groups`, which has a query per section."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(whole_account(), latency_seconds=LATENCY) as stand_in:
        yield stand_in


def paths(api: StandIn) -> list[str]:
    return [request.path.removeprefix("/v2") for request in api.requests]


def assert_whole(run: Run, api: StandIn, *names: str) -> None:
    for name in names:
        wanted = expected_records(api.account, name)
        assert by_key(name, records_of(run, name)) == wanted, name


def test_small_streams_are_asked_for_at_a_time(api: StandIn) -> None:
    run = run_here(api, catalog=everything(), config={"concurrency": 8})
    assert_whole(run, api, *NAMES)
    first, *rest = paths(api)
    assert first == "/api_keys"
    assert sorted(rest[: len(FIRST)]) == sorted(FIRST)
    asked = Counter((r.path, *sorted(r.query.items())) for r in api.requests)
    assert set(asked.values()) == {1}


def test_one_worker_asks_for_one_page_at_a_time(api: StandIn) -> None:
    names = ("api_keys", "businesses", "categories", "custom_fields")
    run = run_here(api, catalog=catalog_of(*names), config={"concurrency": 1})
    assert_whole(run, api, *names)
    assert paths(api)[:4] == ["/api_keys", *FIRST[:2], "/categories"]


@pytest.mark.parametrize("concurrency", [2, 4])
def test_no_more_are_under_way_than_the_setting_allows(
    concurrency: int, api: StandIn
) -> None:
    run = run_here(api, catalog=everything(), config={"concurrency": concurrency})
    assert_whole(run, api, *NAMES)
    times = [request.at for request in api.requests]
    for last in times:
        # Each response takes longer than this.
        assert sum(last - 0.9 * LATENCY < at <= last for at in times) <= concurrency


def test_what_is_refused_is_said_in_its_turn(api: StandIn) -> None:
    api.account.refuse("categories")
    api.account.refuse("custom_roles")
    others = ["api_keys", "businesses", "custom_fields", "feedback_forms"]
    catalog = catalog_of(*others, "categories", "custom_roles")
    with pytest.raises(FatalSyncError, match=r"`categories` \(HTTP 403.*custom_roles"):
        run_here(api, catalog=catalog, config={"concurrency": 8})
    assert len(api.requests) == len(others) + 2


def test_the_first_stream_that_fails_ends_the_run(api: StandIn) -> None:
    for name in ("categories", "custom_fields"):
        path = RESOURCES[name].path
        api.faults.add(faults.PERMANENT["400"], path=path, times=None)
    catalog = catalog_of("api_keys", "custom_fields", "categories")
    with pytest.raises(FatalAPIError, match=r"^categories: "):
        run_here(api, catalog=catalog, config={"concurrency": 8})


def test_a_failure_that_passes_is_tried_again(api: StandIn) -> None:
    names = ("api_keys", "categories", "custom_fields", "users")
    for name in names[1:]:
        fault = faults.TRANSIENT["500"]
        api.faults.add(fault, path=RESOURCES[name].path, times=2)
    run = run_here(api, catalog=catalog_of(*names), config={"concurrency": 8})
    assert_whole(run, api, *names)
    assert run.stderr.count(", 2 retries") == len(names) - 1


def test_a_failure_in_advance_that_has_passed_meanwhile_ends_no_run(
    api: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_attempts(monkeypatch, 2)
    names = ("api_keys", "businesses", "categories", "users")
    api.faults.add(faults.stall(1), path=RESOURCES["businesses"].path)
    path = RESOURCES["categories"].path
    api.faults.add(faults.TRANSIENT["500"], path=path, times=2)
    run = run_here(api, catalog=catalog_of(*names), config={"concurrency": 8})
    assert_whole(run, api, *names)


def test_a_page_that_has_become_old_is_requested_again(
    api: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_partoo.streams.ahead.MAX_AGE", timedelta(0))
    names = ("api_keys", "categories", "users")
    run = run_here(api, catalog=catalog_of(*names), config={"concurrency": 8})
    assert_whole(run, api, *names)
    firsts = [r.path for r in api.requests if "page" not in r.query]
    assert firsts.count("/v2/categories") == firsts.count("/v2/user/search") == 2


def test_each_stream_counts_its_own_requests(api: StandIn) -> None:
    # Conversations alone are read for their messages, and sections for their groups.
    names = [name for name in NAMES if name not in {"conversations", "sections"}]
    run = run_here(api, catalog=catalog_of(*names), config={"concurrency": 8})
    lines = re.findall(r"(\w+): \d+ pages, .* (\d+) requests, 0 retries", run.stderr)
    counted = {name: int(figure) for name, figure in lines}
    assert sorted(counted) == sorted(names)
    assert sum(counted.values()) == len(api.requests)
    asked = Counter(paths(api))
    for name in ("businesses", "categories", "feedback_results", "users", "webhooks"):
        assert counted[name] == asked[RESOURCES[name].path]
    assert counted["messages"] == asked["/messages"] + asked["/conversations"]
    assert counted["groups"] == 1
