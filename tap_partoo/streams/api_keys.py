"""API keys: who holds them, what they may do, when they were used and revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.increments import as_datetime
from tap_partoo.reading.paging import NumberedPages
from tap_partoo.records.types import strings
from tap_partoo.streams.base import PartooStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_partoo.streams.run import Run

MAX_DELAY = timedelta(days=1)
"""How late Partoo may record that a key was used."""


class ApiKeys(PartooStream):
    """The API keys that the caller may see; `bot` keys need an admin's key.

    https://developers.partoo.co/api-reference/apikeys/list-user-api-keys
    """

    name = "api_keys"
    path = "/api_keys"
    selected_by_default = True
    needs = None  # every key reads its own; an ORG_ADMIN's also reads those of bots
    personal_data = (
        "user_name",
        "created_by_name",
        "revoked_by_name",
        "ip_whitelist",  # may be the addresses of people's homes
    )
    primary_keys = ("id",)
    replication_key = "created_at"
    paging = NumberedPages("api_keys", per_page=100)
    # Where `status` filters the list, revocation can bring a key into it.
    entered_at = ("created_at", "revoked_at")
    activity_keys = ("created_at", "last_used_at", "revoked_at")
    filters: ClassVar[dict[str, str]] = {
        "status": "api_keys_status",
        "type": "api_keys_type",
        "search_text": "api_keys_search_text",
    }
    options: ClassVar[dict[str, str]] = {
        "include_all_permissions": "api_keys_include_all_permissions"
    }

    left_out = frozenset({"key"})  # may contain the key itself one day

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the key. Primary key.",
        ),
        th.Property("label", th.StringType, description="Name given to the key."),
        th.Property(
            "description", th.StringType, description="What the key is meant for."
        ),
        th.Property(
            "user_id", th.StringType, description="User that the key belongs to."
        ),
        th.Property(
            "user_name",
            th.StringType,
            description="First and last name of that user; null for the organisation's "
            "integration key.",
        ),
        th.Property(
            "user_role",
            th.StringType,
            description="Role of that user: PROVIDER, ORG_ADMIN, ORG_MANAGER, "
            "GROUP_MANAGER, BUSINESS_MANAGER, PUBLISHER; more may come.",
        ),
        th.Property(
            "user_type",
            th.StringType,
            description="`bot` for a user made for integrations, `user` for a person.",
        ),
        th.Property(
            "disabled",
            th.BooleanType,
            description="True when somebody revoked the key. Expiry does not set it.",
        ),
        th.Property(
            "expiration_date",
            th.DateType,
            description="Last day of validity; null: never expires.",
        ),
        th.Property(
            "last_used_at",
            th.DateTimeType,
            description="Last call made with the key, UTC; null: never used.",
        ),
        th.Property(
            "created_by", th.StringType, description="User who created the key."
        ),
        th.Property(
            "created_by_name",
            th.StringType,
            description="First and last name of the creator.",
        ),
        th.Property(
            "created_at",
            th.DateTimeType,
            description="Creation, UTC. Replication key.",
        ),
        th.Property(
            "revoked_by", th.StringType, description="User who revoked the key."
        ),
        th.Property(
            "revoked_by_name",
            th.StringType,
            description="First and last name of that user.",
        ),
        th.Property(
            "revoked_at",
            th.DateTimeType,
            description="Revocation, UTC; null: not revoked.",
        ),
        th.Property(
            "ip_whitelist",
            strings(),
            description="Addresses and CIDR networks that may use the key; empty: all.",
        ),
        th.Property(
            "has_restricted_permissions",
            th.BooleanType,
            description="True: `permissions` applies. False: the key may do what the "
            "user who created it may do.",
        ),
        th.Property(
            "permissions",
            strings(),
            description="Names of the permissions, without those that the key's user "
            "lacks, unless the setting `api_keys_include_all_permissions` is on.",
        ),
    )

    @override
    def floor(self, run: Run) -> str | None:
        """Start a day before the start of the last complete run; else at the bookmark.

        Partoo has no filter for new rows: the whole list is read each time. The
        bookmark is the largest `created_at`, which does not show when keys were used.
        """
        if not run.is_incremental:
            return None
        start, seen = super().floor(run), self.bookmark(run)
        self._newest_seen = max(start or "", seen) if seen else None
        state = self.get_context_state(None)
        since = state.get("complete_as_of")
        if since and seen and state.get("filters") == self._filters():
            if self.is_in_future(since):  # a clock was wrong
                self.logger.warning(
                    "api_keys: `complete_as_of` %s in the state is in the future and "
                    "is ignored",
                    since,
                )
            else:
                seen = (as_datetime(since) - MAX_DELAY).isoformat()
        return max(filter(None, (start, seen)), default=None)

    @override
    def is_active(self, record: Record, floor: str) -> bool:
        return (
            super().is_active(record, floor)
            or self._has_expired(record, floor)
            or self._was_hidden(record)
        )

    def _was_hidden(self, record: Record) -> bool:
        """Return whether a key was created after the newest one of previous runs."""
        seen = self._newest_seen
        return seen is not None and (record.get("created_at") or "") > seen

    def _has_expired(self, record: Record, floor: str) -> bool:
        """Return whether expiry has brought a key into a list of expired ones."""
        if self.config.get("api_keys_status") not in {"expired", "inactive"}:
            return False
        today = self._run.snapshot_at[:10]
        return floor[:10] <= (record.get("expiration_date") or "") <= today

    @override
    def remember(self, state: dict[str, Any], run: Run) -> None:
        state["complete_as_of"] = run.snapshot_at
        state["filters"] = self._filters()

    def _filters(self) -> dict[str, Any]:
        """Return the filters of the list, without the search text itself."""
        return {
            "status": self.config.get("api_keys_status"),
            "type": self.config.get("api_keys_type"),
            "search_text": "api_keys_search_text" in self.config,
        }
