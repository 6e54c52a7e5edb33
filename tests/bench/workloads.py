"""The workloads, in the order of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import keys, limit, memory, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.bench.plan import Plan

WORKLOADS: Mapping[str, Callable[[Plan], str]] = {
    "throughput": keys.throughput,
    "latency": keys.latency,
    "reviews": nested.reviews,
    "reviews-latency": nested.reviews_with_latency,
    "metrics": nested.metrics,
    "messages": nested.messages,
    "limit": limit.limit,
    "mixed": limit.mixed,
    "memory": memory.memory,
    "start-up": keys.start_up,
    "growth": keys.growth,
}
