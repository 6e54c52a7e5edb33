"""The HTTP server of the stand-in, and its rate limit."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    import threading


class RateLimit:
    """Limits the requests in any window of time; refused ones do not count."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        """Start with an empty window."""
        self._window_seconds = window_seconds
        self._passed: deque[float] = deque(maxlen=limit)

    def wait_seconds(self, now: float) -> float:
        """Accept a request and return 0, or return the time until one is accepted."""
        if len(self._passed) == self._passed.maxlen:
            wait = self._passed[0] + self._window_seconds - now
            if wait > 0:
                return wait
        self._passed.append(now)
        return 0


class Server(uvicorn.Server):
    """uvicorn without its polling: tests start and stop hundreds of servers."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        """Set `ready` once it listens."""
        super().__init__(config)
        self.stop = asyncio.Event()
        self._ready = ready

    async def main_loop(self) -> None:
        self._ready.set()
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        for listener in sockets or []:
            loop.remove_reader(listener)
        # What was just accepted needs some turns and a server to become known.
        for _ in range(5):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the aborted transports close their sockets
