"""The workloads of nested records, of metrics, and of a query for each parent."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.bench.plan import LATENCY_SECONDS, Plan, compare, serve
from tests.bench.runs import API_KEY, TEMPLATE, ours
from tests.bench.subjects import MESSAGES, METRICS, REVIEWS, Key
from tests.bench.tables import comparison
from tests.partoo_api import Account, make_keys
from tests.partoo_api.resources.messages import messages_of, note_last_messages
from tests.request_counts import DAYS_OF_HISTORY, THREE_YEARS, fill_reviews

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.partoo_api import StandIn

METRICS_PER_PAGE = 500
FEW_ROUNDS = 2
"""For workloads whose runs take minutes."""


@contextmanager
def account_of_reviews(
    count: int,
    **options: Any,
) -> Iterator[tuple[StandIn, set[Key]]]:
    """Serve reviews with replies and tags, spread over three years."""
    served = Account(make_keys(1), api_key=API_KEY)
    fill_reviews(served, count, THREE_YEARS)
    keys: set[Key] = {row.record["id"] for row in served["reviews"]}
    with serve(served, **options) as api:
        yield api, keys


def reviews(plan: Plan) -> str:
    """Measure nested records without latency."""
    rows = plan.rows(100_000)
    with account_of_reviews(rows) as served:
        peers = [ours(), ours(1), *plan.others]
        results = compare("reviews", plan.rounds, peers, served, subject=REVIEWS)
    return f"""\
## Reviews with replies and tags: an API without latency

{comparison(results, TEMPLATE.name, rows, REVIEWS.plural)}

The tap requests the deleted ones, an eighteenth of all, a second time: no other peer
does.
"""


def reviews_with_latency(plan: Plan) -> str:
    """Measure nested records with latency."""
    rows = plan.rows(5_000)
    with account_of_reviews(rows, latency_seconds=LATENCY_SECONDS) as served:
        peers = [ours(), ours(8), *plan.others]
        results = compare("reviews, 80 ms", plan.rounds, peers, served, subject=REVIEWS)
    return f"""\
## Reviews with latency: an API that takes {LATENCY_SECONDS * 1000:.0f} ms

{comparison(results, TEMPLATE.name, rows, REVIEWS.plural)}
"""


def metrics(plan: Plan) -> str:
    """Measure the presence metrics of 2,000 stores over 18 months."""
    served = Account(make_keys(1), api_key=API_KEY)
    served.fill("businesses", 20 if plan.quick else 2000)
    present = len(served["businesses"].scene().businesses("presence_management"))
    served.fill("presence_metrics", present * DAYS_OF_HISTORY)
    records = (row.record for row in served["presence_metrics"])
    keys: set[Key] = {(record["business_id"], record["date"]) for record in records}
    size = METRICS_PER_PAGE
    peers = [ours(), *plan.others]
    with serve(served) as api:
        results = compare(
            "metrics",
            min(plan.rounds, FEW_ROUNDS),
            peers,
            (api, keys),
            per_page=size,
            subject=METRICS,
        )
    return f"""\
## Presence metrics: {len(served["businesses"]):,} stores over 18 months

{comparison(results, TEMPLATE.name, len(keys), "rows")}

{size} rows per page, no latency; one store in eight has no metrics. `peak RSS` of the
tap includes the keys of one part of the range.
"""


def messages(plan: Plan) -> str:
    """Measure the messages of many conversations, with a query for each."""
    served = Account(make_keys(1), api_key=API_KEY)
    conversations = plan.rows(2_000)
    served.fill("conversations", conversations)
    each = messages_of(served["conversations"].rows())
    served["messages"].fill(len(each), each=each)
    note_last_messages(served)
    served["messages"].prepare()
    keys: set[Key] = {row.record["id"] for row in served["messages"]}
    with serve(served, latency_seconds=0 if plan.quick else 0.01) as api:
        results = compare(
            "messages",
            min(plan.rounds, FEW_ROUNDS),
            [ours(), ours(1), *plan.others],
            (api, keys),
            subject=MESSAGES,
        )
    return f"""\
## Messages: {conversations:,} conversations, with a request for each

{comparison(results, TEMPLATE.name, len(keys), MESSAGES.plural)}

Each response takes 10 ms.
"""
