"""The account behind the stand-in: its API keys and what happens to them."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from .data import PERMISSIONS, Key, revocation, spell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Order = Literal["id", "newest", "random"]
Status = Literal["active", "inactive", "disabled", "expired"]
UserType = Literal["bot", "user"]


@dataclass(frozen=True)
class Filters:
    """The documented filters of `GET /api_keys`; none by default."""

    status: Status | None = None
    type: UserType | None = None
    search_text: str | None = None
    include_all_permissions: bool = False


@dataclass
class _Row:
    """A key and its JSON, kept because a benchmark reads each key many times."""

    key: Key
    narrowed: bytes | None = None
    full: bytes | None = None

    def json(self, *, include_all_permissions: bool = False) -> bytes:
        if include_all_permissions:
            self.full = self.full or _dump(self.key.record)
            return self.full
        self.narrowed = self.narrowed or _dump(self._narrowed_record())
        return self.narrowed

    def change(self, fields: dict[str, Any]) -> None:
        self.key.record |= fields
        self.narrowed = self.full = None

    def _narrowed_record(self) -> dict[str, Any]:
        stored = self.key.record.get("permissions")
        if not isinstance(stored, list):
            return self.key.record
        allowed = self.key.user_permissions
        return self.key.record | {"permissions": [p for p in stored if p in allowed]}


class Account:
    """The API keys of one organization; safe to change while the server answers.

    Args:
        keys: The keys it starts with, by ascending id.
        api_key: The secret that a request must present.
        api_key_without_rights: A secret that is known but may not list keys (403).
        order: The order of the list. In "random" order the keys keep their places
            and a new key lands anywhere among them.
        seed: Decides the random order.
    """

    def __init__(
        self,
        keys: Iterable[Key] = (),
        *,
        api_key: str = "demo-key",
        api_key_without_rights: str = "key-without-rights",
        order: Order = "id",
        seed: int = 0,
    ) -> None:
        """Take over the keys."""
        self.api_key = api_key
        self.api_key_without_rights = api_key_without_rights
        self._lock = threading.RLock()
        self._rng = random.Random(seed)
        self._order = order
        self._rows = [_Row(key) for key in keys]
        self._last_id = max((row.key.record["id"] for row in self._rows), default=0)
        if order == "newest":
            self._rows.reverse()
        elif order == "random":
            self._rng.shuffle(self._rows)

    def create(self, **fields: Any) -> dict[str, Any]:
        """Add a key made now, with these fields of its record; returns the record."""
        with self._lock:
            self._last_id += 1
            record: dict[str, Any] = {
                "id": self._last_id,
                "label": f"New key {self._last_id}",
                "description": None,
                "user_id": "5309c3a237bbc544d8e26737",
                "user_name": "Perceval de Galles",
                "user_role": "BUSINESS_MANAGER",
                "user_type": "user",
                "disabled": False,
                "expiration_date": None,
                "last_used_at": None,
                "created_by": "5309c3a237bbc544d8e26737",
                "created_by_name": "John Smith",
                "created_at": spell(datetime.now(UTC)),
                "revoked_by": None,
                "revoked_by_name": None,
                "revoked_at": None,
                "ip_whitelist": [],
                "has_restricted_permissions": False,
                "permissions": [],
            } | fields
            self.insert(record)
            return self.record(record["id"])

    def insert(self, record: dict[str, Any], index: int | None = None) -> None:
        """Add a record as it is, of any shape, at this place of the list.

        Without an index it goes where a new key goes.
        """
        permissions = frozenset(PERMISSIONS)
        with self._lock:
            key = Key(dict(record), f"{self._rng.getrandbits(160):040x}", permissions)
            self._rows.insert(self._new_place() if index is None else index, _Row(key))

    def revoke(self, key_id: int) -> dict[str, Any]:
        """Disable a key, now."""
        return self.edit(key_id, **revocation(datetime.now(UTC)))

    def touch(self, key_id: int) -> dict[str, Any]:
        """Use a key, now."""
        return self.edit(key_id, last_used_at=spell(datetime.now(UTC)))

    def edit(self, key_id: int, **fields: Any) -> dict[str, Any]:
        """Change fields of a key and nothing else: an edit leaves no trace of when."""
        with self._lock:
            self._find(key_id).change(fields)
            return self.record(key_id)

    def delete(self, key_id: int) -> None:
        """Remove a key, as happens to the keys of a user who is deleted."""
        with self._lock:
            self._rows.remove(self._find(key_id))

    def record(
        self, key_id: int, *, include_all_permissions: bool = False
    ) -> dict[str, Any]:
        """Give one record as the API does; `KeyError` when there is none."""
        with self._lock:
            row = self._find(key_id)
            record: dict[str, Any] = json.loads(
                row.json(include_all_permissions=include_all_permissions)
            )
            return record

    def records(self) -> list[dict[str, Any]]:
        """Give copies of all records as the API does by default, in its order."""
        with self._lock:
            return [json.loads(row.json()) for row in self._rows]

    def select(
        self, filters: Filters, place: Callable[[int], slice]
    ) -> tuple[int, list[bytes]]:
        """Count the keys that pass the filters and give some of them.

        Args:
            filters: Which keys.
            place: Told their number, which of them to give.

        Returns:
            The number of all that pass, and the JSON of those asked for.
        """
        whole = filters.include_all_permissions
        with self._lock:
            rows = self._rows
            if filters.status or filters.type or filters.search_text:
                today = datetime.now(UTC).date().isoformat()
                rows = [row for row in rows if _passes(row.key, filters, today)]
            part = rows[place(len(rows))]
            return len(rows), [row.json(include_all_permissions=whole) for row in part]

    def _find(self, key_id: int) -> _Row:
        for row in self._rows:
            if row.key.record.get("id") == key_id:
                return row
        raise KeyError(key_id)

    def _new_place(self) -> int:
        if self._order == "newest":
            return 0
        if self._order == "random":
            return self._rng.randint(0, len(self._rows))
        return len(self._rows)


def _dump(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _passes(key: Key, filters: Filters, today: str) -> bool:
    record = key.record
    if filters.type and record.get("user_type") != filters.type:
        return False
    if filters.search_text:
        wanted = filters.search_text.casefold()
        texts = (str(record.get("label") or ""), key.secret)
        if not any(wanted in text.casefold() for text in texts):
            return False
    return filters.status is None or filters.status in _statuses(record, today)


def _statuses(record: dict[str, Any], today: str) -> set[str]:
    """Derive the status of a key, which has no field of its own.

    A new key must expire tomorrow at the earliest, hence a key is taken to die when
    its date is reached.
    """
    expiration_date = record.get("expiration_date")
    statuses: set[str] = set()
    if record.get("disabled"):
        statuses.add("disabled")
    if isinstance(expiration_date, str) and expiration_date <= today:
        statuses.add("expired")
    return statuses | {"inactive"} if statuses else {"active"}
