"""The workloads at the limit: how much of it is used, without a refusal."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tests.bench.nested import account_of_reviews
from tests.bench.plan import LIMIT, WINDOW_SECONDS, Plan, account, interleave, serve
from tests.bench.runs import (
    API_KEY,
    TAP,
    BenchmarkError,
    Peer,
    Run,
    ours,
    run_command,
    run_peer,
    with_requests,
    written,
)
from tests.bench.subjects import REVIEWS
from tests.bench.tables import spread, table
from tests.every import NAMES
from tests.partoo_api import RESOURCES, Account, whole_account
from tests.selected import catalog_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACE = {"requests_per_minute": LIMIT, "window_seconds": WINDOW_SECONDS}
HEAD = (
    "requests",
    "responses with 429",
    "implied by the limit, s",
    "first to last request, s",
    "this / implied",
    "wall, s",
    "CPU, s",
)


class Line(msgspec.Struct):
    """A Singer message with its whole record."""

    type: str
    stream: str = ""
    record: dict[str, object] | None = None


def limit(plan: Plan) -> str:
    """Measure the tap where the API enforces its limit."""
    pages = 25 if plan.quick else 620
    peers = [ours(pace=LIMIT), *([] if plan.quick else [ours(8, pace=LIMIT)])]
    keys = interleave(
        "at the limit",
        plan.limit_rounds,
        {peer.name: partial(_read_keys, peer, pages) for peer in peers},
    )
    reviews = interleave(
        "reviews at the limit",
        plan.limit_rounds,
        {"tap-partoo, reviews": partial(_read_reviews, peers[0], pages)},
    )
    return f"""\
## At the limit: an API that refuses more than {LIMIT} requests in {WINDOW_SECONDS} s

{_table(f"about {pages} pages", keys | reviews)}

The limit implies the shortest possible time between the requests for the first and the
last page. Here `requests_per_minute` is {LIMIT}; the default leaves a fifth for others.
"""


def _read_keys(peer: Peer, pages: int) -> Run:
    # Pages of one key: the limit counts requests. Each run has its own server, whose
    # window is still empty.
    with account(pages, **PACE) as (api, keys):
        return run_peer(peer, api, keys, per_page=1)


def _read_reviews(peer: Peer, pages: int) -> Run:
    with account_of_reviews(pages, **PACE) as (api, keys):
        return run_peer(peer, api, keys, per_page=1, subject=REVIEWS)


def mixed(plan: Plan) -> str:
    """Measure a run of all streams where the API enforces its limit."""
    runs = {
        "tap-partoo, 80 ms": partial(_read_all, plan, ours(pace=LIMIT), 0.08),
        "tap-partoo, concurrency 8, 800 ms": partial(
            _read_all, plan, ours(8, pace=LIMIT), 0.8
        ),
    }
    if plan.quick:
        runs = {"tap-partoo": partial(_read_all, plan, ours(pace=LIMIT), 0)}
    results = interleave("all streams at the limit", plan.limit_rounds, runs)
    return f"""\
## All {len(NAMES)} streams at the limit

{_table("all streams", results)}

Each response takes as long as the name says. Most streams have a few pages; reviews,
posts, users, messages and metrics have many. Each run is checked for the number of rows
of each stream. The implied time is for a client that sends {LIMIT} requests at once.
The tap counts a request until {WINDOW_SECONDS} s after its response, which adds the
time of one response in each window.
"""


def account_of_all(*, quick: bool = False) -> Account:
    """Return an account whose run makes just over four times the limit."""
    if quick:
        return whole_account(api_key=API_KEY)
    served = whole_account(
        businesses=60, reviews=20_000, days=200, conversations=120, api_key=API_KEY
    )
    for name in ("posts", "users"):
        served.fill(name, 38_000)
    return served


def _read_all(plan: Plan, peer: Peer, latency_seconds: float) -> Run:
    served = account_of_all(quick=plan.quick)
    catalog = catalog_of(*NAMES)
    with (
        serve(served, latency_seconds=latency_seconds, **PACE) as api,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        config = {"api_key": API_KEY, "api_url": api.url, **peer.settings}
        files = written(folder, {"config": config, "catalog": catalog})
        run = with_requests(run_command(folder, [TAP, *files]), api)
        _check(folder, served)
    return run


def _check(folder: Path, served: Account) -> None:
    """Check that all rows of all streams were delivered."""
    decoder = msgspec.json.Decoder(Line)
    seen: dict[str, set[tuple[object, ...]]] = {name: set() for name in NAMES}
    with (folder / "stdout").open("rb") as file:
        for line in map(decoder.decode, file):
            if line.record:
                names = RESOURCES[line.stream].key
                seen[line.stream].add(tuple(line.record[name] for name in names))
    for name, keys in seen.items():
        if len(keys) != len(served[name]):
            msg = f"{len(keys)} of {len(served[name])} rows of {name} were delivered"
            raise BenchmarkError(msg)


def _table(title: str, results: Mapping[str, Sequence[Run]]) -> str:
    rows = []
    for name, runs in results.items():
        implied = (runs[0].requests - 1) // LIMIT * WINDOW_SECONDS
        ratios = [run.reading_seconds / implied for run in runs] if implied else []
        rows.append(
            (
                name,
                spread([run.requests for run in runs], 0),
                spread([run.refused for run in runs], 0),
                str(implied),
                spread([run.reading_seconds for run in runs], 2),
                spread(ratios, 3) if ratios else "",
                spread([run.wall_seconds for run in runs], 2),
                spread([run.cpu_seconds for run in runs], 2),
            )
        )
    return table((title, *HEAD), rows)
