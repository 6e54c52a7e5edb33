"""The workload of peak memory: a first run of very many reviews."""

from __future__ import annotations

from statistics import median

from tests.bench.nested import account_of_reviews
from tests.bench.plan import Plan, compare
from tests.bench.runs import TEMPLATE, ours
from tests.bench.subjects import REVIEWS
from tests.bench.tables import spread, table


def memory(plan: Plan) -> str:
    """Measure how much memory a first run of very many reviews needs."""
    count = plan.rows(500_000)
    with account_of_reviews(count) as served:
        results = compare("memory", 1, [ours(), TEMPLATE], served, subject=REVIEWS)
    base = median(run.peak_rss_mb for run in results[TEMPLATE.name])
    rows = [
        (
            name,
            spread([run.requests for run in runs], 0),
            spread([run.peak_rss_mb for run in runs], 1),
            spread([run.peak_rss_mb - base for run in runs], 1),
            spread([run.wall_seconds for run in runs], 1),
        )
        for name, runs in results.items()
    ]
    head = (
        f"{count:,} reviews",
        "requests",
        "peak RSS, MB",
        f"difference to the {TEMPLATE.name}, MB",
        "wall, s",
    )
    return f"""\
## Peak memory: a first run of {count:,} reviews

{table(head, rows)}

The tap keeps the ids of one part of the range at a time, and pages fetched ahead.
"""
