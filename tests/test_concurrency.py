"""Several requests at a time: in order, not too far ahead; no threads for one."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tap_partoo.reading.pages import Page, Position, Slice
from tap_partoo.reading.paging import NumberedPages
from tap_partoo.reading.reader import Reader
from tap_partoo.reading.slices import Queries
from tests import tap
from tests.conftest import API_KEY, RunTap
from tests.partoo_api import Account, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY_SECONDS = 0.2


@pytest.fixture
def slow_api() -> Iterator[StandIn]:
    """An account of three pages, over a network."""
    account = Account(make_keys(287), api_key=API_KEY)
    with StandIn(account, latency_seconds=LATENCY_SECONDS) as stand_in:
        yield stand_in


def start(folder: Path, api: StandIn, **config: int) -> tap.Started:
    settings = {"api_key": API_KEY, "api_url": api.url, **config}
    return tap.Started(folder, *tap.arguments(folder, settings))


def test_small_account_takes_two_round_trips(
    slow_api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(slow_api, config={"concurrency": 2})
    assert len(run.ids) == 287
    first, second, third = [request.at for request in slow_api.requests]
    assert (
        second - first >= LATENCY_SECONDS
    )  # only its response says how many there are
    assert third - second < LATENCY_SECONDS


@pytest.mark.parametrize("concurrency", [2, 8, 16])
def test_order_is_that_of_one_request_at_a_time(
    api: StandIn, run_tap: RunTap, concurrency: int
) -> None:
    expected = [record["id"] for record in api.account.records()]
    api.faults.add(faults.stall(0.3), page=2)  # later pages are there before it
    run = run_tap(
        api, config={"per_page": 10, "concurrency": concurrency, "request_timeout": 5}
    )
    assert run.ids == expected


@pytest.mark.parametrize("concurrency", [1, 4])
def test_pages_in_memory_are_few(
    tmp_path: Path, api: StandIn, concurrency: int
) -> None:
    """A target that does not read stops the requests."""
    for record in api.account.records():
        api.account.edit(record["id"], description="long " * 2_000)
    run = start(tmp_path, api, per_page=10, concurrency=concurrency)
    tap.wait_until_full(run)
    assert run.process.stdout
    with run.process.stdout as stdout:
        # The page that is being written, those of the pipe, and what is fetched ahead.
        assert len(api.requests) <= 1 + 1 + 2 * concurrency
        lines = stdout.read().splitlines()
    assert run.process.wait() == 0
    assert len(lines) == 1 + 287 + 1


@pytest.mark.parametrize(("concurrency", "threads"), [(1, 1), (4, 5)])
def test_one_request_at_a_time_needs_no_thread(
    tmp_path: Path, api: StandIn, concurrency: int, threads: int
) -> None:
    api.faults.add(faults.stall(30), request=2, times=None)
    run = start(tmp_path, api, per_page=10, concurrency=concurrency)
    run.wait_until(lambda: len(api.requests) == 1 + concurrency)
    tasks = list(Path(f"/proc/{run.process.pid}/task").iterdir())
    run.process.kill()
    run.process.communicate()
    assert len(tasks) == threads


@pytest.mark.parametrize(
    ("answer_seconds", "fetched_ahead"),
    [
        ([0, 0, 0, 0, 0], 0),
        ([1, 0, 0, 0, 0], 4),
        ([0, 0, 1, 0, 0], 2),
    ],
)
def test_threads_start_where_there_is_something_to_wait_for(
    answer_seconds: list[float], fetched_ahead: int
) -> None:
    fetching: list[int] = []

    def fetch(_: Slice, position: Position) -> Page:
        fetching.append(threading.get_ident())
        number = int(position or 1)
        return Page(
            [{"id": number}],
            "2026-01-01",
            answer_seconds[number - 1],
            count=5,
            number=number,
            max_page=5,
        )

    reader = Reader(
        fetch,
        lambda _, rows: rows,
        workers=2,
        primary_keys=["id"],
        entered_at=[],
        time_of=lambda _: None,
        name="numbers",
        logger=logging.getLogger(),
    )
    query = Slice("/numbers", NumberedPages("numbers", per_page=1))
    *batches, end = reader.batches(Queries([query]))
    assert end.outcome == "complete"
    assert [batch.records for batch in batches] == [[{"id": n}] for n in range(1, 6)]
    here = threading.get_ident()
    assert sum(thread != here for thread in fetching) == fetched_ahead
