"""Reviews of the businesses, and the templates that replies are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.paging import NumberedPages
from tap_partoo.reading.slices import SECOND, Ranges
from tap_partoo.records.types import JSONText, OneOrMany
from tap_partoo.streams.base import PartooStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_partoo.reading.pages import Slice

_COMMENT = th.ObjectType(
    th.Property("id", th.IntegerType, description="Identifies the reply."),
    th.Property(
        "partner_id", th.StringType, description="Id of the reply on the platform."
    ),
    th.Property(
        "created",
        th.DateTimeType,
        description="When the reply was created in Partoo, UTC.",
    ),
    th.Property(
        "author_name",
        th.StringType,
        description="Name of the author, usually null.",
    ),
    th.Property("content", th.StringType, description="Text of the reply."),
    th.Property("date", th.DateTimeType, description="Date of the reply, UTC."),
    th.Property(
        "update_date", th.DateTimeType, description="Last change of the reply, UTC."
    ),
    th.Property(
        "can_edit",
        th.BooleanType,
        description="True if the reply can be edited; Facebook only.",
    ),
    th.Property(
        "review_id",
        th.IntegerType,
        description="The review that it replies to. Joins `reviews.id`.",
    ),
    th.Property(
        "parent_id",
        th.IntegerType,
        description="The reply that it replies to, on Facebook; null: a reply to the "
        "review.",
    ),
    th.Property(
        "user_id",
        th.StringType,
        description="Partoo user who replied. Joins `users.id`.",
    ),
    th.Property(
        "is_reply_suggestion",
        th.BooleanType,
        description="True if the reply comes from a suggestion by Partoo's AI.",
    ),
    th.Property(
        "replies",
        JSONText,
        description="Replies to this reply, as JSON text of a list.",
    ),
    nullable=True,
)

_TAG = th.ObjectType(
    th.Property("id", th.IntegerType, description="Identifies the tag."),
    th.Property("label", th.StringType, description="Text of the tag."),
    th.Property(
        "color", th.StringType, description="Colour of the tag, such as `#808080`."
    ),
    nullable=True,
)


class Reviews(PartooStream):
    """What people wrote about the businesses on Google and elsewhere, and the replies.

    https://developers.partoo.co/api-reference/reviews/search-for-reviews
    """

    name = "reviews"
    path = "/reviews"
    needs = "Review Management"
    personal_data = (
        "partner_id",  # like `link`, it leads to the author
        "author_name",
        "title",
        "content",
        "link",
        "comments.partner_id",
        "comments.author_name",
        "comments.content",
        "comments.replies",
    )
    primary_keys = ("id",)
    replication_key = "update_date"
    paging = NumberedPages("reviews", per_page=100)
    params: ClassVar = {"order_by": "-update_date"}
    # Without an update, Partoo's filter uses the date of creation.
    time_keys = ("update_date", "date")
    # A reply, a tag or a deletion does not move `update_date`.
    lookback = "reviews_lookback_days"
    ranges = Ranges(
        "update_date__gte",
        "update_date__lte",
        unit=SECOND,
        # It is not documented whether the list contains deleted reviews.
        passes=({"state__in": "deleted"},),
    )

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the review. Primary key.",
        ),
        th.Property(
            "key",
            th.StringType,
            description="Internal key of Partoo; null where Partoo does not send it.",
        ),
        th.Property(
            "org_id",
            th.IntegerType,
            description="Organisation of the business. Joins `organizations.org_id`.",
        ),
        th.Property(
            "business_id",
            th.StringType,
            description="The business that was reviewed. Joins `businesses.id`.",
        ),
        th.Property(
            "partner",
            th.StringType,
            description="Platform of the review: `google_my_business`, `facebook`, "
            "`tripadvisor`; more may come.",
        ),
        th.Property(
            "partner_id", th.StringType, description="Id of the review on the platform."
        ),
        th.Property("author_name", th.StringType, description="Name of the reviewer."),
        th.Property("date", th.DateTimeType, description="When it was written, UTC."),
        th.Property(
            "update_date",
            th.DateTimeType,
            description="Last change by the reviewer, UTC; null: none known. A reply "
            "does not move it. Replication key.",
        ),
        th.Property(
            "delete_date",
            th.DateTimeType,
            description="When it disappeared from the platform, UTC; null unless it is "
            "deleted.",
        ),
        th.Property(
            "rating",
            th.IntegerType,
            description="Rating from 0 to 5; null for a Facebook recommendation.",
        ),
        th.Property(
            "recommended",
            th.BooleanType,
            description="True if the reviewer recommends the business; Facebook only.",
        ),
        th.Property(
            "title", th.StringType, description="Title; TripAdvisor has titles."
        ),
        th.Property(
            "content",
            th.StringType,
            description="Text of the review; null: a rating without text.",
        ),
        th.Property(
            "link", th.StringType, description="URL of the review on the platform."
        ),
        th.Property(
            "state",
            th.StringType,
            description="`not_treated`, `treated`, `pending_auto_reply`, "
            "`treated_auto_reply`, or `deleted`, which can be undone.",
        ),
        th.Property(
            "comments", OneOrMany(_COMMENT), description="Replies to the review."
        ),
        th.Property("tags", th.ArrayType(_TAG), description="Tags of the review."),
    )

    @override
    def rows(self, part: Slice, items: list[Record]) -> list[Record]:
        for item in items:
            if item.get("comments") is None:
                item["comments"] = []
        return items


class ReplyTemplates(PartooStream):
    """Templates for replies to reviews.

    https://developers.partoo.co/api-reference/reviews/search-for-review-reply-templates
    """

    name = "reply_templates"
    path = "/reviews/templates/search"
    needs = "Review Management"
    personal_data = ()
    primary_keys = ("id",)
    paging = NumberedPages("reply_templates", per_page=None)
    entered_at = ("creation_date",)

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the template. Primary key.",
        ),
        th.Property(
            "org_id",
            th.IntegerType,
            description="Organisation of the template. Joins `organizations.org_id`.",
        ),
        th.Property("update_date", th.DateTimeType, description="Last change, UTC."),
        th.Property("creation_date", th.DateTimeType, description="Creation, UTC."),
        th.Property("language", th.StringType, description="Language, such as `fr`."),
        th.Property("title", th.StringType, description="Title of the template."),
        th.Property(
            "text",
            th.StringType,
            description="Text with placeholders such as `@[](client_full_name)`.",
        ),
        th.Property(
            "negative",
            th.BooleanType,
            description="True if it is meant for negative reviews.",
        ),
        th.Property(
            "neutral",
            th.BooleanType,
            description="True if it is meant for neutral reviews.",
        ),
        th.Property(
            "positive",
            th.BooleanType,
            description="True if it is meant for positive reviews.",
        ),
    )
