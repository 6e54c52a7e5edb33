"""The benchmark runs; its figures are not tested."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bench.plan import account
from tests.bench.runs import BenchmarkError, ours, run_peer
from tests.tap import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_benchmark_compares_the_tap_with_its_peers(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    # One of each kind: all of them would take a minute and a half.
    workloads = "throughput,reviews,messages,mixed,start-up"
    options = ("--quick", "--workloads", workloads, "--output", str(page))
    command = (sys.executable, "-m", "tests.bench", *options)

    ended = subprocess.run(
        command, capture_output=True, check=False, cwd=ROOT, timeout=300, text=True
    )

    assert ended.returncode == 0, ended.stderr
    lines = page.read_text(encoding="utf-8").splitlines()
    titles = [line for line in lines if line.startswith("## ")]
    assert [title.split(":")[0] for title in titles] == [
        "## Throughput",
        "## Reviews with replies and tags",
        "## Messages",
        "## All 22 streams at the limit",
        "## Start-up",
        "## Measured",
    ]
    table = lines[lines.index(titles[0]) : lines.index(titles[1])]
    cells = [line.strip("| ").split(" | ") for line in table if line.startswith("| ")]
    speeds = {name: float(speed) for name, speed, *_ in cells[2:]}
    assert list(speeds) == [
        "tap-partoo",
        "tap-partoo, concurrency 1",
        "template tap",
        "template tap, msgspec writer",
    ]
    assert speeds["template tap"] == 1
    assert min(speeds.values()) > 0


@pytest.mark.parametrize(
    ("missing", "unexpected", "message"),
    [
        ({1}, set[int](), "delivered 287 of 288 keys and 0 others"),
        (set[int](), {3245}, "delivered 286 of 286 keys and 1 others"),
    ],
    ids=["a key is missing", "a key is not of the account"],
)
def test_a_run_that_delivers_other_keys_is_no_result(
    missing: set[int], unexpected: set[int], message: str
) -> None:
    with account(287) as (api, ids):
        expected = (ids | missing) - unexpected

        with pytest.raises(BenchmarkError, match=message):
            run_peer(ours(), api, expected, per_page=100)
