"""Webhooks: which events Partoo reports to which host."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.paging import NumberedPages
from tap_partoo.streams.base import PartooStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_partoo.reading.pages import Slice


class Webhooks(PartooStream):
    """Webhooks, without headers and URL paths, which can contain secrets.

    https://developers.partoo.co/api-reference/webhooks/get-a-list-of-webhook-configurations
    """

    name = "webhooks"
    path = "/webhooks"
    needs = "the Webhooks plan"
    personal_data = ()
    primary_keys = ("id",)
    paging = NumberedPages("items", per_page=100)
    entered_at = ("created_at",)
    takes_org_id = True
    left_out = frozenset({"*"})  # any other field may be a secret

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the webhook. Primary key.",
        ),
        th.Property(
            "event_type",
            th.StringType,
            description="Event that is reported, such as `business_updated`.",
        ),
        th.Property(
            "org_id",
            th.IntegerType,
            description="Organisation of the webhook. Joins `organizations.org_id`.",
        ),
        th.Property("created_at", th.DateTimeType, description="Creation, UTC."),
        th.Property("updated_at", th.DateTimeType, description="Last change, UTC."),
        th.Property(
            "url_host",
            th.StringType,
            description="Host that the events are sent to. The rest of the URL is left "
            "out: it may contain a secret.",
        ),
    )

    @override
    def rows(self, part: Slice, items: list[Record]) -> list[Record]:
        return [{**item, "url_host": _host(item.get("url"))} for item in items]


def _host(url: object) -> str | None:
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None
