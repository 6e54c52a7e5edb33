"""Posts: /api-reference/posts/search-for-post."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.partoo_api.parameters import (
    among,
    containing,
    naive_time,
    some_of,
    without_effect,
)
from tests.partoo_api.resource import Parameter, Resource
from tests.partoo_api.scene import offset_time

if TYPE_CHECKING:
    from tests.partoo_api.row import Record, Row
    from tests.partoo_api.scene import Scene

STATES = (
    "live",
    "to_configure",
    "pending",
    "scheduled",
    "error",
    "expired",
    "to_validate",
)
_TYPES = ("standard", "event", "offer", "alert")


def make_post(scene: Scene, index: int) -> Record:
    """Make a post."""
    created = scene.moment(index, 500)
    offer = index % 4 == 2
    record: dict[str, Any] = {
        "id": scene.id,
        "business_id": scene.business_id(),
        "post_type": ("news", "event", "offer", "standard")[index % 4],
        "summary": None if index % 12 == 11 else "Soldes d'été\n-50 % 🚀",
        "schedule_time": offset_time(created, 1) if index % 3 == 0 else None,
        "expiration_time": offset_time(created + timedelta(days=7)) if offer else None,
        "validation_time": None,
        "post_medias": _medias(index),
        "created_at": offset_time(created),
        "updated_at": None if index % 6 == 5 else offset_time(scene.later(created)),
        "created_on_partoo": index % 2 == 0,
        "updated_on_partoo": index % 3 == 0,
        "business_info": "Épi d'Or, Paris",
        "post_insight": _insight(index),
        "post_status": [
            {
                "name": "google__posts",
                "state": STATES[index % len(STATES)],
                "link": None if index % 2 else f"https://posts.example/{index}",
            }
        ],
        "offer_terms": "Voir en magasin" if offer else None,
        "offer_code": "ÉTÉ50" if offer else None,
        "cta_link": None if index % 2 else "https://shop.example/?a=1&b=é",
        "cta_type": "no_cta" if index % 2 else "learn_more",
    }
    if index % 4 == 1:
        record["title"] = "Fête de la musique"
    return record


def _medias(index: int) -> list[Record] | None:
    media = {"media_url": [f"https://cdn.example/{n}.jpg" for n in range(index % 3)]}
    return None if index % 10 == 7 else [media] if index % 2 else []


def _insight(index: int) -> list[Record]:
    if index % 3:
        return []
    clicks = None if index % 6 else 12
    return [{"name": "facebook__posts", "click_count": clicks, "view_count": 340}]


def _in_state(row: Row, states: frozenset[str]) -> bool:
    parts = row.record.get("post_status")
    return isinstance(parts, list) and any(
        isinstance(part, dict) and part.get("state") in states for part in parts
    )


POSTS = Resource(
    "posts",
    "/posts",
    "posts",
    ("id",),
    make_post,
    parameters={
        "business__in": among("business_id"),
        "start_datetime": without_effect(naive_time),
        "end_datetime": without_effect(naive_time),
        "summary": containing("summary"),
        "state__in": Parameter(some_of(*STATES), _in_state),
        "topic_type": without_effect(some_of(*_TYPES)),
        "topic_type__in": without_effect(some_of(*_TYPES)),
    },
    product="Posts",
    first_id=301,
)
