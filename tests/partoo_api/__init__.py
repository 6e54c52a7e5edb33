"""A stand-in for Partoo's API: an account, its contract and its faults."""

from __future__ import annotations

from . import faults
from .account import Account
from .data import Key, make_keys
from .faults import Fault
from .habits import Habits
from .log import LoggedRequest
from .resource import Resource
from .resources import RESOURCES
from .server import StandIn
from .whole import whole_account
from .wire import Response, Wire

__all__ = [
    "RESOURCES",
    "Account",
    "Fault",
    "Habits",
    "Key",
    "LoggedRequest",
    "Resource",
    "Response",
    "StandIn",
    "Wire",
    "faults",
    "make_keys",
    "whole_account",
]
