"""Presence of the businesses: views and clicks, search terms, state on publishers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.increments import as_datetime
from tap_partoo.reading.pages import Slice, object_of
from tap_partoo.reading.paging import MapPages, NumberedPages
from tap_partoo.reading.slices import DAY, Queries, Ranges, as_bound, floor
from tap_partoo.streams.base import PartooStream
from tap_partoo.streams.businesses import Businesses

if TYPE_CHECKING:
    from datetime import datetime

    from singer_sdk.helpers.types import Record

    from tap_partoo.streams.run import Run

HISTORY = timedelta(days=548)
"""How far Google's data reach back: about 18 months."""

# In Partoo's order; all of them are asked for.
_METRICS = {
    "business_impressions_desktop_maps": "Views on Google Maps, on desktop devices",
    "business_impressions_desktop_search": "Views on Google Search, on desktop devices",
    "business_impressions_mobile_maps": "Views on Google Maps, on mobile devices",
    "business_impressions_mobile_search": "Views on Google Search, on mobile devices",
    "business_direction_requests": "Requests for directions to the business",
    "call_clicks": "Clicks on the phone number",
    "website_clicks": "Clicks on the website",
}


class PresenceMetrics(PartooStream):
    """Daily figures of each business's profile on Google.

    https://developers.partoo.co/api-reference/presence-analytics/profile-metrics-for-your-business
    """

    name = "presence_metrics"
    path = "/presence_analytics/metrics"
    needs = "Presence Management"
    personal_data = ()
    primary_keys = ("business_id", "date")
    replication_key = "date"
    paging = NumberedPages("metrics", per_page=500)
    params: ClassVar = {"metrics": ",".join(_METRICS), "dimensions": "business,day"}
    ranges = Ranges("filter_date__gte", "filter_date__lte", unit=DAY)
    lookback = "presence_metrics_lookback_days"  # Google corrects the last days
    history = HISTORY

    columns = th.PropertiesList(
        th.Property(
            "business_id",
            th.StringType(nullable=False),
            required=True,
            description="The business. Joins `businesses.id`. Primary key.",
        ),
        th.Property(
            "date",
            th.DateType(nullable=False),
            required=True,
            description="The day; the figures of the last 5 days are not reliable yet. "
            "Primary key. Replication key.",
        ),
        th.Property(
            "bucket",
            th.StringType,
            description="Length of the period: `day`.",
        ),
        *(
            th.Property(metric, th.IntegerType, description=f"{label}; null: no value.")
            for metric, label in _METRICS.items()
        ),
    )


class SearchKeywords(PartooStream):
    """Search terms that led people to each business on Google, by month.

    https://developers.partoo.co/api-reference/presence-analytics/profile-keywords-for-your-business
    """

    name = "search_keywords"
    path = "/presence_analytics/keywords"
    needs = "Presence Management"
    # What people type into Google: names only by chance.
    personal_data = ()
    primary_keys = ("business_id", "date", "keyword")
    replication_key = "date"
    paging = NumberedPages("keywords", per_page=500)
    params: ClassVar = {"metrics": "count,threshold", "dimensions": "keyword,month"}
    parent = Businesses
    history = HISTORY

    columns = th.PropertiesList(
        th.Property(
            "business_id",
            th.StringType(nullable=False),
            required=True,
            description="The business. Joins `businesses.id`. Primary key.",
        ),
        th.Property(
            "date",
            th.DateType(nullable=False),
            required=True,
            description="First day of the month. Primary key. Replication key.",
        ),
        th.Property(
            "bucket",
            th.StringType,
            description="Length of the period: `month`.",
        ),
        th.Property(
            "keyword",
            th.StringType(nullable=False),
            required=True,
            description="The search term. Primary key.",
        ),
        th.Property(
            "count",
            th.IntegerType,
            description="People who searched for it in the month; null where Google "
            "hides the number, see `threshold`.",
        ),
        th.Property(
            "threshold",
            th.IntegerType,
            description="The hidden number lies below this, typically 15.",
        ),
    )

    @override
    def slices(self, run: Run) -> Queries:
        """Request each store that can have keywords; Partoo accepts one at a time."""
        ids = [
            str(business.get("id"))
            for business in self.parents(run).rows
            if _may_have_presence(business) and _may_have_google(business)
        ]
        low, now = self.lower_bound(run), self.now()  # now by Partoo's clock
        bounds = {
            "filter_date__gte": as_bound(floor(_month(low or now), DAY)),
            "filter_date__lte": as_bound(floor(now, DAY) - DAY),
        }
        queries = (
            Slice(
                self.path,
                self.paging,
                {**self.params, "business__in": business_id, **bounds},
                label=f"business {business_id}",
                fill={"business_id": business_id},
                is_child=True,
            )
            for business_id in ids
        )
        return Queries(queries, total=len(ids))

    @override
    def lower_bound(self, run: Run) -> datetime | None:
        """Return the month to start with: the last two full months are read again.

        Google may deliver the figures of a month until the 10th of the next one.
        """
        seen = self.bookmark(run)
        if seen is None:
            return super().lower_bound(run)
        again = _month(_month(self.now()) - DAY)
        low = min(_month(as_datetime(seen) - DAY), _month(again - DAY))
        start = run.floor and as_datetime(run.floor)
        return max(low, start) if start else low

    @override
    def floor(self, run: Run) -> str | None:
        start = super().floor(run)
        return start and f"{start[:8]}01"  # a month has the date of its first day


class PublisherStates(PartooStream):
    """The current publication state of each business, by publisher.

    https://developers.partoo.co/api-reference/presence/publisherstates
    """

    name = "publisher_states"
    path = "/publisher_states"
    needs = "Presence Management"
    personal_data = ()
    primary_keys = ("business_id", "publisher")
    parent = Businesses
    paging = MapPages("businesses", "business_id", per_page=100)

    columns = th.PropertiesList(
        th.Property(
            "business_id",
            th.StringType(nullable=False),
            required=True,
            description="The business. Joins `businesses.id`. Primary key.",
        ),
        th.Property(
            "business_name", th.StringType, description="Name of the business."
        ),
        th.Property(
            "business_formatted_address",
            th.StringType,
            description="Address of the business.",
        ),
        th.Property(
            "publisher",
            th.StringType(nullable=False),
            required=True,
            description="Publisher, such as `google_my_business`. Primary key.",
        ),
        th.Property(
            "state",
            th.StringType,
            description="`success`, `pending`, or `to_configure`; more may come.",
        ),
        th.Property(
            "error_type",
            th.StringType,
            description="Cause of an error: `PUBLISHER_CONNEXION`, `USER_INPUT`, "
            "`EXTERNAL`; null: no error.",
        ),
        th.Property(
            "url_on_publisher",
            th.StringType,
            description="URL of the business on the publisher; null: none.",
        ),
    )

    @override
    def slices(self, run: Run) -> Queries:
        """Request by ids: they show when the list ends, which is not documented."""
        ids = [
            str(business.get("id"))
            for business in self.parents(run).rows
            if _may_have_presence(business)
        ]
        size = min(100, self.config.get("per_page", 100))
        parts = [ids[start : start + size] for start in range(0, len(ids), size)]
        queries = (
            Slice(
                self.path,
                self.paging,
                {"business__in": ",".join(part)},
                label=f"{len(part)} businesses from {part[0]} on",
                requested_ids=frozenset(part),
            )
            for part in parts
        )
        return Queries(queries, total=len(parts))

    @override
    def rows(self, part: Slice, items: list[Record]) -> list[Record]:
        return [
            {
                **{name: value for name, value in item.items() if name != "publishers"},
                "publisher": publisher,
                **object_of(state),
                "error_type": _cause(state.get("error_type")),
            }
            for item in items
            for publisher, state in object_of(item.get("publishers") or {}).items()
        ]


def _cause(text: object) -> object:
    return None if text == "None" else text  # older copies print Python's


def _may_have_presence(business: Record) -> bool:
    """Return whether a store is subscribed, as far as is known."""
    subscriptions = business.get("subscriptions")
    presence = (
        subscriptions.get("presence_management")
        if isinstance(subscriptions, dict)
        else None
    )
    return not isinstance(presence, dict) or presence.get("active") is not False


def _may_have_google(business: Record) -> bool:
    """Return whether a store is linked to Google, as far as is known."""
    return business.get("google_location_id", "unknown") is not None


def _month(at: datetime) -> datetime:
    return at.replace(day=1)
