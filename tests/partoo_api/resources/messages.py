"""Conversations and their messages: /api-reference/messages/list-conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.data import PEOPLE
from tests.partoo_api.parameters import integer, some_of
from tests.partoo_api.resource import Pages, Parameter, Resource, Values
from tests.partoo_api.scene import spaced_time, user_id

if TYPE_CHECKING:
    from tests.partoo_api.account import Account
    from tests.partoo_api.row import Record, Row
    from tests.partoo_api.scene import Scene

PRODUCT = "Messages"
PARTNERS = ("Google", "Facebook", "Instagram", "SMS", "Whatsapp")
_CURSOR = Pages("cursor")


def make_conversation(scene: Scene, index: int) -> Record:
    """Make a conversation, without messages yet."""
    created = spaced_time(scene.moment(index, 400))
    business = scene.pick(scene.businesses("messages"))
    record: dict[str, Any] = {
        "id": scene.id,
        "consumer_img": None if index % 2 else "https://img.example/a.png",
        "consumer_name": (None, "", *PEOPLE)[index % (len(PEOPLE) + 2)],
        "consumer_phone_number": None if index % 3 else "+33612345678",
        "last_message": None,
        "is_read": index % 2 == 0,
        "status": "Closed" if index % 4 == 3 else "Open",
        "created_at": created,
        "has_one_user_message": index % 3 == 0,
        "business": {
            "id": business["id"],
            "name": business.get("name"),
            "city": business.get("city"),
            "zipcode": business.get("zipcode"),
            "country": business.get("country"),
            "formatted_address": business.get("address_full"),
        },
        "messaging_partner": PARTNERS[index % len(PARTNERS)],
        "issues": ["facebook_no_page_linked"] if index % 6 == 1 else [],
        "is_expired": index % 5 == 4,
        "is_solved": index % 4 == 3,
        "assigned_user_id": user_id(index % 12) if index % 3 == 1 else None,
        "custom_channel": {"label": "Borne « Été »"} if index % 7 == 2 else None,
    }
    if index % 5 != 3:  # its format is not documented
        record["first_message_date"] = (
            created[:19].replace(" ", "T") if index % 5 == 1 else created
        )
    return record


def make_message(scene: Scene, index: int) -> Record:
    """Make a message of some conversation."""
    conversations = scene.rows("conversations")
    conversation = scene.pick(conversations)["id"] if conversations else 1
    kind, content = _CONTENTS[index % len(_CONTENTS)]
    sender = ("Consumer", "User", "Metadata")[index % 3]
    return {
        "id": scene.id,
        "conversation_id": conversation,
        "date": spaced_time(scene.moment(index, 300)),
        "content_type": kind,
        "sender_type": sender,
        "sender_label": None if sender == "Metadata" else scene.pick(PEOPLE),
        "status": ("Success", "Success", "Sending", "Failed")[index % 4],
        "is_deleted": index % 9 == 8,
        "content": content,
        "user_id": user_id(index % 12) if sender == "User" else None,
        "custom_channel": {"label": "Borne « Été »"} if index % 11 == 2 else None,
    }


_CONTENTS: tuple[tuple[str, Any], ...] = (
    ("Text", "Bonjour, êtes-vous ouverts ? 🚀"),
    ("Text", 'Oui.\n"À bientôt"'),
    ("Image", {"url": "https://img.example/1.jpg"}),
    ("Text", ""),
    ("Document", ["https://img.example/a.pdf"]),
    ("Unsupported", None),
    ("Text", "12"),
)


def note_last_message(account: Account, message: Record) -> None:
    """Let the conversation name its last message."""
    conversation = message.get("conversation_id")
    if account["conversations"].with_value("id", conversation):
        account["conversations"].edit(conversation, last_message=dict(message))


def messages_of(conversations: list[Record]) -> list[Record]:
    """Return the conversation of each message: they have 0 to 7 of them."""
    return [
        {"conversation_id": conversation["id"]}
        for place, conversation in enumerate(conversations)
        for _ in range(place % 8)
    ]


def note_last_messages(account: Account) -> None:
    """Let all conversations name their last message; some do not, or not when."""
    messages = account["messages"]
    for place, row in enumerate(account["conversations"]):
        found = messages.with_value("conversation_id", row.record["id"])
        if found and place % 16 != 11:
            last = dict(max(found, key=lambda each: str(each.record["date"])).record)
            if place % 16 == 13:
                del last["date"]
            row.change({"last_message": last})


def _of_businesses(row: Row, ids: frozenset[str]) -> bool:
    business = row.record.get("business")
    return isinstance(business, dict) and business.get("id") in ids


CONVERSATIONS = Resource(
    "conversations",
    "/conversations",
    "conversations",
    ("id",),
    make_conversation,
    pages=_CURSOR,
    parameters={"business__in": Parameter(some_of(), _of_businesses)},
    product=PRODUCT,
    first_id=501,
)


def _unknown_conversation(account: Account, values: Values) -> bool:
    conversation = values["conversation_id"]
    return not account["conversations"].with_value("id", conversation)


MESSAGES = Resource(
    "messages",
    "/messages",
    "messages",
    ("id",),
    make_message,
    pages=_CURSOR,
    parameters={
        "conversation_id": Parameter(integer, field="conversation_id", required=True)
    },
    missing=_unknown_conversation,
    added=note_last_message,
    product=PRODUCT,
    first_id=90_001,
)
