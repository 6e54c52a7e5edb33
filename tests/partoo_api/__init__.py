"""A stand-in of Partoo's API: an account, its contract and its misbehaviour."""

from __future__ import annotations

from . import faults
from .account import Account
from .data import Key, make_keys
from .faults import Fault
from .log import LoggedRequest
from .server import StandIn
from .wire import Answer, Wire

__all__ = [
    "Account",
    "Answer",
    "Fault",
    "Key",
    "LoggedRequest",
    "StandIn",
    "Wire",
    "faults",
    "make_keys",
]
