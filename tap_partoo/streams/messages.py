"""Conversations with consumers, and their messages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.increments import as_datetime
from tap_partoo.reading.pages import Slice
from tap_partoo.reading.paging import CursorPages
from tap_partoo.reading.slices import Queries
from tap_partoo.records.timestamps import to_utc
from tap_partoo.records.types import JSONText, TextOrJSON, strings
from tap_partoo.streams.base import PartooStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_partoo.streams.run import Run

MAX_DELAY = timedelta(minutes=5)
"""How long after its date Partoo may start to list a message."""

_BUSINESS = th.ObjectType(
    th.Property(
        "id",
        th.StringType,
        description="Identifies the business. Joins `businesses.id`.",
    ),
    th.Property("name", th.StringType, description="Name of the business."),
    th.Property("city", th.StringType, description="City."),
    th.Property("zipcode", th.StringType, description="Postal code."),
    th.Property("country", th.StringType, description="Country."),
    th.Property("formatted_address", th.StringType, description="Address in one line."),
)


class Conversations(PartooStream):
    """Conversations of consumers with the businesses.

    https://developers.partoo.co/api-reference/messages/list-conversations
    """

    name = "conversations"
    path = "/conversations"
    needs = "the Messages plan"
    personal_data = (
        "consumer_img",
        "consumer_name",
        "consumer_phone_number",
        "last_message",
        "custom_channel",  # may contain the consumer's address on the channel
    )
    primary_keys = ("id",)
    paging = CursorPages("conversations", per_page=100)
    entered_at = ("created_at",)
    kept_fields = ("id", "last_message")

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the conversation. Primary key.",
        ),
        th.Property(
            "consumer_img",
            th.StringType,
            description="URL of the consumer's picture; null: none.",
        ),
        th.Property(
            "consumer_name",
            th.StringType,
            description="Name of the consumer; null or empty: not known.",
        ),
        th.Property(
            "consumer_phone_number",
            th.StringType,
            description="Phone number of the consumer in international format; null: "
            "not known.",
        ),
        th.Property(
            "last_message",
            JSONText,
            description="The last message, as JSON text; null: none.",
        ),
        th.Property(
            "is_read",
            th.BooleanType,
            description="True if the user of the API key has read it.",
        ),
        th.Property(
            "status", th.StringType, description="`Open` or `Closed`; more may come."
        ),
        th.Property("created_at", th.DateTimeType, description="Creation, UTC."),
        th.Property(
            "has_one_user_message",
            th.BooleanType,
            description="True if it holds a message by a user.",
        ),
        th.Property(
            "business", _BUSINESS, description="The business of the conversation."
        ),
        th.Property(
            "messaging_partner",
            th.StringType,
            description="Channel: `Google`, `Facebook`, `Instagram`, `SMS`, "
            "`Whatsapp`; more may come.",
        ),
        th.Property(
            "issues",
            strings(),
            description="What blocks the conversation, such as "
            "`facebook_no_page_linked`.",
        ),
        th.Property(
            "first_message_date",
            th.DateTimeType,
            description="When the first message was sent, UTC.",
        ),
        th.Property(
            "is_expired",
            th.BooleanType,
            description="True if the conversation has expired.",
        ),
        th.Property(
            "is_solved",
            th.BooleanType,
            description="True if the conversation is marked as solved.",
        ),
        th.Property(
            "assigned_user_id",
            th.StringType,
            description="User whom it is assigned to. Joins `users.id`.",
        ),
        th.Property(
            "custom_channel",
            JSONText,
            description="Custom channel, as JSON text; null: none.",
        ),
    )


class Messages(PartooStream):
    """Messages of the conversations.

    https://developers.partoo.co/api-reference/messages/list-messages
    """

    name = "messages"
    path = "/messages"
    needs = "the Messages plan"
    personal_data = (
        "sender_label",
        "content",
        "custom_channel",  # may contain the consumer's address on the channel
    )
    primary_keys = ("id",)
    replication_key = "date"
    paging = CursorPages("messages", per_page=100)
    parent = Conversations

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the message. Primary key.",
        ),
        th.Property(
            "conversation_id",
            th.IntegerType,
            description="Its conversation. Joins `conversations.id`.",
        ),
        th.Property(
            "date",
            th.DateTimeType,
            description="When it was sent, UTC. Replication key.",
        ),
        th.Property(
            "content_type",
            th.StringType,
            description="Kind of content, such as `Text`, `Image` or `Document`; more "
            "may come.",
        ),
        th.Property(
            "sender_type",
            th.StringType,
            description="`Consumer`, `User` for your side, or `Metadata`; more may "
            "come.",
        ),
        th.Property(
            "sender_label", th.StringType, description="Name shown for the sender."
        ),
        th.Property(
            "status",
            th.StringType,
            description="`Sending`, `Success` or `Failed`; more may come.",
        ),
        th.Property(
            "is_deleted",
            th.BooleanType,
            description="True if the message was deleted.",
        ),
        th.Property(
            "content",
            TextOrJSON,
            description="Text of the message; JSON text where it is not plain text.",
        ),
        th.Property(
            "user_id",
            th.StringType,
            description="User who sent it. Joins `users.id`.",
        ),
        th.Property(
            "custom_channel",
            JSONText,
            description="Custom channel, as JSON text; null: none.",
        ),
    )

    @override
    def slices(self, run: Run) -> Queries:
        """Request all messages of each conversation that has new ones."""
        listed = self.parents(run)
        self._listed_at = listed.snapshot_at
        seen, start = self.bookmark(run), run.floor
        changed = [
            conversation
            for conversation in listed.rows
            if _has_new_messages(_last_date(conversation), seen, start)
        ]
        return Queries(map(self._of_conversation, changed), total=len(changed))

    def _of_conversation(self, conversation: Record) -> Slice:
        number = conversation.get("id")
        return Slice(
            self.path,
            self.paging,
            {"conversation_id": str(number)},
            label=f"conversation {number}",
            fill={"conversation_id": number},
            is_child=True,
        )

    @override
    def starts_at(self, run: Run) -> str | None:
        return self.bookmark(run) or run.floor

    @override
    def bookmark_cap(self, run: Run) -> str:
        # If a message comes after its conversation was listed and skipped, it is older
        # than some messages that were read.
        return (as_datetime(self._listed_at) - MAX_DELAY).isoformat()


def _last_date(conversation: Record) -> str | None:
    """Return when the last message was sent; None where that cannot be read."""
    last = conversation.get("last_message")
    try:
        return to_utc(last["date"]) if isinstance(last, dict) else None
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _has_new_messages(last: str | None, seen: str | None, start: str | None) -> bool:
    if last is None:
        return True
    return (seen is None or last > seen) and (start is None or last >= start)
