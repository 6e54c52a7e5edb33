"""API keys: https://developers.partoo.co/api-reference/apikeys/list-user-api-keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.data import PERMISSIONS, Key, spell
from tests.partoo_api.parameters import one_of
from tests.partoo_api.resource import Detail, Parameter, Resource, Values
from tests.partoo_api.row import Record, Row, View

if TYPE_CHECKING:
    from tests.partoo_api.account import Account
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.scene import Scene


def make_key(scene: Scene, _: int) -> Record:
    """Make a key that is created now: `make_keys` makes those with a history."""
    return {
        "id": scene.id,
        "label": f"New key {scene.id}",
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
        "created_at": spell(scene.now),
        "revoked_by": None,
        "revoked_by_name": None,
        "revoked_at": None,
        "ip_whitelist": [],
        "has_restricted_permissions": False,
        "permissions": [],
    }


def hidden_part(scene: Scene) -> Key:
    """Return a key without restrictions its secret."""
    return Key({}, f"{scene.rng.getrandbits(160):040x}", frozenset(PERMISSIONS))


def narrowed(row: Row) -> Record:
    """Leave out permissions that the key's user lacks."""
    stored = row.record.get("permissions")
    if not isinstance(stored, list):
        return row.record
    assert row.hidden
    allowed = row.hidden.user_permissions
    return row.record | {"permissions": [p for p in stored if p in allowed]}


NARROWED = View("narrowed", narrowed)


def view(_: Account, values: Values, __: Habits) -> View | None:
    """Return all stored permissions only on request."""
    return None if values.get("include_all_permissions") is True else NARROWED


def _found(row: Row, text: str) -> bool:
    assert row.hidden
    texts = (str(row.record.get("label") or ""), row.hidden.secret)
    return any(text.casefold() in each.casefold() for each in texts)


def _with_today(account: Account, status: str) -> tuple[str, str]:
    return status, account.now().date().isoformat()


def _has_status(row: Row, wanted: tuple[str, str]) -> bool:
    """Derive the status of a key, which has no field of its own.

    A new key must expire tomorrow at the earliest, so a key is taken as expired when
    its date is reached.
    """
    status, today = wanted
    date = row.record.get("expiration_date")
    expired = isinstance(date, str) and date <= today
    disabled = bool(row.record.get("disabled"))
    statuses: dict[str, Any] = {
        "active": not (disabled or expired),
        "inactive": disabled or expired,
        "disabled": disabled,
        "expired": expired,
    }
    return bool(statuses[status])


API_KEYS = Resource(
    "api_keys",
    "/api_keys",
    "api_keys",
    ("id",),
    make_key,
    parameters={
        "status": Parameter(
            one_of("active", "inactive", "disabled", "expired"),
            _has_status,
            resolve=_with_today,
        ),
        "type": Parameter(
            one_of("bot", "user"), lambda row, t: row.record.get("user_type") == t
        ),
        "search_text": Parameter(str, _found),
        "include_all_permissions": Parameter(
            lambda text: one_of("true", "false")(text) == "true"
        ),
    },
    view=view,
    detail=Detail("id", view, ("include_all_permissions",)),
    hidden=hidden_part,
)
