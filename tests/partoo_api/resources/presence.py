"""Presence analytics and the states of publishers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.partoo_api.parameters import (
    among,
    day,
    ending,
    none_of,
    some_of,
    starting,
    without_effect,
)
from tests.partoo_api.resource import Pages, Parameter, Resource, Values
from tests.partoo_api.row import Record, Row, View, dump

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tests.partoo_api.account import Account
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.scene import Scene

METRICS = (
    "business_impressions_desktop_maps",
    "business_impressions_desktop_search",
    "business_impressions_mobile_maps",
    "business_impressions_mobile_search",
    "business_direction_requests",
    "call_clicks",
    "website_clicks",
)
LATEST_DAYS = 3
"""The last days before today have no figures yet: this many."""
PRODUCT = "Presence Management"
_ANALYTICS = Pages(default=500, maximum=500)
KEYWORDS = ("boulangerie", "pain au chocolat", "Œuf & café", "パン屋", 'the "shop"')
PUBLISHERS = ("google_my_business", "facebook", "apple_direct", "waze")


def make_metrics(scene: Scene, index: int) -> Record:
    """Make the figures of a business on a day: all businesses, day after day."""
    businesses = scene.businesses("presence_management")
    days = -(-scene.count // len(businesses))
    place = index % scene.count // len(businesses) if not scene.fresh else days - 1
    last = scene.now.date() - timedelta(days=LATEST_DAYS)
    metrics = {name: scene.below(900) for name in METRICS}
    record: dict[str, Any] = {
        "date": (last - timedelta(days=days - 1 - place)).isoformat(),
        "bucket": "day",
        "business_id": businesses[index % len(businesses)]["id"],
    }
    if index % 9 == 4:
        metrics["call_clicks"] = 0
    record |= metrics
    if index % 13 == 5:  # Google gave no value
        record["website_clicks"] = None
    if index % 13 == 11:
        del record["website_clicks"]
    return record


def _moment(record: Record, _: Habits) -> float | None:
    try:
        moment = datetime.fromisoformat(record["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC).timestamp()


def _dimensions(*wanted: str) -> Parameter:
    """Want exactly these dimensions; others are documented, but not made up here."""

    def parse(text: str) -> frozenset[Hashable]:
        found = some_of(*wanted)(text)
        if len(found) < len(wanted):
            message = f"The stand-in only knows {','.join(wanted)}."
            raise ValueError(message)
        return found

    return Parameter(parse, required=True)


def _only(values: Values, all_metrics: tuple[str, ...], *, without: str = "") -> View:
    """Return the requested metrics, in addition to the dimensions."""
    asked: Any = values["metrics"]
    left_out = {*all_metrics, without} - asked

    def narrow(row: Row) -> Record:
        return {k: value for k, value in row.record.items() if k not in left_out}

    return View((asked, without), narrow)


def _metrics_view(_: Account, values: Values, __: Habits) -> View:
    return _only(values, METRICS)


PRESENCE_METRICS = Resource(
    "presence_metrics",
    "/presence_analytics/metrics",
    "metrics",
    ("business_id", "date"),
    make_metrics,
    pages=_ANALYTICS,
    parameters={
        "metrics": Parameter(some_of(*METRICS), required=True),
        "dimensions": _dimensions("business", "day"),
        "business__in": among("business_id"),
        "business__notin": none_of("business_id"),
        "city": without_effect(),
        "query": without_effect(),
        "filter_date__gte": starting(day),
        "filter_date__lte": ending(day),
    },
    orders={"day": "date", "business": "business_id", **{m: m for m in METRICS}},
    moment=_moment,
    moment_order="day",
    view=_metrics_view,
    product=PRODUCT,
)


def make_keyword(scene: Scene, index: int) -> Record:
    """Make a keyword of a business in a month: the newest is that before last."""
    businesses = scene.businesses("google")
    place, number = divmod(index, len(businesses))
    month, keyword = divmod(place, len(KEYWORDS))
    count = None if index % 4 == 3 else scene.below(500)
    record: dict[str, Any] = {
        # A number, where the documentation prints one.
        "keyword": 123 if number % 3 == keyword == 1 else KEYWORDS[keyword],
        "count": count,
        "threshold": 15 if count is None else None,
        "date": _months_before(scene.now.date(), month + 1).isoformat(),
        "bucket": "month",
        "business_id": businesses[number]["id"],
    }
    if index % 8 == 3:
        del record["count"]
    return record


def _months_before(today: date, months: int) -> date:
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _keywords_view(_: Account, values: Values, habits: Habits) -> View:
    without = "" if habits.keywords_name_business else "business_id"
    return _only(values, ("count", "threshold"), without=without)


def _exactly_one(text: str) -> frozenset[Hashable]:
    found = some_of()(text)
    if len(found) != 1:
        message = "Exactly one business is needed with the dimension keyword."
        raise ValueError(message)
    return found


SEARCH_KEYWORDS = Resource(
    "search_keywords",
    "/presence_analytics/keywords",
    "keywords",
    ("business_id", "date", "keyword"),
    make_keyword,
    pages=_ANALYTICS,
    parameters={
        "metrics": Parameter(some_of("count", "threshold"), required=True),
        "dimensions": _dimensions("keyword", "month"),
        "business__in": Parameter(_exactly_one, field="business_id", required=True),
        "filter_date__gte": starting(day),
        "filter_date__lte": ending(day),
    },
    orders={"keyword": "keyword", "month": "date", "count": "count"},
    moment=_moment,
    moment_order="month",
    view=_keywords_view,
    product=PRODUCT,
)


def make_state(scene: Scene, index: int) -> Record:
    """Make the state of a publisher of a business."""
    businesses = scene.businesses("presence_management")
    number, place = divmod(index, len(PUBLISHERS))
    business = businesses[number % len(businesses)]
    state = ("success", "pending", "success", "to_configure")[(number + place) % 4]
    # Old copies print the text `None`.
    errors = ("PUBLISHER_CONNEXION", "USER_INPUT", "EXTERNAL", "None")
    error = None if state == "success" else errors[index % 4]
    return {
        "business_id": business["id"],
        "business_name": business.get("name"),
        "business_formatted_address": business.get("address_full"),
        "publisher": PUBLISHERS[place],
        "state": state,
        "error_type": error,
        "url_on_publisher": None if error else f"https://maps.example/{index}",
    }


def _maps(rows: list[Record]) -> list[bytes]:
    """Return an entry for each business, with a map of its publishers."""
    entries: dict[str, Record] = {}
    for row in rows:
        business = {k: v for k, v in row.items() if k.startswith("business_")}
        state = {k: v for k, v in row.items() if k not in {*business, "publisher"}}
        entry = entries.setdefault(row["business_id"], business | {"publishers": {}})
        entry["publishers"][row["publisher"]] = state
    return [dump(str(key)) + b":" + dump(entry) for key, entry in entries.items()]


PUBLISHER_STATES = Resource(
    "publisher_states",
    "/publisher_states",
    "businesses",
    ("business_id", "publisher"),
    make_state,
    pages=Pages("map", default=5),
    parameters={
        "business__in": among("business_id"),
        "publishers": among("publisher"),
        "states": among("state", some_of("success", "pending", "to_configure")),
    },
    units=_maps,
    product=PRODUCT,
)
