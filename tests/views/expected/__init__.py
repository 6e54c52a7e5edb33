"""The rows of each view as computed from the account, without SQL and without the tap.

The rules are written a second time here: an error would have to be in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .keys import api_key_findings, api_key_owner_findings
from .presence import store_day_visibility, store_month_keywords
from .reviews import open_reviews, review_facts, store_month_reputation
from .stores import listing_health, store_coverage, store_custom_fields, stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.partoo_api import Account

    from .common import Row

EXPECTED: dict[str, Callable[[Account], list[Row]]] = {
    rows.__name__: rows
    for rows in (
        api_key_findings,
        api_key_owner_findings,
        listing_health,
        open_reviews,
        review_facts,
        store_coverage,
        store_custom_fields,
        store_day_visibility,
        store_month_keywords,
        store_month_reputation,
        stores,
    )
}
