"""How a response is sent over the connection, properly or not."""

from __future__ import annotations

import asyncio
import http
import json
import socket
import struct
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal

from starlette import responses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Response:
    """One HTTP response.

    Attributes:
        status: The status code.
        body: Bytes and text as they are, anything else as JSON.
        headers: Without `Content-Length`. `Date` and a JSON `Content-Type` are added
            where they are not among them; None leaves one of these out.
        page: The number of the page it is, when it is a page of the list.
    """

    status: int
    body: Any = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    page: int | None = None

    def content(self) -> bytes:
        """Return the body as it is sent."""
        if isinstance(self.body, bytes):
            return self.body
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()

    def all_headers(self) -> dict[str, str]:
        """Return the headers as they are sent, without `Content-Length`."""
        headers = {
            "Date": formatdate(usegmt=True),
            "Content-Type": "application/json",
            **self.headers,
        }
        return {name: value for name, value in headers.items() if value is not None}


@dataclass(frozen=True)
class Wire:
    """What is sent instead of a response; the connection ends after it.

    Attributes:
        parts: Bytes to send and, in between, seconds of silence.
        end: Whether the connection is closed properly or reset.
    """

    parts: tuple[bytes | float, ...] = ()
    end: Literal["close", "reset"] = "close"


def head(response: Response, **headers: str) -> bytes:
    """Return the status line and the headers of a response, with further headers."""
    fields = response.all_headers() | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    status = http.HTTPStatus(response.status)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def send_reply(
    reply: Response | Wire, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a response as HTTP requires, or anything else as it is."""
    if isinstance(reply, Wire):
        await _send_raw(reply, receive, send)
        return
    response = responses.Response(reply.content(), reply.status, reply.all_headers())
    await response(scope, receive, send)


async def _send_raw(wire: Wire, receive: Receive, send: Send) -> None:
    # uvicorn passes a method of the object that holds the connection. Written to
    # directly, it knows no response: close it and wait until it notices, or it would
    # send a 500. The type of `send` does not show that it is such a method.
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    for part in wire.parts:
        if transport.is_closing():  # the client has given up
            break
        if isinstance(part, bytes):
            transport.write(part)
        else:
            await asyncio.sleep(part)
    if wire.end == "reset" and not transport.is_closing():
        # Closing without lingering sends RST rather than FIN.
        linger = struct.pack("ii", 1, 0)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
