"""What may stand between the tap and the API: TLS, and a proxy."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from types import TracebackType


class _Server(ABC, ThreadingTCPServer):
    """A server on a free port of 127.0.0.1, while its `with` block lasts."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections = 0
        self.thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def port(self) -> int:
        """The port."""
        port: int = self.socket.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        """Listen."""
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self.shutdown()
        self.thread.join()
        self.server_close()

    @abstractmethod
    def serve(self, connection: socket.socket) -> None:
        """Serve one connection; it is closed afterwards."""


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.connections += 1
        # The client may break off at any time.
        with contextlib.suppress(OSError):
            self.server.serve(self.connection)


class TlsRelay(_Server):
    """Adds TLS to a server that has none.

    Args:
        url: The address of that server.
        context: Has the certificate to show.
        drops: How many connections are first closed at once.

    Attributes:
        url: The same address, behind TLS.
        connections: How many connections were made, successful or not.
    """

    def __init__(self, url: str, context: ssl.SSLContext, drops: int = 0) -> None:
        """Prepare; it listens in its `with` block."""
        super().__init__()
        behind = urlsplit(url)
        self._target = (behind.hostname, behind.port)
        self._context = context
        self._drops = drops
        self.url = f"https://127.0.0.1:{self.port}{behind.path}"

    def serve(self, connection: socket.socket) -> None:
        if self.connections > self._drops:
            with (
                self._context.wrap_socket(connection, server_side=True) as client,
                socket.create_connection(self._target) as server,
            ):
                _relay(client, server)


class Proxy(_Server):
    """A proxy for `CONNECT`.

    Args:
        refusal: The status line to send instead of connecting.

    Attributes:
        url: Its address.
        heads: The requests that it received, one text per connection.
    """

    def __init__(self, refusal: str | None = None) -> None:
        """Prepare; it listens in its `with` block."""
        super().__init__()
        self.heads: list[str] = []
        self._refusal = refusal
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        self.heads.append(head.decode())
        if self._refusal:
            connection.sendall(f"HTTP/1.1 {self._refusal}\r\n\r\n".encode())
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as server:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(connection, server)


def _relay(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
