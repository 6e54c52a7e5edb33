"""How much is measured, and how runs are compared."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.bench.runs import API_KEY, OTHERS, Peer, Run, run_peer
from tests.bench.subjects import API_KEYS, Key, Subject
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
        quick: Tiny accounts, and only the peers that are already installed: shows that
            the benchmark works, without useful figures.
    """

    rounds: int
    limit_rounds: int
    quick: bool = False

    def rows(self, count: int) -> int:
        """Return how many rows are read instead of this many."""
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
    """Run all contestants in each round; each round begins with another one."""
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
def serve(served: Account, **options: Any) -> Iterator[StandIn]:
    """Serve an account whose JSON is already made, as fast as the stand-in can."""
    # Otherwise the garbage collector would go through all rows during a measurement.
    gc.collect()
    gc.freeze()
    try:
        with StandIn(served, counting_seconds=0, **options) as api:
            yield api
    finally:
        gc.unfreeze()


@contextmanager
def account(keys: int, **options: Any) -> Iterator[tuple[StandIn, set[Key]]]:
    """Serve an account of keys; their ids are the second value."""
    served = Account(make_keys(keys), api_key=API_KEY)
    # Reading it once makes the JSON of each key, so the first peer has it, too.
    ids: set[Key] = {record["id"] for record in served.records()}
    with serve(served, **options) as api:
        yield api, ids


def compare(  # noqa: PLR0913 - what differs between workloads
    label: str,
    rounds: int,
    peers: Sequence[Peer],
    served: tuple[StandIn, set[Key]],
    *,
    per_page: int = PER_PAGE,
    subject: Subject = API_KEYS,
) -> dict[str, list[Run]]:
    """Let peers read the same account."""
    api, keys = served
    return interleave(
        label,
        rounds,
        {
            peer.name: partial(run_peer, peer, api, keys, per_page, subject)
            for peer in peers
        },
    )
