"""The account behind the stand-in: its rows, its rights, and what happens to them."""

from __future__ import annotations

import json
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .data import Key, make_keys, revocation, spell
from .resources import RESOURCES
from .resources.api_keys import NARROWED
from .resources.reviews import edit_review, mark_deleted, reply
from .row import Record, Row
from .table import Order, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRODUCTS = frozenset(
    resource.product for resource in RESOURCES.values() if resource.product
)


class Account:
    """All that one organisation has; safe to change while the server runs.

    `account["reviews"]` is the table of a stream's rows.

    Args:
        keys: The API keys it starts with, by ascending id.
        api_key: The secret that a request must present.
        api_key_without_rights: A secret that is known but may not list keys (403).
        order: The order of the lists. In "random" order the rows keep their places
            and a new row lands anywhere among them.
        seed: Decides the random order.

    Attributes:
        products: What the organisation has bought; lists that need more are refused.
        clock_offset: How far Partoo's clock is ahead of this machine's.
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
        self.products = set(PRODUCTS)
        self.clock_offset = timedelta()
        self.lock = threading.RLock()
        self.rng = random.Random(seed)
        self.order = order
        self._refusals: list[tuple[str, int, dict[str, str]]] = []
        self._tables = {
            name: Table(self, resource) for name, resource in RESOURCES.items()
        }
        self._keys = self["api_keys"]
        self._keys.extend(Row(key.record, key) for key in keys)

    def __getitem__(self, name: str) -> Table:
        """Return the rows of a stream."""
        return self._tables[name]

    def now(self) -> datetime:
        """Return the time by Partoo's clock, in UTC."""
        return datetime.now(UTC) + self.clock_offset

    def fill(
        self, name: str, count: int, *, seed: int = 0, now: datetime | None = None
    ) -> None:
        """Add made-up rows to a stream, the same for the same account, seed and time.

        Args:
            name: The stream.
            count: How many.
            seed: The seed of the random values.
            now: When their history ends; by default now.
        """
        if name == "api_keys":
            keys = make_keys(count, seed=seed)
            self._keys.extend(Row(key.record, key) for key in keys)
        else:
            self[name].fill(count, seed=seed, now=now)

    # Rights

    def refuse(self, name: str, status: int = 403, /, **only: object) -> None:
        """Refuse the requests of a stream until they are allowed again.

        Args:
            name: The stream.
            status: The status of the response.
            only: Only requests with these parameters, such as `conversation_id=7`, or
                for one row, such as `id=3` of sections. By default the whole list.
        """
        if RESOURCES[name].embedded_in:
            message = f"{name} has no list of its own."
            raise ValueError(message)
        texts = {key: str(value) for key, value in only.items()}
        self._refusals.append((name, status, texts))

    def allow(self, name: str) -> None:
        """Allow the requests of a stream again."""
        self._refusals = [each for each in self._refusals if each[0] != name]

    def refusal(
        self, name: str, query: Mapping[str, str], *, detail: Mapping[str, str]
    ) -> int | None:
        """Return the status by which a request is refused, if it is.

        Args:
            name: The stream.
            query: The parameters.
            detail: For a request for one row, what names it.
        """
        product = RESOURCES[name].product
        if product and product not in self.products:
            return 403
        given = {**query, **detail}
        for refused, status, only in self._refusals:
            fits = refused == name and only.items() <= given.items()
            if fits and (only or not detail):
                return status
        return None

    # API keys

    def create(self, **fields: Any) -> Record:
        """Add a key created now, with these fields; return its record."""
        return self.record(self._keys.add(**fields)["id"])

    def insert(self, record: Record, index: int | None = None) -> None:
        """Add the record of a key as it is, of any shape, at this place of the list.

        Without an index it goes where a new key goes.
        """
        self._keys.insert(record, index)

    def revoke(self, key_id: int) -> Record:
        """Disable a key, now."""
        return self.edit(key_id, **revocation(self.now()))

    def touch(self, key_id: int) -> Record:
        """Use a key, now."""
        return self.edit(key_id, last_used_at=spell(self.now()))

    def edit(self, key_id: int, /, **fields: Any) -> Record:
        """Change only these fields of a key: an edit has no timestamp."""
        with self.lock:
            self._keys.edit(key_id, **fields)
            return self.record(key_id)

    def delete(self, key_id: int) -> None:
        """Remove a key, as happens to the keys of a user who is deleted."""
        self._keys.delete(key_id)

    def record(self, key_id: int, *, include_all_permissions: bool = False) -> Record:
        """Return one key as the API does; `KeyError` when there is none."""
        with self.lock:
            row = self._keys.find(key_id)
            view = None if include_all_permissions else NARROWED
            record: Record = json.loads(row.json(view))
            return record

    def records(self) -> list[Record]:
        """Return copies of all keys as the API does by default, in its order."""
        with self.lock:
            return [json.loads(row.json(NARROWED)) for row in self._keys]

    # Reviews

    def edit_review(self, review_id: int, /, **fields: Any) -> Record:
        """Change a review as its author does: `update_date` becomes now."""
        return edit_review(self, review_id, **fields)

    def reply(self, review_id: int, content: str = "Merci !") -> Record:
        """Reply to a review, which is then treated: `update_date` does not change."""
        return reply(self, review_id, content)

    def mark_deleted(self, review_id: int) -> Record:
        """Delete a review on its platform: `update_date` does not change."""
        return mark_deleted(self, review_id)
