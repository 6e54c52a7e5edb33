"""How many requests a run makes: close to the minimum for its rows.

The limit is shared with all integrations of the organization.
"""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests import request_counts, tap
from tests.in_process import run_here
from tests.partoo_api import StandIn
from tests.request_counts import CASES, UNPACED, Case, first_reviews, reviews_account
from tests.selected import bookmark_of, catalog_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.partoo_api import LoggedRequest

RENEW = "run `python -m tests.request_counts`"
MANY, PER_PAGE = 10_000, 2
"""As many pages as 500,000 reviews have, 100 a page."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_run_makes_few_requests(case: Case) -> None:
    counts = case.measure()

    assert counts.minimum <= counts.asked <= case.bound(counts)
    assert counts.twice == []
    assert counts.records > 0
    assert case.row in request_counts.PAGE.read_text(encoding="utf-8"), RENEW


def test_the_page_is_of_this_version() -> None:
    """But for its figures, which each case checks for itself."""
    made = request_counts.page(lambda case: f"| {case.title} | ")
    lines = request_counts.PAGE.read_text(encoding="utf-8").splitlines()

    assert len(lines) == len(made.splitlines()), RENEW
    assert all(map(str.startswith, lines, made.splitlines())), RENEW


def test_a_first_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    undisturbed = first_reviews(MANY, PER_PAGE).asked
    account = reviews_account(MANY)
    catalog = catalog_of("reviews")
    killed: list[subprocess.Popen[bytes]] = []

    def kill_at_half(_: LoggedRequest, number: int) -> None:
        if number == undisturbed // 2:
            killed[0].send_signal(signal.SIGKILL)

    with StandIn(account, counting_seconds=0) as api:
        api.before_list = kill_at_half
        config: dict[str, Any] = UNPACED | {
            "api_key": account.api_key,
            "api_url": api.url,
            "per_page": PER_PAGE,
        }
        arguments = tap.arguments(tmp_path, config, None, catalog)
        with (tmp_path / "out").open("wb") as out:
            command = [*tap.COMMAND, *arguments]
            killed.append(
                subprocess.Popen(
                    command,
                    stdout=out,
                    stderr=subprocess.DEVNULL,
                    cwd=tap.ROOT,
                    env=tap.environment(),
                )
            )
            assert killed[0].wait(timeout=120) == -signal.SIGKILL
        whole, *_ = (tmp_path / "out").read_bytes().rpartition(b"\n")
        before = tap.Run(-signal.SIGKILL, whole, "")
        assert bookmark_of(before, "reviews")
        api.requests.clear()
        api.before_list = None
        settings = {"per_page": PER_PAGE, **UNPACED}

        rest = run_here(api, config=settings, state=before.state, catalog=catalog)

    assert len(api.requests) <= 0.55 * undisturbed
    read = {record["id"] for run in (before, rest) for record in run.records}
    assert read == {row.record["id"] for row in account["reviews"]}
