"""An account with rows in every stream, which refer to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .account import Account
from .data import make_keys
from .resources.messages import messages_of, note_last_messages
from .resources.presence import KEYWORDS, PUBLISHERS
from .scene import user_id

if TYPE_CHECKING:
    from datetime import datetime

    from .table import Order


def whole_account(  # noqa: PLR0913 - all have defaults
    *,
    keys: int = 12,
    businesses: int = 10,
    reviews: int = 300,
    days: int = 40,
    months: int = 4,
    conversations: int = 15,
    seed: int = 0,
    now: datetime | None = None,
    api_key: str = "demo-key",
    order: Order = "id",
) -> Account:
    """Make an account with rows in every stream.

    Args:
        keys: The number of API keys.
        businesses: The number of businesses.
        reviews: The number of reviews.
        days: How many days have figures of presence.
        months: How many months have keywords.
        conversations: The number of conversations, with 0 to 7 messages each.
        seed: The same seed and time make the same rows.
        now: What time it is for the account while it is made.
        api_key: The secret that a request must present.
        order: The order of the lists.
    """
    users = 3 * businesses + 5
    made = make_keys(keys, seed=seed)
    for number, key in enumerate(made):
        if key.record["user_id"]:
            key.record["user_id"] = user_id(number % users)
    account = Account(made, api_key=api_key, order=order, seed=seed)
    if now:
        account.clock_offset += now - account.now()
    else:
        now = account.now()
    counts = {
        "organizations": 2,
        "custom_field_sections": 3,
        "custom_fields": 12,
        "sections": 4,
        "groups": 9,
        "businesses": businesses,
        "users": users,
        "reviews": reviews,
        "reply_templates": 34,
        "categories": 130,
        "webhooks": 6,
        "permissions": 30,
        "custom_roles": 10,
        "posts": 4 * businesses,
        "feedback_forms": 3,
        "feedback_results": 6 * businesses,
        "conversations": conversations,
    }
    for name, count in counts.items():
        account.fill(name, count, seed=seed, now=now)
    scene = account["businesses"].scene()
    present = len(scene.businesses("presence_management"))
    account.fill("presence_metrics", days * present, seed=seed, now=now)
    account.fill("publisher_states", len(PUBLISHERS) * present, seed=seed, now=now)
    linked = len(scene.businesses("google"))
    account.fill("search_keywords", months * len(KEYWORDS) * linked, seed=seed, now=now)
    each = messages_of(account["conversations"].rows())
    account["messages"].fill(len(each), seed=seed, now=now, each=each)
    note_last_messages(account)
    return account
