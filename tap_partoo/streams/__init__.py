"""The streams, in the order of the README."""

from __future__ import annotations

from tap_partoo.streams.api_keys import ApiKeys

__all__ = ["ApiKeys"]
