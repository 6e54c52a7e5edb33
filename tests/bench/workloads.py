"""The workloads: what is read, by whom, and the tables that come of it."""

from __future__ import annotations

import gc
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.bench.runs import (
    API_KEY,
    OTHERS,
    TAP,
    TEMPLATE,
    Peer,
    Run,
    ours,
    run_command,
    run_peer,
)
from tests.bench.tables import (
    comparison,
    cpu_seconds,
    ratios,
    spread,
    table,
    wall_seconds,
)
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PER_PAGE = 100
LATENCY_SECONDS = 0.08
LIMIT = 300
WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How often each peer runs, except at the limit.
        limit_rounds: How often the tap runs at the limit.
        quick: Tiny accounts, and only the peers that are installed anyway: shows that
            the benchmark works, and measures nothing.
    """

    rounds: int
    limit_rounds: int
    quick: bool = False

    def keys(self, count: int) -> int:
        """Return how many keys stand for so many."""
        return max(count // 400, 1) if self.quick else count

    @property
    def others(self) -> list[Peer]:
        """The peers besides the tap."""
        return [peer for peer in OTHERS if peer.installed or not self.quick]


def interleave(
    label: str,
    rounds: int,
    contestants: Mapping[str, Callable[[], Run]],
) -> dict[str, list[Run]]:
    """Run all contestants in each round, every round beginning with another one."""
    results: dict[str, list[Run]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            run = contestants[name]()
            results[name].append(run)
            print(
                f"{label}, round {number + 1} of {rounds}: {name}: "
                f"{run.wall_seconds:.2f} s, CPU {run.cpu_seconds:.2f} s, "
                f"{run.peak_rss_mb:.0f} MB",
                flush=True,
            )
    return results


@contextmanager
def account(keys: int, **options: Any) -> Iterator[tuple[StandIn, set[int]]]:
    """Serve an account; the ids of its keys are the second value."""
    served = Account(make_keys(keys), api_key=API_KEY)
    # Reading it once puts the JSON of each key in place, for the first peer, too.
    ids = {record["id"] for record in served.records()}
    # The collector would look through all the keys while somebody is measured.
    gc.collect()
    gc.freeze()
    try:
        with StandIn(served, counting_seconds=0, **options) as api:
            yield api, ids
    finally:
        gc.unfreeze()


def compare(
    label: str,
    rounds: int,
    keys: int,
    peers: Sequence[Peer],
    **options: Any,
) -> dict[str, list[Run]]:
    """Let peers read the same account."""
    with account(keys, **options) as (api, ids):
        return interleave(
            label,
            rounds,
            {peer.name: partial(run_peer, peer, api, ids, PER_PAGE) for peer in peers},
        )


def throughput(plan: Plan) -> str:
    """Measure how fast records pass where the API takes no time."""
    keys = plan.keys(100_000)
    peers = [ours(), ours(1), *([] if plan.quick else [ours(8)]), *plan.others]
    results = compare("throughput", plan.rounds, keys, peers)
    return f"""\
## Throughput: an API without latency

{comparison(results, TEMPLATE.name, keys)}

`peak RSS` of the tap holds the ids of all keys, to drop repeats.
"""


def latency(plan: Plan) -> str:
    """Measure what requests side by side save where the API takes its time."""
    keys = plan.keys(20_000)
    peers = [ours(), ours(1), ours(8), *([] if plan.quick else plan.others)]
    results = compare(
        "latency", plan.rounds, keys, peers, latency_seconds=LATENCY_SECONDS
    )
    few = 250 if plan.quick else 287
    small = compare(
        "latency, few keys",
        plan.rounds,
        few,
        [ours(), *([] if plan.quick else [ours(1)])],
        latency_seconds=LATENCY_SECONDS,
    )
    rows = [
        (
            name,
            # The last answer comes one latency after its request.
            spread([run.reading_seconds / LATENCY_SECONDS + 1 for run in runs], 1),
            spread([run.wall_seconds for run in runs], 2),
            spread([run.requests for run in runs], 0),
        )
        for name, runs in small.items()
    ]
    head = (f"{few} keys", "round trips after start-up", "wall, s", "requests")
    return f"""\
## Latency: an API that takes {LATENCY_SECONDS * 1000:.0f} ms for each answer

{comparison(results, ours(1).name, keys)}

The other peers ask for one page after the other.

{table(head, rows)}
"""


def limit(plan: Plan) -> str:
    """Measure the tap where the API enforces its limit."""
    pages = 25 if plan.quick else 700
    peers = [ours(pace=None), *([] if plan.quick else [ours(8, pace=None)])]
    results = interleave(
        "at the limit",
        plan.limit_rounds,
        {peer.name: partial(_run_at_limit, peer, pages) for peer in peers},
    )
    implied = (pages - 1) // LIMIT * WINDOW_SECONDS
    head = (
        f"{pages} pages",
        "requests",
        "answered with 429",
        "implied by the limit, s",
        "first to last request, s",
        "wall, s",
        "CPU, s",
    )
    rows = [
        (
            name,
            spread([run.requests for run in runs], 0),
            spread([run.refused for run in runs], 0),
            str(implied),
            spread([run.reading_seconds for run in runs], 2),
            spread([run.wall_seconds for run in runs], 2),
            spread([run.cpu_seconds for run in runs], 2),
        )
        for name, runs in results.items()
    ]
    return f"""\
## At the limit: an API that refuses more than {LIMIT} requests in {WINDOW_SECONDS} s

{table(head, rows)}

No client can ask for the last page sooner after the first than the limit implies. Here
the tap paces itself as it does by default.
"""


def _run_at_limit(peer: Peer, pages: int) -> Run:
    # Pages of one key: the limit counts requests. A server of its own, whose window is
    # still empty.
    with account(pages, requests_per_minute=LIMIT, window_seconds=WINDOW_SECONDS) as (
        api,
        ids,
    ):
        return run_peer(peer, api, ids, per_page=1)


def start_up(plan: Plan) -> str:
    """Measure what it takes to start, next to the import of the SDK."""
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
    few, many = plan.keys(10_000), plan.keys(100_000)
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


WORKLOADS: Mapping[str, Callable[[Plan], str]] = {
    "throughput": throughput,
    "latency": latency,
    "limit": limit,
    "start-up": start_up,
    "growth": growth,
}
