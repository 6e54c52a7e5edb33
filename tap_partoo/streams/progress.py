"""How far a long run is, and about how long it will still take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from tap_partoo.api.pacing import Pacer
    from tap_partoo.reading.reader import Reader

PROGRESS_SECONDS = 5.0
LONG_SECONDS = 90
"""Longer durations are shown in minutes."""


class Progress:
    """Logs the progress of one run every few seconds."""

    def __init__(self, name: str, pacer: Pacer, logger: logging.Logger) -> None:
        """Start the clock.

        Args:
            name: The name of the stream.
            pacer: Knows the limit of requests per minute.
            logger: Logs the progress.
        """
        self._name = name
        self._pacer = pacer
        self._logger = logger
        self._began = self._reported = time.monotonic()

    def report(self, reader: Reader) -> None:
        """Log the share of pages or queries that is done, if it is time."""
        now = time.monotonic()
        if now - self._reported <= PROGRESS_SECONDS:
            return
        self._reported = now
        done, total = reader.progress()
        if not total:
            text = "total not known"
        else:
            rest = max(total - done, 0)
            by_pace = (now - self._began) * rest / max(done, 1)
            by_limit = rest * 60 / self._pacer.requests_per_minute
            share = 100 * done // max(total, 1)
            text = f"{share} %, about {_duration(max(by_pace, by_limit))} left"
        self._logger.info(
            "%s: %s; %d pages, %d records read",
            self._name,
            text,
            reader.pages,
            reader.read,
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < LONG_SECONDS else f"{seconds / 60:.0f} min"
