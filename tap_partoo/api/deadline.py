"""Ends a response that trickles: each of its parts comes in time, and it never ends."""

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
"""A response must be complete within so many times `request_timeout`, which is for each
of its parts. A page of Partoo has some 100 kB."""


class TooSlowError(OSError):
    """A response took longer than it may in all.

    Not a `TimeoutError`, which urllib3 would report as silence.
    """

    def __init__(self, seconds: float) -> None:
        """Remember the limit.

        Args:
            seconds: How long the response might have taken.
        """
        super().__init__(f"not complete after {seconds:.0f} s")
        self.seconds = seconds


class LimitedResponse(HTTPResponse):
    """A response that must be complete some time after its request was sent."""

    @override
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout = sock.gettimeout()
        if timeout and isinstance(self.fp, io.BufferedReader):
            self.fp = io.BufferedReader(_Limited(self.fp.detach(), TIMEOUTS * timeout))


class _Limited(io.RawIOBase):
    """What comes from a socket, until its time is up."""

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
