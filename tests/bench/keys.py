"""The workloads of one flat list, `api_keys`, and of the start."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.plan import (
    LATENCY_SECONDS,
    PER_PAGE,
    Plan,
    account,
    compare,
    interleave,
)
from tests.bench.runs import TAP, TEMPLATE, Run, ours, run_command, run_peer
from tests.bench.tables import (
    comparison,
    cpu_seconds,
    ratios,
    spread,
    table,
    wall_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def throughput(plan: Plan) -> str:
    """Measure how many records per second the peers process without latency."""
    keys = plan.rows(100_000)
    peers = [ours(), ours(1), *([] if plan.quick else [ours(8)]), *plan.others]
    with account(keys) as served:
        results = compare("throughput", plan.rounds, peers, served)
    return f"""\
## Throughput: an API without latency

{comparison(results, TEMPLATE.name, keys)}

`peak RSS` of the tap includes the ids of all keys, which it needs to drop repeats.
"""


def latency(plan: Plan) -> str:
    """Measure what parallel requests save if the API is slow."""
    keys = plan.rows(10_000)
    peers = [ours(), ours(1), ours(8), *([] if plan.quick else plan.others)]
    with account(keys, latency_seconds=LATENCY_SECONDS) as served:
        results = compare("latency", plan.rounds, peers, served)
    few = 250 if plan.quick else 287
    peers = [ours(), *([] if plan.quick else [ours(1)])]
    with account(few, latency_seconds=LATENCY_SECONDS) as served:
        small = compare("latency, few keys", plan.rounds, peers, served)
    rows = [
        (
            name,
            # The last response comes one latency after its request.
            spread([run.reading_seconds / LATENCY_SECONDS + 1 for run in runs], 1),
            spread([run.wall_seconds for run in runs], 2),
            spread([run.requests for run in runs], 0),
        )
        for name, runs in small.items()
    ]
    head = (f"{few} keys", "round trips after start-up", "wall, s", "requests")
    return f"""\
## Latency: an API that takes {LATENCY_SECONDS * 1000:.0f} ms for each response

{comparison(results, ours(1).name, keys)}

The other peers request one page after the other.

{table(head, rows)}
"""


def start_up(plan: Plan) -> str:
    """Measure the start, compared with the import of the SDK."""
    sdk = 'python -c "import singer_sdk"'
    commands = {
        sdk: (sys.executable, "-c", "import singer_sdk"),
        "tap-partoo --help": (TAP, "--help"),
        "tap-partoo --version": (TAP, "--version"),
        "template tap --help": (*TEMPLATE.command, "--help"),
    }
    with tempfile.TemporaryDirectory() as folder:
        results = interleave(
            "start-up",
            1 if plan.quick else max(4 * plan.rounds, 10),
            {
                name: partial(run_command, Path(folder), command)
                for name, command in commands.items()
            },
        )
    rows = [
        (
            f"`{name}`",
            f"{median(ratios(runs, results[sdk], wall_seconds)):.2f}",
            spread([run.wall_seconds * 1000 for run in runs], 0),
            spread([run.cpu_seconds * 1000 for run in runs], 0),
            spread([run.peak_rss_mb for run in runs], 1),
        )
        for name, runs in results.items()
    ]
    head = ("start-up", "times the import", "wall, ms", "CPU, ms", "peak RSS, MB")
    return f"""\
## Start-up

{table(head, rows)}
"""


def growth(plan: Plan) -> str:
    """Measure how the cost grows with the number of keys."""
    few, many = plan.rows(10_000), plan.rows(100_000)
    peers = [ours(), *([] if plan.quick else [ours(1), TEMPLATE])]
    with (
        account(0) as (none_api, no_ids),
        account(few) as (few_api, few_ids),
        account(many) as (many_api, many_ids),
    ):
        results = interleave(
            "cost growth",
            plan.rounds,
            {
                f"{peer.name}, {len(ids):,} keys": partial(
                    run_peer, peer, api, ids, PER_PAGE
                )
                for peer in peers
                for api, ids in (
                    (none_api, no_ids),
                    (few_api, few_ids),
                    (many_api, many_ids),
                )
            },
        )
    rows = [
        _growth_row(
            peer.name, *(results[f"{peer.name}, {n:,} keys"] for n in (0, few, many))
        )
        for peer in peers
    ]
    head = (
        "CPU, s",
        "no keys",
        f"{few:,} keys",
        f"{many:,} keys",
        "ratio",
        "ratio without start-up",
    )
    return f"""\
## Cost growth: ten times as many keys

{table(head, rows)}

`ratio without start-up` subtracts the median for an account without keys from both.
"""


def _growth_row(
    name: str, none: list[Run], few: list[Run], many: list[Run]
) -> Sequence[str]:
    start = median(map(cpu_seconds, none))
    return (
        name,
        spread(map(cpu_seconds, none), 2),
        spread(map(cpu_seconds, few), 2),
        spread(map(cpu_seconds, many), 2),
        spread(ratios(many, few, cpu_seconds), 2),
        spread(ratios(many, few, lambda run: cpu_seconds(run) - start), 2),
    )
