"""Singer tap for the Partoo API (https://developers.partoo.co)."""

from __future__ import annotations

__version__ = "0.1.0"
