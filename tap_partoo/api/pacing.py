"""When the next request may be sent: one limit and one pause for the whole tap."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from types import TracebackType

WINDOW_SECONDS = 60.0
ANNOUNCED_SECONDS = 3.0
"""Waits longer than this are logged, so that the terminal is not silent for long."""


@dataclass(frozen=True)
class Counts:
    """What has been counted so far."""

    requests: int
    retries: int
    waited_seconds: float

    def minus(self, earlier: Counts) -> Counts:
        """Return what has been counted since."""
        return Counts(
            self.requests - earlier.requests,
            self.retries - earlier.retries,
            self.waited_seconds - earlier.waited_seconds,
        )


class Pacer:
    """Limits the number of requests in any 60 seconds; a context manager.

    A sliding window: short runs are not slowed down, and long ones are not refused. A
    request counts from before it is sent until 60 seconds after its response, so that
    the limit also holds by the server's count, however long a request takes. Partoo
    allows 300 requests per minute and organisation:
    https://developers.partoo.co/guides/api/getting-started/rate-limits
    """

    def __init__(self, requests_per_minute: int, logger: logging.Logger) -> None:
        """Start with an empty window.

        Args:
            requests_per_minute: Maximum number of requests in any 60 seconds.
            logger: Logs long waits.
        """
        self.requests = 0
        self.retries = 0
        self.waited_seconds = 0.0
        self.requests_per_minute = self._limit = requests_per_minute
        self._logger = logger
        self._under_way = 0
        self._waiting = 0
        self._waiting_since = 0.0
        self._responded: deque[float] = deque()
        self._not_before = 0.0
        self._announced_until = 0.0
        self._changed = threading.Condition()

    def counts(self) -> Counts:
        """Return what has been counted so far."""
        return Counts(self.requests, self.retries, self.waited_seconds)

    def note_retry(self, seconds: float, *, for_all: bool) -> None:
        """Count a retry.

        Args:
            seconds: How long the request waits from now on.
            for_all: Whether all other requests wait as well, because Partoo asked for
                the wait.
        """
        with self._changed:
            self.retries += 1
            self.waited_seconds += seconds
            if for_all:
                self._not_before = max(self._not_before, time.monotonic() + seconds)

    def __enter__(self) -> None:
        """Wait until a request may be sent."""
        with self._changed:
            while (wait := self._wait_seconds(time.monotonic())) > 0:
                if not self._waiting:  # threads that wait together count once
                    self._waiting_since = time.monotonic()
                self._waiting += 1
                self._changed.wait(wait)
                self._waiting -= 1
                if not self._waiting:
                    self.waited_seconds += time.monotonic() - self._waiting_since
            self._under_way += 1
            self.requests += 1

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        """Count the response, successful or not."""
        with self._changed:
            self._under_way -= 1
            self._responded.append(time.monotonic())
            self._changed.notify()

    def _wait_seconds(self, now: float) -> float:
        while self._responded and now - self._responded[0] > WINDOW_SECONDS:
            self._responded.popleft()
        pause = self._not_before - now
        if self._under_way + len(self._responded) < self._limit:
            return pause
        oldest = self._responded[0] if self._responded else now
        limited = max(oldest + WINDOW_SECONDS - now, 0.001)
        if limited > ANNOUNCED_SECONDS and now > self._announced_until:
            self._announced_until = now + limited
            self._logger.info(
                "Waiting %.0f s: %d requests per minute are allowed",
                limited,
                self._limit,
            )
        return max(limited, pause)
