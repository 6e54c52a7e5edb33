"""The lists that the peers read."""

from __future__ import annotations

from dataclasses import dataclass, field

from tap_partoo.streams.presence import PresenceMetrics

Key = int | tuple[str, str]


@dataclass(frozen=True)
class Subject:
    """A list that the peers read.

    Attributes:
        stream: The name of its stream.
        plural: What its rows are called.
        path: Where it is.
        list_key: The name of the list in the response.
        params: The query parameters of each request, besides those of the page.
        parent: The parent list, with a query for each of its rows; both by cursor.
        parent_param: The query parameter that takes the id of the parent.
        has_id: Whether the primary key is `id`, rather than `business_id` and `date`.
    """

    stream: str
    plural: str
    path: str
    list_key: str
    params: dict[str, str] = field(default_factory=dict)
    parent: str = ""
    parent_param: str = ""
    has_id: bool = True


API_KEYS = Subject("api_keys", "keys", "api_keys", "api_keys")
REVIEWS = Subject(
    "reviews", "reviews", "reviews", "reviews", {"order_by": "-update_date"}
)
METRICS = Subject(
    "presence_metrics",
    "days of a store",
    "presence_analytics/metrics",
    "metrics",
    dict(PresenceMetrics.params),
    has_id=False,
)
MESSAGES = Subject(
    "messages",
    "messages",
    "messages",
    "messages",
    parent="conversations",
    parent_param="conversation_id",
)
