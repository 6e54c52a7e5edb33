"""Google's categories of businesses, as Partoo knows them."""

from __future__ import annotations

from typing import ClassVar

from singer_sdk import typing as th

from tap_partoo.reading.paging import NumberedPages
from tap_partoo.streams.base import PartooStream


class Categories(PartooStream):
    """All categories that businesses can have, the deprecated ones included.

    https://developers.partoo.co/api-reference/categories
    """

    name = "categories"
    path = "/categories"
    needs = None
    personal_data = ()
    primary_keys = ("id",)
    paging = NumberedPages("categories", per_page=100)
    options: ClassVar = {"lang": "categories_language"}
    left_out = frozenset({"countries", "names"})  # large, and only sent on request

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.StringType(nullable=False),
            required=True,
            description="Identifies the category. Primary key.",
        ),
        th.Property(
            "gmb_id",
            th.StringType,
            description="Google's id of the category, such as `gcid:restaurant`. Joins "
            "`businesses.categories`.",
        ),
        th.Property(
            "name",
            th.StringType,
            description="Name in the language that the setting `categories_language` "
            "names.",
        ),
        th.Property(
            "state",
            th.StringType,
            description="`OK` or `DEPRECATED`; more may come.",
        ),
        th.Property(
            "block_push_long_description_on_gmb",
            th.BooleanType,
            description="Whether the category keeps long descriptions from being sent "
            "to Google.",
        ),
        th.Property(
            "live_id",
            th.StringType,
            description="Category that replaces a deprecated one; null: none. Joins "
            "`categories.gmb_id`.",
        ),
    )
