"""The views of docs/views, on tables that the tap has loaded."""

from __future__ import annotations

from .account import NOW
from .files import FILES, TABLES, show, statements
from .samples import PAGE, page
from .warehouse import Warehouse, warehouse

__all__ = [
    "FILES",
    "NOW",
    "PAGE",
    "TABLES",
    "Warehouse",
    "page",
    "show",
    "statements",
    "warehouse",
]
