"""Never more requests in any window of time than allowed; a short run never waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import patched
from tests.conftest import API_KEY
from tests.partoo_api import Account, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import RunTap

LIMIT = 20
WINDOW_SECONDS = 1.5
SHORT_WINDOW = patched.command(
    api__pacing__WINDOW_SECONDS=WINDOW_SECONDS,
    api__retrying__BACKOFF_FACTOR_SECONDS=0.01,
    api__retrying__BACKOFF_MAX_SECONDS=0.05,
    api__retrying__MAX_JITTER_SECONDS=0.01,
)
"""The command with a window that a test can wait for, instead of a minute."""


@pytest.mark.parametrize(("concurrency", "latency_seconds"), [(1, 0), (8, 0.1)])
def test_a_long_run_stays_within_the_limit(
    run_tap: RunTap, concurrency: int, latency_seconds: float
) -> None:
    account = Account(make_keys(60), api_key=API_KEY)
    with StandIn(
        account,
        requests_per_minute=LIMIT,
        window_seconds=WINDOW_SECONDS,
        latency_seconds=latency_seconds,
    ) as api:
        # Failed attempts count as well, and so does a second attempt to read the list.
        for page in (2, 9, 20, 29):
            api.faults.add(faults.TRANSIENT["500"], page=page, times=2)
            api.faults.add(faults.RESET, page=page)
        first, *_ = account.records()

        def delete_first(number: int, _: Mapping[str, str]) -> None:
            if number == 15:
                account.delete(first["id"])

        api.before_response = delete_first
        run = run_tap(
            api,
            config={
                "per_page": 2,
                "concurrency": concurrency,
                "requests_per_minute": LIMIT,
            },
            command=SHORT_WINDOW,
        )
        arrivals = [request.at for request in api.requests]
        statuses = {request.status for request in api.requests}
    assert run.returncode == 0, run.stderr
    assert sorted(run.ids) == [key.record["id"] for key in make_keys(60)]
    assert "1 extra attempts" in run.stderr
    assert len(arrivals) == 30 + 30 + 4 * 3
    assert 429 not in statuses
    spans = [
        after - before
        for before, after in zip(arrivals, arrivals[LIMIT:], strict=False)
    ]
    assert min(spans) >= WINDOW_SECONDS


def test_a_short_run_does_not_wait(run_tap: RunTap) -> None:
    with StandIn(Account(make_keys(40), api_key=API_KEY)) as api:
        run = run_tap(
            api,
            config={"per_page": 2, "requests_per_minute": LIMIT, "concurrency": 8},
        )
        assert len(api.requests) == LIMIT
    assert len(run.ids) == 40
    assert "Waiting" not in run.stderr
    assert " 0.0 s waited" in run.stderr
