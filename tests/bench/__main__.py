"""Run the benchmark: `make bench`, or `python -m tests.bench` for a part of it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.peers import environment
from tests.bench.plan import Plan
from tests.bench.runs import BenchmarkError
from tests.bench.workloads import WORKLOADS
from tests.tap import ROOT

PAGE = ROOT / "docs" / "performance.md"
INTRODUCTION = """\
# Performance

Written by `make bench`, which compares the tap with what people would use instead:

- **tap-partoo**: this tap, with the default `concurrency` of 4 unless noted otherwise.
  If the API has no limit, `requests_per_minute` is set so high that it never waits.
- **template tap**: the tap that the template of the Singer SDK creates for this API,
  with the schemas of this tap, including nested ones, and messages as a child stream;
  once more with the SDK's msgspec writer.
- **dlt, extract only**: dlt's `rest_api` source, without normalising and loading, which
  would be the job of a Singer target. Its files are not compressed.
- **bare loop**: `requests` and `orjson`, one line of JSON for each record. It does not
  check, convert or remember anything: the lower bound for reading page by page.

All of them read the same stand-in for the API over loopback, with 100 rows per page
unless noted otherwise, and write to files. Each round runs every peer once, starting
with a different one. A figure is the median of the rounds, with the minimum and the
maximum. Wall time, CPU time (user and system) and peak memory (1 MB is 1,000,000 bytes)
are those of the whole process from start to end, including the start of Python. A run
only counts if the distinct primary keys in its output are exactly those of the account.

The stand-in shares the machine with the peers, and machines differ: **only ratios
within one run of the benchmark are meaningful.** Speed is such a ratio, within each
round.
"""


def main() -> None:
    """Measure, show the tables, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--limit-rounds", type=int, default=1, help="at the limit: 10 minutes each"
    )
    parser.add_argument(
        "--workloads",
        type=lambda names: names.split(","),
        default=list(WORKLOADS),
        help=f"some of {','.join(WORKLOADS)}",
    )
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    parser.add_argument(
        "--output",
        type=Path,
        help="the page to write; by default docs/performance.md when all is measured",
    )
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    plan = (
        Plan(rounds=1, limit_rounds=1, quick=True)
        if options.quick
        else Plan(options.rounds, options.limit_rounds)
    )
    everything = not options.quick and set(options.workloads) == set(WORKLOADS)
    output = options.output or (PAGE if everything else None)
    try:
        page = measure(plan, options.workloads)
    except BenchmarkError as error:
        sys.exit(f"Error: {error}")
    print(f"\n{page}")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page, encoding="utf-8")
        print(f"Written to {output}.")


def measure(plan: Plan, workloads: list[str]) -> str:
    """Run the workloads and return the page."""
    if not plan.quick:
        environment.build()
    facts = setting(plan)
    sections = [WORKLOADS[name](plan) for name in workloads]
    return "\n".join([INTRODUCTION, *sections, facts])


def setting(plan: Plan) -> str:
    """Describe the machine and its load."""
    packages = ("tap-partoo", "singer-sdk", "msgspec", "requests")
    return f"""\
## Measured

- {datetime.now(UTC).date()}; rounds: {plan.rounds}, at the limit {plan.limit_rounds}
- {cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; load
  average before the first round: {os.getloadavg()[0]:.1f}
- Python {platform.python_version()}
- the tap and the template tap: {", ".join(f"{n} {version(n)}" for n in packages)}
- the other peers: {"left out" if plan.quick else environment.versions()}
"""


def cpu_model() -> str:
    """Return what the processor calls itself."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    models = [line for line in text.splitlines() if line.startswith("model name")]
    return models[0].partition(":")[2].strip() if models else platform.machine()


if __name__ == "__main__":
    main()
