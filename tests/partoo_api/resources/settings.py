"""Custom fields and their sections, categories, and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.parameters import (
    containing,
    equal,
    is_null,
    of_organization,
    one_of,
    without_effect,
    yes_no,
)
from tests.partoo_api.resource import Pages, Parameter, Resource, Values
from tests.partoo_api.row import Record, Row, View
from tests.partoo_api.scene import LANGUAGES, ORGANIZATION, zulu_time

from .businesses import VALUES

if TYPE_CHECKING:
    from tests.partoo_api.account import Account
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.scene import Scene

_ONE_RESPONSE = Pages("one response")
_LIMITS: dict[str, Record] = {
    "TEXT": {"max_len": 80},
    "INTEGER": {"min": 0, "max": 500},
    "FLOAT": {"min": 0.5, "max": None},
    "SINGLE_SELECT": {"possible_values": ["S", "XL"]},
    "MULTIPLE_SELECT": {
        "possible_values": ["Retrait", "Épicerie"],
        "max_selected_values": 2,
    },
    "MULTIPLE_SELECT_IMAGE": {
        "possible_images_urls": ["https://cdn.example/badge.png"],
        "possible_images_labels": ["Bio"],
        "max_selected_values": None,
    },
    "IMAGES_UPLOADER": {
        "text_fields": [{"text_field": "légende", "max_len": 80}],
    },
}


def make_custom_field(scene: Scene, index: int) -> Record:
    """Make a custom field: the first ones have values in the businesses."""
    name, kind, _ = VALUES[index % len(VALUES)]
    sections = scene.rows("custom_field_sections")
    section = sections[index % len(sections)] if sections and index % 3 else None
    record: dict[str, Any] = {
        "id": scene.id,
        "name": name if index < len(VALUES) else f"{name} {index}",
        "description": None if index % 4 == 1 else "À remplir “ici”",
        "type": kind,
        "order": index,
        "slug": None if index % 5 == 4 else f"field-{index}",
        **_LIMITS.get(kind, {}),
    }
    if index % 10 == 1:  # the old shape
        record["text_fields"] = ["légende", "auteur"]
    if section:
        record |= {"section_id": section["id"], "section_name": section["name"]}
    elif index % 2:
        record |= {"section_id": None, "section_name": None}
    return record


CUSTOM_FIELDS = Resource(
    "custom_fields",
    "/custom_fields",
    "custom_fields",
    ("id",),
    make_custom_field,
    pages=_ONE_RESPONSE,
    parameters={"org_id": of_organization()},
)


def make_field_section(scene: Scene, index: int) -> Record:
    """Make a section of custom fields."""
    return {
        "id": scene.id,
        "name": f"Général {index}",
        "description": None if index % 2 else "Pour tous",
        "order": index,
        "slug": None if index % 3 == 0 else f"section-{index}",
    }


CUSTOM_FIELD_SECTIONS = Resource(
    "custom_field_sections",
    "/custom_fields/section",
    "sections",
    ("id",),
    make_field_section,
    pages=_ONE_RESPONSE,
    parameters={"org_id": of_organization()},
    first_id=5,
)


def make_category(scene: Scene, index: int) -> Record:
    """Make a category; the language variant once had a text for an id."""
    words = ("restaurant", "bakery", "café", "パン屋")
    gmb_id = f"gcid:{words[index % len(words)]}{f'_{index}' if index > 3 else ''}"
    return {
        "id": gmb_id if index % 5 == 3 else scene.id,
        "gmb_id": gmb_id,
        "name": None if index % 20 == 19 else f"{words[index % len(words)]} {index}",
        "state": "DEPRECATED" if index % 10 == 9 else "OK",
        "block_push_long_description_on_gmb": index % 6 == 5,
        "live_id": f"gcid:live_{index}" if index % 10 == 9 else None,
        "names": [{"name": "Restaurant", "country": "FR"}],
        "countries": ["FR", "DE"],
    }


def _categories_view(_: Account, values: Values, __: Habits) -> View:
    switches = ("with_names", "with_countries")
    left_out = frozenset(
        switch.removeprefix("with_")
        for switch in switches
        if values.get(switch) is not True
    )

    def narrow(row: Row) -> Record:
        return {k: value for k, value in row.record.items() if k not in left_out}

    return View(left_out, narrow)


CATEGORIES = Resource(
    "categories",
    "/categories",
    "categories",
    ("id",),
    make_category,
    parameters={
        "lang": Parameter(one_of(*LANGUAGES), required=True),
        "country": without_effect(),
        "state": equal("state", one_of("OK", "DEPRECATED")),
        "block_push_long_description_on_gmb": equal(
            "block_push_long_description_on_gmb", yes_no
        ),
        "search_query": containing("name", "gmb_id"),
        "live__isnull": is_null("live_id"),
        "with_names": without_effect(yes_no),
        "with_countries": without_effect(yes_no),
    },
    orders={"gmb_id": "gmb_id"},
    view=_categories_view,
)


def make_webhook(scene: Scene, index: int) -> Record:
    """Make a webhook: its URL and its headers hold secrets."""
    events = ("business_created", "message_created", "lead_received", "review_updated")
    created = scene.moment(index)
    record: dict[str, Any] = {
        "id": scene.id,
        "url": f"https://hooks.example/s3cret-in-path-{index}?token=s3cret-in-query",
        "event_type": events[index % len(events)],
        "created_at": zulu_time(created),
        "updated_at": None if index % 4 == 3 else zulu_time(scene.later(created)),
        "org_id": ORGANIZATION,
    }
    if index % 2 == 0:
        record["custom_headers"] = {"X-Auth-Token": f"s3cret-in-header-{index}"}
    if index % 5 == 4:
        record["url"] = "https://user:s3cret-in-user@hooks.example:8443/path"
    return record


WEBHOOKS = Resource(
    "webhooks",
    "/webhooks",
    "items",
    ("id",),
    make_webhook,
    parameters={"org_id": of_organization()},
    product="Webhooks",
)
