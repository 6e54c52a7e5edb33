"""Posts on the businesses' profiles."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_partoo.reading.paging import NumberedPages
from tap_partoo.records.types import strings
from tap_partoo.streams.base import PartooStream

_MEDIA = th.ObjectType(
    th.Property("media_url", strings(), description="URLs of the pictures or videos."),
    nullable=True,
)

_INSIGHT = th.ObjectType(
    th.Property(
        "name",
        th.StringType,
        description="Source of the figures, such as `facebook__posts`.",
    ),
    th.Property("click_count", th.IntegerType, description="Clicks on the post."),
    th.Property("view_count", th.IntegerType, description="Views of the post."),
    nullable=True,
)

_STATUS = th.ObjectType(
    th.Property("name", th.StringType, description="Platform of the state."),
    th.Property(
        "state",
        th.StringType,
        description="State of the post there, such as `live`, `scheduled` or `error`.",
    ),
    th.Property("link", th.StringType, description="URL of the post there."),
    nullable=True,
)


class Posts(PartooStream):
    """Posts, one row for each business that a post is for.

    https://developers.partoo.co/api-reference/posts/search-for-post
    """

    name = "posts"
    path = "/posts"
    needs = "the Posts plan"
    personal_data = ()
    primary_keys = ("id",)
    paging = NumberedPages("posts", per_page=100)
    entered_at = ("created_at",)
    left_out = frozenset({"title"})  # mentioned by one source only

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the post of one business. Primary key.",
        ),
        th.Property(
            "business_id",
            th.StringType,
            description="The business. Joins `businesses.id`.",
        ),
        th.Property(
            "post_type",
            th.StringType,
            description="Kind of post, such as `news`, `event` or `offer`.",
        ),
        th.Property("summary", th.StringType, description="Text of the post."),
        th.Property(
            "business_info",
            th.StringType,
            description="Information about the business.",
        ),
        th.Property("offer_terms", th.StringType, description="Terms of an offer."),
        th.Property("offer_code", th.StringType, description="Code of an offer."),
        th.Property(
            "cta_link",
            th.StringType,
            description="Link of the button of the post.",
        ),
        th.Property(
            "cta_type",
            th.StringType,
            description="Kind of button: `book`, `order`, `shop`, `learn_more`, "
            "`sign_up`, `call`, `no_cta`; more may come.",
        ),
        th.Property(
            "schedule_time",
            th.DateTimeType,
            description="When it is scheduled for, UTC.",
        ),
        th.Property(
            "expiration_time", th.DateTimeType, description="When it expires, UTC."
        ),
        th.Property(
            "validation_time",
            th.DateTimeType,
            description="Time of its validation, UTC.",
        ),
        th.Property("created_at", th.DateTimeType, description="Creation, UTC."),
        th.Property("updated_at", th.DateTimeType, description="Last change, UTC."),
        th.Property(
            "created_on_partoo",
            th.BooleanType,
            description="True if it was created in Partoo, not on a platform.",
        ),
        th.Property(
            "updated_on_partoo",
            th.BooleanType,
            description="True if it was changed in Partoo, not on a platform.",
        ),
        th.Property(
            "post_medias",
            th.ArrayType(_MEDIA),
            description="Pictures and videos of the post.",
        ),
        th.Property(
            "post_insight",
            th.ArrayType(_INSIGHT),
            description="Views and clicks; since 2023 for Facebook only.",
        ),
        th.Property(
            "post_status",
            th.ArrayType(_STATUS),
            description="State of the post on each platform.",
        ),
    )
