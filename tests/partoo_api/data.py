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
PEOPLE = (
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
_PACE = (1, 1, 1, 1, 1, 1, 2, 17)  # some ids are skipped
_FIRST_DAY = datetime(2018, 1, 1, tzinfo=UTC)
_SPAN = 2737 * 24 * 3600 * 1_000_000  # to the middle of 2025, in microseconds
_FAR_AWAY = date(2090, 1, 1)


@dataclass
class Key:
    """An API key of the account.

    Attributes:
        record: The public record, with the full stored list of permissions.
        secret: The key itself; never sent, but matched by `search_text`.
        user_permissions: What the key's user may do; the other permissions of the
            record are only sent with `include_all_permissions`.
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
    keys: list[Key] = []
    key_id = start_id
    for index in range(count):
        created = int(_SPAN * (index + rng.random()) / count)
        keys.append(_make_key(rng, index, key_id, created))
        key_id += _PACE[_below(rng, len(_PACE))]
    return keys


def _below(rng: random.Random, limit: int) -> int:
    # Several times as fast as `randrange`, which matters in large accounts.
    return int(rng.random() * limit)


def _make_key(rng: random.Random, index: int, key_id: int, created: int) -> Key:
    bot = index % 4 == 0
    role = ROLES[index % len(ROLES)]
    creator = _below(rng, len(PEOPLE))
    record: dict[str, Any] = {
        "id": key_id,
        "label": f"{_LABELS[_below(rng, len(_LABELS))]} {index}",
        "description": None if index % 3 == 0 else f"Key for the “{role}” team.",
        "user_id": None if index % 24 == 0 else _user_id(_below(rng, 1000)),
        "user_name": None if bot else PEOPLE[_below(rng, len(PEOPLE))],
        "user_role": role,
        "user_type": "bot" if bot else "user",
        "disabled": False,
        "expiration_date": _expiration_date(rng, index, created),
        "last_used_at": None if index % 7 == 2 else _spell(rng, _later(rng, created)),
        "created_by": _user_id(creator),
        "created_by_name": PEOPLE[creator],
        "created_at": _spell(rng, created),
        "revoked_by": None,
        "revoked_by_name": None,
        "revoked_at": None,
        "ip_whitelist": list(_WHITELISTS[_below(rng, len(_WHITELISTS))]),
        "has_restricted_permissions": index % 2 == 1,
        "permissions": _permissions(rng, index),
    }
    if index % 5 == 3:
        record |= revocation(_time(_later(rng, created)))
    return Key(record, f"{rng.getrandbits(160):040x}", _user_permissions(role))


def revocation(moment: datetime) -> dict[str, Any]:
    """Return the fields that a revoked key has."""
    return {
        "disabled": True,
        "revoked_by": _user_id(1),
        "revoked_by_name": PEOPLE[1],
        "revoked_at": spell(moment),
    }


def _user_id(number: int) -> str:
    return f"5309c3a237bbc544d8e2{number:04x}"


# Made-up moments are counted in microseconds from the first day.


def _later(rng: random.Random, moment: int) -> int:
    return moment + _below(rng, _SPAN - moment)


def _time(moment: int) -> datetime:
    return _FIRST_DAY + timedelta(microseconds=moment)


def _spell(rng: random.Random, moment: int) -> str:
    """Write a time with 0 to 6 digits of the fraction of its second."""
    unit = 10 ** _below(rng, 7)
    return spell(_time(moment // unit * unit))


def _expiration_date(rng: random.Random, index: int, created: int) -> str | None:
    if index % 6 == 1:
        return (_FAR_AWAY + timedelta(days=_below(rng, 1000))).isoformat()
    if index % 6 == 4:
        return _time(_later(rng, created)).date().isoformat()
    return None


def _permissions(rng: random.Random, index: int) -> list[str] | None:
    if index % 150 == 1:
        return list(PERMISSIONS)
    if index % 2 == 1:
        return list(PERMISSIONS[: 1 + _below(rng, 11)])
    return None if index % 10 == 0 else []


_SOME_PERMISSIONS = frozenset(PERMISSIONS[::2])
_ALL_PERMISSIONS = frozenset(PERMISSIONS)


def _user_permissions(role: str) -> frozenset[str]:
    administrator = role in {"PROVIDER", "ORG_ADMIN"}
    return _ALL_PERMISSIONS if administrator else _SOME_PERMISSIONS
