"""A long run through many faults is exact, and does not need more memory."""

from __future__ import annotations

import random
import re
import subprocess
import time
from pathlib import Path

from tests import tap
from tests.conftest import API_KEY
from tests.partoo_api import Account, StandIn, faults, make_keys

KEYS_PER_PAGE = 10
MORE_MEBIBYTES = 10
"""What a run of ten times the pages may need in addition. The ids of the keys need a
few; the records themselves would need many times as much."""


def peak_mebibytes(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end of a process, and return the most memory that it had.

    Not `ru_maxrss`, which begins with the memory of the process that forked it.
    """
    status = Path(f"/proc/{process.pid}/status")
    peak = 0
    while process.poll() is None:
        # Between its end and the next poll the file has no such line.
        peak = max(
            map(int, re.findall(r"VmHWM:\s*(\d+)", status.read_text())), default=peak
        )
        time.sleep(0.01)
    return peak / 1024


def soak(folder: Path, pages: int) -> float:
    """Read a number of pages through faults; return the memory it took, in MiB."""
    folder.mkdir()
    account = Account(make_keys(pages * KEYS_PER_PAGE), api_key=API_KEY)
    rng = random.Random(pages)
    with StandIn(account) as api:
        sick = rng.sample(range(1, pages + 1), pages // 20)
        for page in sick:
            fault = rng.choice(list(faults.TRANSIENT))
            api.faults.add(faults.TRANSIENT[fault], page=page)
        config = {
            "api_key": API_KEY,
            "api_url": api.url,
            "per_page": KEYS_PER_PAGE,
            "requests_per_minute": 1_000_000,
        }
        output, log = folder / "stdout", folder / "stderr"
        with output.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [*tap.IMPATIENT, *tap.arguments(folder, config)],
                stdout=stdout,
                stderr=stderr,
                cwd=tap.ROOT,
                env=tap.environment(),
            )
        mebibytes = peak_mebibytes(process)
        run = tap.Run(process.returncode, output.read_bytes(), log.read_text())
        assert run.returncode == 0, run.stderr
        assert len(api.requests) == pages + len(sick)
    assert sorted(run.ids) == [record["id"] for record in account.records()]
    return mebibytes


def test_two_thousand_pages_with_faults_are_read_exactly(tmp_path: Path) -> None:
    short = soak(tmp_path / "short", 200)
    long = soak(tmp_path / "long", 2000)
    assert long < short + MORE_MEBIBYTES
