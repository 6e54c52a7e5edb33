"""What the views of stores say, computed without SQL."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.views.expected.common import Row, utc

if TYPE_CHECKING:
    from tests.partoo_api import Account


def active(business: Row, product: str) -> bool | None:
    subscription = (business.get("subscriptions") or {}).get(product)
    return None if subscription is None else subscription["active"]


def named(business: Row) -> Row:
    return {
        "store_id": business["id"],
        "store_code": business["code"],
        "store_name": business["name"],
    }


def status(business: Row) -> str | None:
    status: str | None = business["status"]
    return "temporarily_closed" if status == "closed_temporarily" else status


def from_epoch(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def number(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def stores(account: Account) -> list[Row]:
    names = {group["id"]: group["name"] for group in account["groups"].rows()}
    return [
        {
            **named(business),
            "status": status(business),
            "opening_date": business["opening_date"]
            and date.fromisoformat(business["opening_date"]),
            "org_id": business["org_id"],
            "group_ids": business["groups"],
            "group_names": [
                names.get(group) or str(group) for group in business["groups"] or ()
            ],
            **{
                name: business[name]
                for name in ("region", "country", "city", "zipcode")
            },
            "address": business["address_full"],
            **{
                product: active(business, product)
                for product in (
                    "presence_management",
                    "review_management",
                    "review_booster",
                    "messages",
                )
            },
            **{
                name: business[name]
                for name in (
                    "google_location_id",
                    "facebook_page_id",
                    "national_identification_number",
                )
            },
            "completion_rate": number(business["completion_rate"]),
            "created_at": from_epoch(business["created"]),
            "modified_at": from_epoch(business["modified"]),
        }
        for business in account["businesses"].rows()
    ]


def field_value(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def store_custom_fields(account: Account) -> list[Row]:
    return [
        {
            **named(business),
            "field_id": field["id"],
            "field": field["name"],
            "type": field["type"],
            "position": field.get("order"),
            "value": field_value(field.get("value")),
        }
        for business in account["businesses"].rows()
        for field in business["custom_fields"] or ()
        if field
    ]


def missing_fields(business: Row) -> list[str]:
    values = {
        "address": business["address"],
        "category": "".join(business["categories"] or ()),
        "city": business["city"],
        "country": business["country"],
        "description_long": business["description_long"],
        "description_short": business["description_short"],
        "latitude": business["lat"],
        "logo": business["logo_url"],
        "longitude": business["long"],
        "main photo": (business["photos"] or {}).get("primary"),
        "name": business["name"],
        "opening hours": [h for h in (business["open_hours"] or {}).values() if h],
        "website": business["website_url"],
        "zipcode": business["zipcode"],
    }
    return [name for name, value in values.items() if not value or value == " "]


def listing_health(account: Account) -> list[Row]:
    states = defaultdict(list)
    for row in account["publisher_states"].rows():
        states[row["business_id"]].append(row)
    return [
        {
            **named(business),
            "status": status(business),
            "publishers": len(states[business["id"]]),
            "in_sync": sum(r["state"] == "success" for r in states[business["id"]]),
            "not_in_sync": sorted(
                f"{row['publisher']}: {row['state'] or 'unknown'}"
                + (
                    ""
                    if row["error_type"] in {None, "None"}
                    else f" ({row['error_type']})"
                )
                for row in states[business["id"]]
                if row["state"] != "success"
            ),
            "missing_fields": missing_fields(business),
            "completion_rate": number(business["completion_rate"]),
        }
        for business in account["businesses"].rows()
    ]


def gap(row: Row) -> tuple[str | None, str | None]:
    reviewed = row["product"] == "review_management"
    if row["is_subscribed"] is None:
        why = "Partoo does not report whether the store has the product."
        return "subscription", why
    if not row["is_subscribed"]:
        why = "The store does not have the product"
        late = ": the rows are from when it did."
        return "subscription", why + (late if row["rows"] else ".")
    if row["rows"] is None:
        return None, None
    if not row["is_linked_to_google"]:
        return "link to Google", _unlinked(row, reviewed=reviewed)
    if row["rows"]:
        return None, None
    return "rows", (
        "Nobody has reviewed the store, or it was connected recently."
        if reviewed
        else "Google sent no figures: newly linked, or not verified on Google."
    )


def _unlinked(row: Row, *, reviewed: bool) -> str:
    if reviewed:
        return "Reviews from Google are missing: the store is not linked to it."
    if row["rows"]:
        return "The store is not linked to Google: the rows are from when it was."
    return "All figures come from Google, and the store is not linked to it."


def store_coverage(account: Account) -> list[Row]:
    days = defaultdict(list)
    for review in account["reviews"].rows():
        written = utc(review["date"])
        key = ("review_management", review["business_id"])
        days[key].append(written and written.date())
    for row in account["presence_metrics"].rows():
        key = ("presence_management", row["business_id"])
        days[key].append(date.fromisoformat(row["date"]))
    result = []
    for business in account["businesses"].rows():
        for product in (
            "presence_management",
            "review_management",
            "review_booster",
            "messages",
        ):
            found = days.get((product, business["id"]), [])
            row = {
                **named(business),
                "status": status(business),
                "product": product,
                "is_subscribed": active(business, product),
                "is_linked_to_google": bool(business["google_location_id"]),
                "rows": len(found) if product.endswith("management") else None,
                "last_day": max(filter(None, found), default=None),
            }
            row["missing"], row["why"] = gap(row)
            result.append(row)
    return result
