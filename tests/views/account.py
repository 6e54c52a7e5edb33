"""An account with the rows that a view can get wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.partoo_api import whole_account

if TYPE_CHECKING:
    from tests.partoo_api import Account

NOW = datetime(2026, 6, 15, 9, 30, tzinfo=UTC)
"""What time it is for the account, and for the views that ask."""


def account_of_views() -> Account:
    """Make an account with the rows that a view can get wrong."""
    account = whole_account(keys=36, reviews=200, days=16, months=3, now=NOW)
    _change_keys(account)
    _change_businesses(account)
    _change_reviews(account)
    _change_presence(account)
    return account


def _ago(hours: float = 0, *, days: float = 0) -> str:
    """Return a time before now, with its own zone."""
    moment = NOW - timedelta(days=days, hours=hours)
    return (moment + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"


def _day(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


_KEYS: tuple[dict[str, Any], ...] = (
    {"last_used_at": _ago(days=90)},
    {"last_used_at": _ago(1 / 60, days=90)},
    {"last_used_at": _ago(1), "expiration_date": _day(30)},
    {"last_used_at": _ago(1), "expiration_date": _day(31)},
    {"last_used_at": _ago(1), "expiration_date": _day(0)},
    {"user_id": "no such user", "expiration_date": _day(-1)},
    {"last_used_at": None, "created_at": _ago(days=90)},
    {"last_used_at": None, "created_at": _ago(1, days=90)},
    {"ip_whitelist": ["10.0.0.0/8", "192.0.2.0/24", "203.0.112.0/23"]},
    {"ip_whitelist": ["198.51.100.0/23", "2001:db8::/48"]},
    {"ip_whitelist": ["2001:DB8::/47", "::1"]},
    {"ip_whitelist": ["2001:db8::/32", "2001:db8:0:1::/64", " 198.51.0.0/16 "]},
    {"ip_whitelist": ["0.0.0.0/0", "::/0"]},
    {"ip_whitelist": ["office", "", None, "10.0.0.0/33", "::1/129", "10.0.0.0/8/8"]},
    {"ip_whitelist": ["/8", "10.0/8", "10.0.0.0/-8", "10.0.0.0/٨", "a\nb", "é/8"]},
    {"ip_whitelist": ["300.1.2.3/8", "1:2:3/8", "1::2::3/8", ":::/8", "10.0.0.0./8"]},
    {"ip_whitelist": ["1:2:3:4:5:6:7:8/16", "1::/20", "::1:0/24", "128.0.0.0/1"]},
    {"ip_whitelist": None, "has_restricted_permissions": None, "disabled": None},
    {"user_role": "ORG_ADMIN", "has_restricted_permissions": False},
    {"disabled": True, "revoked_at": None, "user_id": "no such user"},
)


def _change_keys(account: Account) -> None:
    keys = account.records()
    for key in keys:  # the next lines make them differ
        account.edit(key["id"], disabled=key["id"] % 9 == 0)
    works = {"disabled": False, "expiration_date": None}
    for key, fields in zip(keys, _KEYS, strict=False):
        account.edit(key["id"], **works | fields)
    nothing = dict.fromkeys(keys[0])
    del nothing["id"]
    account.create(**{**nothing, "created_at": _ago(days=400)})
    for kind in ("bot", "user"):
        created = _ago(days=1)
        account.create(user_id="no such user", user_type=kind, created_at=created)


_CUSTOM_FIELDS: list[Any] = [
    {"id": 1, "name": "Quotes", "type": "TEXT", "order": 1, "value": '"a" \\u0000 é'},
    {"id": 2, "name": "No character", "type": "TEXT", "order": 2, "value": "a\0b"},
    {"id": 3, "name": "List", "type": "MULTIPLE_SELECT", "value": ["É", 1, None]},
    {"id": None, "name": None, "type": None, "order": None, "value": None},
    {"id": 5, "name": "Nothing", "type": "TEXT"},
    {"id": 6, "name": "Empty", "type": "TEXT", "order": 6, "value": ""},
    {"id": 7, "name": "Zero", "type": "FLOAT", "order": 7, "value": 0.0},
    {"id": 8, "name": "No", "type": "BOOLEAN", "order": 8, "value": False},
    {"id": 9, "name": "Null", "type": "TEXT", "order": 9, "value": "null"},
    {"id": 10, "name": "Object", "type": "NEW", "order": 10, "value": {"a": '"'}},
    None,
]


def _change_businesses(account: Account) -> None:
    stores = account["businesses"]
    first, second, third, *_ = (row["id"] for row in stores.rows())
    groups = [row["id"] for row in account["groups"].rows()]
    unnamed = next(row["id"] for row in account["groups"].rows() if not row["name"])
    stores.edit(first, groups=[groups[2], groups[0], 9999, unnamed], city=" ")
    stores.edit(first, custom_fields=_CUSTOM_FIELDS)
    stores.edit(second, status="closed_temporarily", categories=[], website_url="")
    stores.edit(second, groups=None, custom_fields=None)
    stores.edit(third, open_hours={"monday": [], "sunday": None}, lat=None)
    made = stores.rows()[-1]
    # Without a product, without reviews, and unknown in all else.
    nothing = dict.fromkeys(made) | {"subscriptions": {"messages": None}}
    stores.insert({**nothing, "id": "unknown"})
    inactive = {name: {"active": False} for name in made["subscriptions"]}
    stores.insert(
        {
            **made,
            "id": "without products",
            "code": "CS-00010",
            "subscriptions": inactive,
        }
    )
    active = {name: {"active": True} for name in made["subscriptions"]}
    stores.insert(
        {
            **made,
            "id": "without rows",
            "code": "CS-00011",
            "subscriptions": active,
            "google_location_id": "locations/1",
        }
    )
    stores.insert(
        {
            **made,
            "id": "without link",
            "code": "CS-00012",
            "subscriptions": active,
            "google_location_id": None,
        }
    )
    fields = {"date": _ago(days=3), "update_date": _ago(days=3)}
    account["reviews"].add(business_id="without products", **fields)


def _reply(*, date: str | None, created: str | None) -> dict[str, Any]:
    return {"id": 1, "content": "Merci", "date": date, "created": created}


_TWO_DAYS_LATER = _reply(date=_ago(days=18), created=_ago(days=18))
_REVIEWS: tuple[dict[str, Any], ...] = (
    # The last minutes of May in Paris and in UTC, and the first ones of June.
    {"date": "2026-06-01T00:30:00+02:00"},
    {"date": "2026-05-31T23:59:59.999999+00:00"},
    {"date": "2026-05-31T20:00:00-05:00"},
    {"date": "2026-01-01T00:00:00+00:00"},
    {"date": _ago(days=20), "comments": [_TWO_DAYS_LATER]},
    {"date": _ago(-1 / 3600, days=20), "comments": [_TWO_DAYS_LATER]},
    {"date": _ago(days=20), "comments": _reply(date=_ago(days=19), created=None)},
    {"date": _ago(days=20), "comments": _reply(date=None, created=_ago(days=19))},
    {"date": _ago(days=20), "comments": _reply(date=None, created=None)},
    {
        "date": _ago(days=20),
        "update_date": _ago(days=10),
        "comments": [
            _reply(date=_ago(days=5), created=_ago(days=9)),
            _reply(date=_ago(days=12), created=_ago(days=11)),
        ],
    },
    {"date": _ago(1), "comments": [_reply(date=_ago(2), created=_ago(0.5))]},
    {"date": _ago(48), "comments": None},
    {"date": _ago(47.9), "comments": [None]},
    {"date": _ago(days=7), "comments": []},
    {"date": _ago(days=30), "comments": []},
    {"date": _ago(days=90), "comments": []},
    {"date": None, "comments": []},
    {"date": None, "comments": [_TWO_DAYS_LATER]},
    {"rating": None, "recommended": None},
    {"rating": None, "recommended": True},
    {"rating": None, "recommended": False},
    {"rating": 0},
    {"rating": 3, "recommended": False},
    {"state": None, "rating": 2},
    {"state": "deleted", "delete_date": _ago(1), "comments": []},
    {"business_id": None, "comments": []},
    {"business_id": "no such store", "comments": []},
)


def _change_reviews(account: Account) -> None:
    reviews = account["reviews"]
    for fields in _REVIEWS:
        date = fields.get("date", _ago(days=40))
        made = {"date": date, "update_date": date or _ago(days=40), "rating": 4}
        reviews.add(**made | fields)


def _change_presence(account: Account) -> None:
    metrics = account["presence_metrics"]
    store = metrics.rows()[0]["business_id"]
    names = [name for name in metrics.rows()[0] if name.startswith("business_imp")]
    days = sorted(row["date"] for row in metrics.rows() if row["business_id"] == store)
    metrics.edit((store, days[0]), **dict.fromkeys(names, 0))
    metrics.edit((store, days[1]), **dict.fromkeys(names))
    metrics.edit((store, days[2]), **dict.fromkeys(names[:1]))
    none = ("business_direction_requests", "call_clicks", "website_clicks")
    metrics.edit((store, days[3]), **dict.fromkeys(none))
    keywords = account["search_keywords"]
    first, second, third, *_ = keywords.rows()
    for row, count, threshold in ((first, None, None), (second, 7, 15), (third, 0, 15)):
        key = (row["business_id"], row["date"], row["keyword"])
        keywords.edit(key, count=count, threshold=threshold)
    states = account["publisher_states"]
    first, second, *_ = states.rows()
    states.edit((first["business_id"], first["publisher"]), state=None, error_type=None)
    states.edit((second["business_id"], second["publisher"]), state="new state")


def delete_some(account: Account) -> None:
    """Delete rows of every table, and a store, whose reviews and figures stay."""
    keys = account.records()
    account.delete(keys[20]["id"])
    account["users"].delete(keys[2]["user_id"])
    account["users"].edit(keys[3]["user_id"], disabled=True)
    account["groups"].delete(account["groups"].rows()[2]["id"])
    account["reviews"].delete(account["reviews"].rows()[5]["id"])
    row = account["presence_metrics"].rows()[6]
    account["presence_metrics"].delete((row["business_id"], row["date"]))
    gone = account["businesses"].rows()[8]["id"]
    assert any(row["business_id"] == gone for row in account["reviews"].rows())
    account["businesses"].delete(gone)
    for name, also in (("publisher_states", 9), ("search_keywords", 11)):
        table = account[name]
        for place, row in enumerate(table.rows()):
            if row["business_id"] == gone or place == also:
                table.delete(tuple(row[key] for key in table.resource.key))
