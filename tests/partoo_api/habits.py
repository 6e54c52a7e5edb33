"""What the documentation leaves open, for a test to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Habits:
    """How the API behaves where the documentation can be read in several ways.

    Attributes:
        undated_by_date: Whether filters of reviews by `update_date` use `date`
            where it is null; otherwise such reviews match no range at all.
        lists_deleted: Whether reviews include deleted ones unless `state__in` is given.
        orders: Whether `order_by` is known to reviews and users; otherwise it is a 400.
        filters_dates: Whether filters by date have an effect.
        embeds_groups: Whether `/sections` has the groups of each section.
        counts_sections: Whether `/sections` has `page`, `max_page` and `count`.
        cursor_end: What `next_cursor` is at the end of a list.
        cursor_count: What `count` is next to a cursor: all rows, or those in the
            response.
        keywords_name_business: Whether rows of keywords have a `business_id`.
    """

    undated_by_date: bool = True
    lists_deleted: bool = True
    orders: bool = True
    filters_dates: bool = True
    embeds_groups: bool = True
    counts_sections: bool = True
    cursor_end: Literal["null", "empty", "absent", "repeated"] = "null"
    cursor_count: Literal["total", "page"] = "total"
    keywords_name_business: bool = True
