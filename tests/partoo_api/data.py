"""Made-up API keys with the variety of a real account."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

ROLES = (
    "PROVIDER",
    "ORG_ADMIN",
    "ORG_MANAGER",
    "GROUP_MANAGER",
    "BUSINESS_MANAGER",
    "PUBLISHER",
)
# The documentation names a handful; accounts have more than a hundred.
PERMISSIONS = (
    "business_edit",
    "business_edit_name",
    "business_edit_categories",
    "business_edit_open_hours",
    "review_read",
    *(f"business_edit_custom_field_{number:03}" for number in range(160)),
)
_PEOPLE = (
    "Perceval de Galles",
    "John Smith",
    "Zoë Müller-Lüdenscheidt",
    "Renée Crêpe-Suzette",
    "Łukasz Żółć",
    "田中 太郎",
    "Ольга Иванова",
    "Seán O'Brien 🚀",
)
_WHITELISTS: tuple[tuple[str, ...], ...] = (
    (),
    ("172.16.0.0/12", "127.0.0.1"),
    ("203.0.113.7",),
    ("2001:db8::/32",),
)
_LABELS = ("API key name", "Données magasin", 'Reporting "BI"', "店舗データ", "Sync")
_FIRST_DAY = datetime(2018, 1, 1, tzinfo=UTC)
_LAST_DAY = datetime(2025, 6, 30, tzinfo=UTC)
_FAR_AWAY = date(2090, 1, 1)


@dataclass
class Key:
    """An API key of the account.

    Attributes:
        record: The public record, with the full stored list of permissions.
        secret: The key itself; never answered, but matched by `search_text`.
        user_permissions: What the key's user may do; the other permissions of the
            record are only answered with `include_all_permissions`.
    """

    record: dict[str, Any]
    secret: str
    user_permissions: frozenset[str]


def spell(moment: datetime) -> str:
    """Write a UTC time as Partoo does: `2018-03-12 11:49:03.399475+00`.

    Trailing zeros of the fraction are left out, as PostgreSQL does.
    """
    text = moment.isoformat(" ").removesuffix("+00:00")
    return f"{text.rstrip('0') if moment.microsecond else text}+00"


def make_keys(count: int, *, seed: int = 0, start_id: int = 3245) -> list[Key]:
    """Make `count` keys, the same ones for the same arguments.

    Ids and creation times ascend; some ids are skipped. What is rare in an account
    comes round at fixed places, so that a few dozen keys already have all of it.
    """
    rng = random.Random(seed)
    step = (_LAST_DAY - _FIRST_DAY) / max(count, 1)
    keys: list[Key] = []
    key_id = start_id
    for index in range(count):
        created = _FIRST_DAY + step * (index + rng.random())
        keys.append(_make_key(rng, index, key_id, created))
        key_id += 1 if rng.random() < 0.8 else rng.randrange(2, 40)
    return keys


def _make_key(rng: random.Random, index: int, key_id: int, created: datetime) -> Key:
    bot = index % 4 == 0
    role = ROLES[index % len(ROLES)]
    creator = rng.randrange(len(_PEOPLE))
    record: dict[str, Any] = {
        "id": key_id,
        "label": f"{rng.choice(_LABELS)} {index}",
        "description": None if index % 3 == 0 else f"Key for the “{role}” team.",
        "user_id": _user_id(rng.randrange(1000)),
        "user_name": None if bot else rng.choice(_PEOPLE),
        "user_role": role,
        "user_type": "bot" if bot else "user",
        "disabled": False,
        "expiration_date": _expiration_date(rng, index, created),
        "last_used_at": None if index % 7 == 2 else spell(_later(rng, created)),
        "created_by": _user_id(creator),
        "created_by_name": _PEOPLE[creator],
        "created_at": spell(_coarse(rng, created)),
        "revoked_by": None,
        "revoked_by_name": None,
        "revoked_at": None,
        "ip_whitelist": list(rng.choice(_WHITELISTS)),
        "has_restricted_permissions": index % 2 == 1,
        "permissions": _permissions(rng, index),
    }
    if index % 5 == 3:
        record |= revocation(_later(rng, created))
    return Key(record, f"{rng.getrandbits(160):040x}", _user_permissions(role))


def revocation(moment: datetime) -> dict[str, Any]:
    """Give the fields that a revoked key has."""
    return {
        "disabled": True,
        "revoked_by": _user_id(1),
        "revoked_by_name": _PEOPLE[1],
        "revoked_at": spell(moment),
    }


def _user_id(number: int) -> str:
    return f"5309c3a237bbc544d8e2{number:04x}"


def _coarse(rng: random.Random, moment: datetime) -> datetime:
    """Keep 0 to 6 digits of the fraction of the second."""
    unit = 10 ** rng.randrange(7)
    return moment.replace(microsecond=moment.microsecond // unit * unit)


def _later(rng: random.Random, moment: datetime) -> datetime:
    return _coarse(rng, moment + (_LAST_DAY - moment) * rng.random())


def _expiration_date(rng: random.Random, index: int, created: datetime) -> str | None:
    if index % 6 == 1:
        return (_FAR_AWAY + timedelta(days=rng.randrange(1000))).isoformat()
    if index % 6 == 4:
        return _later(rng, created).date().isoformat()
    return None


def _permissions(rng: random.Random, index: int) -> list[str] | None:
    if index % 150 == 1:
        return list(PERMISSIONS)
    if index % 2 == 1:
        return list(PERMISSIONS[: rng.randrange(1, 12)])
    return None if index % 10 == 0 else []


_SOME_PERMISSIONS = frozenset(PERMISSIONS[::2])
_ALL_PERMISSIONS = frozenset(PERMISSIONS)


def _user_permissions(role: str) -> frozenset[str]:
    administrator = role in {"PROVIDER", "ORG_ADMIN"}
    return _ALL_PERMISSIONS if administrator else _SOME_PERMISSIONS
