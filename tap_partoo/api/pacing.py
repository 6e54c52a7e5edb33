"""When the next request may be sent: one limit and one pause for the whole tap."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
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
    """What the requests for some streams have cost."""

    requests: int
    retries: int
    waited_seconds: float


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
        self._requests: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._waited_seconds = 0.0
        self.requests_per_minute = self._limit = requests_per_minute
        self._logger = logger
        self._under_way = 0
        self._waiting = 0
        self._waiting_since = 0.0
        self._responded: deque[float] = deque()
        self._not_before = 0.0
        self._announced_until = 0.0
        self._changed = threading.Condition()

    def take_counts(self, *names: str) -> Counts:
        """Return what has been counted for these streams since the previous call.

        The time is that of all streams, because they wait together.
        """
        with self._changed:
            counts = Counts(
                sum(self._requests.pop(name, 0) for name in names),
                sum(self._retries.pop(name, 0) for name in names),
                self._waited_seconds,
            )
            self._waited_seconds = 0.0
            return counts

    def note_request(self, name: str) -> None:
        """Count a request of a stream."""
        with self._changed:
            self._requests[name] += 1

    def note_retry(self, name: str, seconds: float, *, for_all: bool) -> None:
        """Count a retry.

        Args:
            name: The stream.
            seconds: How long the request waits from now on.
            for_all: Whether all other requests wait as well, because Partoo asked for
                the wait.
        """
        with self._changed:
            self._retries[name] += 1
            self._waited_seconds += seconds
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
                    self._waited_seconds += time.monotonic() - self._waiting_since
            self._under_way += 1

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
