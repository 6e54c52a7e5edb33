"""What the views of API keys say, computed without SQL."""

from __future__ import annotations

import ipaddress
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.views.expected.common import AT, TODAY, Row, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.partoo_api import Account


def works(key: Row) -> bool:
    last = key["expiration_date"]
    return not key["disabled"] and (last is None or date.fromisoformat(last) >= TODAY)


def wide_networks(key: Row) -> Iterator[tuple[int, str, bool]]:
    """The negated number of bits, the network, and whether a provider has as much."""
    for entry in filter(None, key["ip_whitelist"] or ()):
        try:
            network = ipaddress.ip_network(entry.strip(), strict=False)
        except ValueError:
            continue
        bits = network.max_prefixlen - network.prefixlen
        if network.num_addresses > (2**8 if network.version == 4 else 2**80):
            huge = bits >= (24 if network.version == 4 else 96)
            yield -bits, entry.strip(), huge


def findings(key: Row) -> Iterator[tuple[str, str, str]]:
    if key["disabled"]:
        day = utc(key["revoked_at"])
        on = f" on {day.date()}" if day else ""
        yield "revoked", "low", f"It was revoked{on} and is still in the list."
    if not works(key):
        return
    yield from _of_time(key)
    if networks := sorted(wide_networks(key)):
        severity = "high" if any(huge for *_, huge in networks) else "medium"
        ranges = ", ".join(
            f"{name} (2^{-bits} addresses)" for bits, name, _ in networks
        )
        why = f"It can be used from large networks: {ranges}."
        yield "wide_ip_whitelist", severity, why
    elif not key["ip_whitelist"]:
        yield "no_ip_whitelist", "high", "It can be used from any address."
    if not key["has_restricted_permissions"]:
        severity = "high" if key["user_role"] in {"PROVIDER", "ORG_ADMIN"} else "medium"
        why = "It may do all that the user who created it may do."
        yield "unrestricted_permissions", severity, why


def _of_time(key: Row) -> Iterator[tuple[str, str, str]]:
    last = key["expiration_date"]
    if last is None:
        yield "never_expires", "medium", "It has no expiration date."
    elif date.fromisoformat(last) - TODAY <= timedelta(days=30):
        why = f"It expires on {last}: what uses it stops then."
        yield "expires_soon", "medium", why
    used, created = utc(key["last_used_at"]), utc(key["created_at"])
    assert created
    if used is None:
        severity = "low" if AT - created <= timedelta(days=90) else "medium"
        why = f"It has never been used since its creation on {created.date()}."
        yield "never_used", severity, why
    elif AT - used > timedelta(days=90):
        days = (TODAY - used.date()).days
        why = f"It was last used on {used.date()}, {days} days ago."
        yield "idle", "medium", why


def owner_findings(account: Account, key: Row) -> Iterator[tuple[str, str, str]]:
    owners = {user["id"]: user for user in account["users"].rows()}
    if not works(key) or key["user_id"] is None:
        return
    if key["user_id"] not in owners:
        why = "Its owner is not among the users"
        if key["user_type"] == "bot":
            yield "owner_gone", "low", f"{why}, which Partoo may not list for bots."
        else:
            yield "owner_gone", "high", f"{why}."
    elif owners[key["user_id"]]["disabled"]:
        yield "owner_disabled", "high", "Its owner is disabled."


def with_key(key: Row, found: tuple[str, str, str]) -> Row:
    finding, severity, why = found
    return {
        "key_id": key["id"],
        **{name: key[name] for name in ("label", "user_id", "user_role", "user_type")},
        "finding": finding,
        "severity": severity,
        "why": why,
    }


def api_key_findings(account: Account) -> list[Row]:
    return [
        with_key(key, found) for key in account.records() for found in findings(key)
    ]


def api_key_owner_findings(account: Account) -> list[Row]:
    return [
        with_key(key, found)
        for key in account.records()
        for found in owner_findings(account, key)
    ]
