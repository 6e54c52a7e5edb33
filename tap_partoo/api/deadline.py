"""Limits the time of a whole response, whose parts may each come in time."""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    import socket

    from typing_extensions import Buffer

TIMEOUTS = 5
"""A response must be complete within this many times `request_timeout`, which limits
each of its parts. A page of Partoo has about 100 kB."""


class TooSlowError(OSError):
    """A response took too long in total.

    Not a `TimeoutError`: urllib3 would report it as if no data came.
    """

    def __init__(self, seconds: float) -> None:
        """Remember the limit.

        Args:
            seconds: How long the response was allowed to take.
        """
        super().__init__(f"not complete after {seconds:.0f} s")
        self.seconds = seconds


class LimitedResponse(HTTPResponse):
    """A response that must be complete within a time limit."""

    @override
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout = sock.gettimeout()
        if timeout and isinstance(self.fp, io.BufferedReader):
            self.fp = io.BufferedReader(_Limited(self.fp.detach(), TIMEOUTS * timeout))


class _Limited(io.RawIOBase):
    """Reads from a socket until the time is up."""

    def __init__(self, raw: io.RawIOBase, seconds: float) -> None:
        self._raw = raw
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    @override
    def readable(self) -> bool:
        return True

    @override
    def fileno(self) -> int:
        return self._raw.fileno()

    @override
    def readinto(self, buffer: Buffer) -> int | None:
        if time.monotonic() > self._end:
            raise TooSlowError(self._seconds)
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()
