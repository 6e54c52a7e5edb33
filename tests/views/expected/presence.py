"""What the views of Google's figures say, computed without SQL."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.views.expected.common import TODAY, Row, share

if TYPE_CHECKING:
    from tests.partoo_api import Account


def total(*figures: int | None) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


def store_day_visibility(account: Account) -> list[Row]:
    result = []
    for row in account["presence_metrics"].rows():
        day = date.fromisoformat(row["date"])
        search = total(
            row["business_impressions_desktop_search"],
            row["business_impressions_mobile_search"],
        )
        maps = total(
            row["business_impressions_desktop_maps"],
            row["business_impressions_mobile_maps"],
        )
        impressions = total(search, maps)
        clicks = {
            "direction_requests": row["business_direction_requests"],
            "call_clicks": row["call_clicks"],
            "website_clicks": row.get("website_clicks"),
        }
        actions = total(*clicks.values())
        result.append(
            {
                "store_id": row["business_id"],
                "day": day,
                "impressions_search": search,
                "impressions_maps": maps,
                "impressions": impressions,
                **clicks,
                "actions": actions,
                "action_rate": share(actions, impressions)
                if impressions and actions is not None
                else None,
                "is_settled": TODAY - day > timedelta(days=5),
            }
        )
    return result


def store_month_keywords(account: Account) -> list[Row]:
    result = []
    for row in account["search_keywords"].rows():
        count, threshold = row.get("count"), row["threshold"]
        hidden = count is None and threshold is not None
        known = None if count is None else str(count)
        result.append(
            {
                "store_id": row["business_id"],
                "month": date.fromisoformat(row["date"]),
                "keyword": str(row["keyword"]),
                "people": count,
                "is_below_threshold": hidden,
                "people_shown": f"< {threshold}" if hidden else known,
                "people_at_least": 1 if hidden else count,
                "people_at_most": threshold - 1 if hidden else count,
            }
        )
    return result
