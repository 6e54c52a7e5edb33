"""A stand-in of Partoo's API: an account, its contract and its misbehaviour."""

from __future__ import annotations

from .account import Account
from .contract import Answer, Paging
from .data import Key, make_keys
from .server import LoggedRequest, StandIn

__all__ = [
    "Account",
    "Answer",
    "Key",
    "LoggedRequest",
    "Paging",
    "StandIn",
    "make_keys",
]
