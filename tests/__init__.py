"""The tests, with a stand-in of the API and the benchmark."""

from __future__ import annotations
