"""Presence of the businesses: views and clicks, search terms, state on publishers."""

from __future__ import annotations

from typing import ClassVar

from singer_sdk import typing as th

from tap_partoo.reading.paging import MapPages, NumberedPages
from tap_partoo.streams.base import PartooStream

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
    # What people type into Google: a name at most by chance.
    personal_data = ()
    primary_keys = ("business_id", "date", "keyword")
    replication_key = "date"
    paging = NumberedPages("keywords", per_page=500)
    params: ClassVar = {"metrics": "count,threshold", "dimensions": "keyword,month"}

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


class PublisherStates(PartooStream):
    """How far each business's data are published, by publisher, as of now.

    https://developers.partoo.co/api-reference/presence/publisherstates
    """

    name = "publisher_states"
    path = "/publisher_states"
    needs = "Presence Management"
    personal_data = ()
    primary_keys = ("business_id", "publisher")
    paging = MapPages("businesses", per_page=100)

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
