"""Businesses: /api-reference/businesses/search-for-businesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.parameters import (
    among,
    containing,
    equal,
    integer,
    number,
    of_organization,
    overlapping,
    some_of,
    starting,
    without_effect,
    yes_no,
)
from tests.partoo_api.resource import Parameter, Resource
from tests.partoo_api.scene import ORGANIZATION, business_id, subscribed

if TYPE_CHECKING:
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.row import Record
    from tests.partoo_api.scene import Scene

NAMES = (
    "Corner shop",
    "Boulangerie « Œuf & Café »",
    "L'Épi d'\"Or\"",
    "東京店",
    "Bäcker",
)
CITIES = (("Paris", "75019"), ("Zürich", "8001"), ("Łódź", "90-001"), (None, None))
STATUSES = ("open", "open", "closed", "opening_soon", "open", "temporarily_closed")
FEATURES = (
    "business_edition",
    "diffusion",
    "review_management",
    "messages",
    "posts",
    "feedback_management",
)
DAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
SUBSCRIPTIONS = (
    "presence_management",
    "review_management",
    "review_booster",
    "messages",
)
VALUES: tuple[tuple[str, str, Any], ...] = (
    ("Wi-Fi", "BOOLEAN", True),
    ("Slogan", "TEXT", "oui"),
    ("Parking spaces", "INTEGER", 12),
    ("Surface", "FLOAT", 83.5),
    ("Format", "SINGLE_SELECT", "XL"),
    ("Services", "MULTIPLE_SELECT", ["Retrait", "Épicerie"]),
    ("Badges", "MULTIPLE_SELECT_IMAGE", []),
    ("Gallery", "IMAGES_UPLOADER", [{"url": "https://cdn.example/1.jpg"}]),
    ("Opening note", "TEXT", None),
)
"""Custom fields: a name, a type, and a value of a business."""


def make_business(scene: Scene, index: int) -> Record:
    """Make a business."""
    created = scene.moment(index, 2000)
    modified = scene.later(created, 400)
    city, zipcode = CITIES[index % len(CITIES)]
    name = NAMES[index % len(NAMES)]
    groups = [row["id"] for row in scene.rows("groups")]
    record: dict[str, Any] = {
        "id": business_id(index),
        "created": created.timestamp(),
        # A number with or without a fraction.
        "modified": int(modified.timestamp())
        if index % 4 == 1
        else modified.timestamp(),
        "code": None if index % 9 == 8 else f"CS-{index:05}",
        "status": STATUSES[index % len(STATUSES)],
        "opening_date": None if index % 3 == 2 else "2025-01-01",
        "org_id": ORGANIZATION + (index % 7 == 6),
        "groups": [groups[index % len(groups)]] if groups and index % 5 else [],
        "name": f"{name} {index}",
        "address": "12 bis rue du coquelicot",
        "address_full": f"12 bis rue du coquelicot, {zipcode} {city}",
        "address2": None if index % 2 else "Bâtiment B",
        "city": city,
        "zipcode": zipcode,
        "region": None if index % 3 else "Île-de-France",
        "country": "FR",
        "default_lang": "fr",
        "categories": ["gcid:restaurant", "gcid:bakery"][: 1 + index % 2],
        "time_slot_reference": ["10:00-14:00"] if index % 2 else [],
        "open_hours": _open_hours(index),
        "specific_hours": _specific_hours(index),
        "description_short": "Pains & viennoiseries",
        "description_long": None if index % 4 else "Ligne 1\nLigne 2\t“fin” 🚀",
        "website_url": "https://shop.example/?a=1&b=é",
        "facebook_url": None if index % 2 else "https://facebook.example/shop",
        "twitter_url": None,
        "google_location_id": None if index % 8 == 5 else f"locations/{index + 7000}",
        "facebook_page_id": None if index % 2 else f"{100 + index}",
        "national_identification_number": f"{73282932000074 + index}",
        "logo_url": "https://cdn.example/logo.png",
        "contacts": _contacts(index),
        "photos": _photos(index),
        "lat": -3.585993,
        "long": 47 if index % 4 == 0 else 47.870341,
        "subscriptions": {
            product: {"active": (index + place * 3) % 8 != 7}
            for place, product in enumerate(SUBSCRIPTIONS)
        },
        "custom_fields": _custom_fields(scene, index),
        "completion_rate": 77 if index % 2 else 62.5,
    }
    return record | _sometimes(index)


def _sometimes(index: int) -> Record:
    """Return what is missing in some copies of the documentation."""
    fields: dict[str, Any] = {}
    if index % 3 != 1:
        fields["features"] = list(FEATURES[: 1 + index % len(FEATURES)])
    if index % 4 == 0:
        fields["group_id"] = None if index % 8 else 23
    if index % 4 == 2:
        fields["address_details"] = {
            "number": "12",
            "number_supplement": "bis" if index % 8 == 2 else None,
            "street_type": "rue",
            "street_name": "du coquelicot",
        }
    if index % 6 == 0:  # deprecated
        fields |= {
            "siret": "73282932000074",
            "videos": ["https://video.example/1"],
            "news": [{"title": "Soldes", "description": "-50 %"}],
            "promos": [{"title": "Promo", "begin": 1409925979.5, "images": []}],
        }
    return fields


def _open_hours(index: int) -> dict[str, list[str]] | None:
    if index % 10 == 9:
        return None
    open_ = ["09:00-12:30", "18:00-00:00"]
    return {day: [] if day == "sunday" else open_ for day in DAYS}


def _specific_hours(index: int) -> Record | None:
    if index % 3 == 0:
        return None
    days = {"starts_at": "2026-12-24", "ends_at": "2026-12-24"}
    opened = [days | {"open_hours": ["10:00-14:00"]}] if index % 3 == 1 else []
    return {"open": opened, "close": [days]}


def _contacts(index: int) -> list[Record]:
    contact: dict[str, Any] = {
        "name": "Zoë Müller",
        "email": f"shop{index}@shop.example",
        "phone_numbers": ["+33612345678", "+33187654321"][: index % 3],
        "fax": None if index % 2 else "+33187654322",
    }
    return [contact] if index % 5 else []


def _photos(index: int) -> Record | None:
    if index % 6 == 5:
        return None
    secondary = [f"https://cdn.example/{n}.jpg" for n in range(index % 3)]
    return {
        "LOGO": "https://cdn.example/logo.png",
        "primary": None if index % 4 == 3 else "https://cdn.example/0.jpg",
        "secondary": secondary,
    }


def _custom_fields(scene: Scene, index: int) -> list[Record]:
    known = scene.rows("custom_fields")
    ids = {row["name"]: row["id"] for row in known}
    return [
        {
            "id": ids.get(name, place + 1),
            "name": name,
            "type": kind,
            "order": place,
            "value": value,
        }
        for place, (name, kind, value) in enumerate(VALUES)
        if (index + place) % 4
    ]


def _modified(record: Record, _: Habits) -> float | None:
    modified = record.get("modified")
    return float(modified) if isinstance(modified, int | float) else None


def _subscription(product: str) -> Parameter:
    return Parameter(
        yes_no, lambda row, wanted: subscribed(row.record, product) == wanted
    )


BUSINESSES = Resource(
    "businesses",
    "/business/search",
    "businesses",
    ("id",),
    make_business,
    parameters={
        "query": containing("city", "zipcode", "name"),
        "business__in": among("id"),
        "org_id": of_organization(),
        "groups": overlapping("groups", some_of(item=integer)),
        "group_id": equal("group_id", integer),
        "country": equal("country"),
        "name": equal("name"),
        "zipcode": equal("zipcode"),
        "city": equal("city"),
        "code": equal("code"),
        "status": among("status", some_of(*{*STATUSES, "closed_temporarily"})),
        "modified__gte": starting(number),
        "features__in": overlapping("features", some_of()),
        "features__notin": without_effect(some_of()),
        "subscribed_to_rm": _subscription("review_management"),
        "subscribed_to_pm": _subscription("presence_management"),
        "connected_to_gmb_location": without_effect(yes_no),
        "connected_to_facebook_location": without_effect(yes_no),
        "has_promo": without_effect(yes_no),
    },
    orders={"name": "name"},
    moment=_modified,
)
