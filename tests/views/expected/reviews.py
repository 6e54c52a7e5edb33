"""What the views of reviews say, computed without SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.views.expected.common import AT, Row, rounded, share, utc

if TYPE_CHECKING:
    from tests.partoo_api import Account


def sentiment(review: Row) -> str | None:
    rating, recommended = review["rating"], review["recommended"]
    if rating is None and recommended is None:
        return None
    if recommended or (rating or 0) >= 4:
        return "satisfied"
    return "neutral" if rating == 3 else "dissatisfied"


def replies(review: Row) -> list[Row]:
    found = review.get("comments") or []
    return [reply for reply in (found if isinstance(found, list) else [found]) if reply]


def first_reply(review: Row) -> datetime | None:
    times = [utc(r[name]) for r in replies(review) for name in ("date", "created")]
    return min(filter(None, times), default=None)


def is_fast(review: Row) -> bool:
    written, replied = utc(review["date"]), first_reply(review)
    return bool(written and replied and replied - written < timedelta(hours=48))


def review_facts(account: Account) -> list[Row]:
    result = []
    for review in account["reviews"].rows():
        written, updated = utc(review["date"]), utc(review["update_date"])
        replied = first_reply(review)
        result.append(
            {
                "review_id": review["id"],
                "store_id": review["business_id"],
                "partner": review["partner"],
                "written_at": written,
                "updated_at": updated,
                "rating": review["rating"],
                "recommended": review["recommended"],
                "sentiment": sentiment(review),
                "state": review["state"],
                "replies": len(replies(review)),
                "first_reply_at": replied,
                "minutes_to_first_reply": (replied - written) // timedelta(minutes=1)
                if replied and written
                else None,
                "answered_within_48h": is_fast(review),
                "edited_after_reply": bool(replied and updated and updated > replied),
                "is_deleted": review["state"] == "deleted",
                "deleted_at": utc(review.get("delete_date")),
            }
        )
    return result


def store_month_reputation(account: Account) -> list[Row]:
    stores = {row["id"]: row for row in account["businesses"].rows()}
    months = defaultdict(list)
    for review in account["reviews"].rows():
        written = utc(review["date"])
        if review["state"] != "deleted" and review["business_id"] and written:
            key = (review["business_id"], written.date().replace(day=1))
            months[key].append(review)
    result = []
    for (store, month), reviews in months.items():
        ratings = [r["rating"] for r in reviews if r["rating"] is not None]
        moods = Counter(map(sentiment, reviews))
        answered = sum(bool(replies(review)) for review in reviews)
        fast = sum(map(is_fast, reviews))
        business = stores.get(store, {})
        result.append(
            {
                "store_id": store,
                "store_code": business.get("code"),
                "store_name": business.get("name"),
                "month": month,
                "reviews": len(reviews),
                "average_rating": rounded(Decimal(sum(ratings)) / len(ratings), "0.01")
                if ratings
                else None,
                **{f"ratings_{rating}": ratings.count(rating) for rating in range(6)},
                "satisfied": moods["satisfied"],
                "neutral": moods["neutral"],
                "dissatisfied": moods["dissatisfied"],
                "answered": answered,
                "response_rate": share(answered, len(reviews)),
                "answered_within_48h": fast,
                "share_within_48h": share(fast, len(reviews)),
            }
        )
    return result


def age_class(written: datetime | None) -> str | None:
    if written is None:
        return None
    age = AT - written
    for days, name in (
        (2, "1: under 48 hours"),
        (7, "2: 48 hours to 7 days"),
        (30, "3: 7 to 30 days"),
        (90, "4: 30 to 90 days"),
    ):
        if age < timedelta(days=days):
            return name
    return "5: over 90 days"


def open_reviews(account: Account) -> list[Row]:
    stores = {row["id"]: row for row in account["businesses"].rows()}
    return [
        {
            "review_id": review["id"],
            "store_id": review["business_id"],
            "store_code": stores.get(review["business_id"], {}).get("code"),
            "store_name": stores.get(review["business_id"], {}).get("name"),
            "partner": review["partner"],
            "written_at": utc(review["date"]),
            "rating": review["rating"],
            "recommended": review["recommended"],
            "sentiment": sentiment(review),
            "state": review["state"],
            "age_class": age_class(utc(review["date"])),
        }
        for review in account["reviews"].rows()
        if review["state"] != "deleted" and not replies(review)
    ]
