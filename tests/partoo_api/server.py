"""The stand-in: a real HTTP server in a thread of the test's process."""

from __future__ import annotations

import asyncio
import math
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal, Self

import uvicorn
from starlette.requests import Request

from . import contract, refusals
from .due import Faults, Number
from .faults import Exchange
from .habits import Habits
from .http_server import RateLimit, Server
from .log import LoggedRequest
from .paging import Numbering, PastEnd
from .resources import RESOURCES
from .wire import Response, Wire, send_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from starlette.types import Receive, Scope, Send

    from .account import Account
    from .resource import Resource

PREFIX = "/v2"
_REVOKE_PATH = re.compile(r"/api_keys/revoke/([0-9]{1,18})")
_LISTS = {
    resource.path: resource
    for resource in RESOURCES.values()
    if not resource.embedded_in
}


class StandIn:
    """Partoo's API for one account, while its `with` block lasts.

    Example:
        with StandIn(Account(make_keys(287))) as api:
            requests.get(f"{api.url}/api_keys", headers={"x-APIKey": "demo-key"})

    Args:
        account: The account whose rows it serves.
        first_page: See `Numbering`, as for the next three.
        max_page_counts_pages: See `Numbering`.
        empty_max_page: See `Numbering`.
        past_end: See `Numbering`.
        requests_per_minute: More requests in a window are refused with 429.
        window_seconds: The length of that window, a minute; less for fast tests.
        latency_seconds: The time that each response takes; concurrent ones overlap.
        counting_seconds: Extra time for a response if no page is requested. By
            default enough that the tap, with more than one worker, fetches ahead.
        port: The port on 127.0.0.1; 0 takes a free one.
        habits: What the documentation leaves open, see `Habits`.
        clock_offset: How far Partoo's clock is ahead of this machine's.

    Attributes:
        url: The base URL, such as "http://127.0.0.1:4711/v2".
        account: The account, to be changed at any time.
        requests: Every request so far, in order of arrival.
        faults: What will go wrong.
        before_response: Called before the response to a `GET /api_keys`, with the
            number of that request (the first is 1) and its query.
        before_list: Called before the response with any list, with the request and its
            number among those of its path.
        habits: May be changed at any time.
    """

    def __init__(  # noqa: PLR0913 - APIs differ in many ways
        self,
        account: Account,
        *,
        first_page: Literal[0, 1] = 1,
        max_page_counts_pages: bool = False,
        empty_max_page: Literal[0, 1] = 1,
        past_end: PastEnd = "empty",
        requests_per_minute: int | None = None,
        window_seconds: float = 60.0,
        latency_seconds: float = 0.0,
        counting_seconds: float = 0.03,
        port: int = 0,
        habits: Habits | None = None,
        clock_offset: timedelta = timedelta(),
    ) -> None:
        """Prepare; it listens in its `with` block."""
        self.account = account
        self.requests: list[LoggedRequest] = []
        self.faults = Faults()
        self.before_response: Callable[[int, Mapping[str, str]], None] | None = None
        self.before_list: Callable[[LoggedRequest, int], None] | None = None
        self.habits = habits or Habits()
        if clock_offset:
            account.clock_offset = clock_offset
        self._numbering = Numbering(
            first_page, max_page_counts_pages, empty_max_page, past_end
        )
        self._rate_limit = (
            RateLimit(requests_per_minute, window_seconds)
            if requests_per_minute
            else None
        )
        self._latency_seconds = latency_seconds
        self._counting_seconds = counting_seconds
        self._port = port
        self._lists = 0
        self._numbers: Counter[str] = Counter()
        self._own_errors: list[Exception] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        # asyncio sends without delay only where the protocol is named.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self._port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{PREFIX}"
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Break off every connection; raise what went wrong in the stand-in itself."""
        self._loop.call_soon_threadsafe(self._server.stop.set)
        self._thread.join()
        if self._own_errors and error is None:
            raise self._own_errors[0]

    @property
    def clock_offset(self) -> timedelta:
        """How far Partoo's clock is ahead: the account's, and the header `Date`."""
        return self.account.clock_offset

    @clock_offset.setter
    def clock_offset(self, offset: timedelta) -> None:
        self.account.clock_offset = offset

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            self._handle_request,
            interface="asgi3",
            proxy_headers=False,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,  # a response has its own
        )
        self._server = Server(config, self._ready)
        await self._server.serve([self._socket])

    async def _handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        logged = LoggedRequest(
            time.monotonic(),
            request.method,
            scope["path"],
            dict(request.query_params),
            dict(request.headers),
        )
        self.requests.append(logged)
        try:
            reply = await self._reply(request, logged)
            if isinstance(reply, Response):
                logged.status = reply.status
            await send_reply(reply, scope, receive, send)
        except Exception as error:
            self._own_errors.append(error)
            raise

    async def _reply(self, request: Request, logged: LoggedRequest) -> Response | Wire:
        path = logged.path.removeprefix(PREFIX)
        resource = _LISTS.get(path) if logged.method == "GET" else None
        number = self._count(path, listing=resource is not None)
        refusal = self._refusal(logged)
        body = await request.body() if logged.method == "POST" else b""
        wait = self._latency_seconds
        if resource and _counts(resource, logged):
            wait += self._counting_seconds
        if wait:
            await asyncio.sleep(wait)
        if resource:
            self._call_before(resource, number, logged)
        query = logged.query
        right = refusal or self._respond(logged.method, path, query, body)
        fault = self.faults.take(path, number, right.page, query)
        if callable(fault):

            def ask(other: dict[str, str]) -> Response:
                return self._dated(self._respond(logged.method, path, other, body))

            now = self.account.now()
            fault = fault(Exchange(logged, self._dated(right), ask, now))
        reply = fault or right
        return self._dated(reply) if isinstance(reply, Response) else reply

    def _count(self, path: str, *, listing: bool) -> Number:
        """Return the number of a request, of its path and of all lists."""
        self._numbers[path] += 1
        self._lists += listing
        return Number(self._numbers[path], self._lists if listing else None)

    def _call_before(
        self, resource: Resource, number: Number, logged: LoggedRequest
    ) -> None:
        if self.before_response and resource.name == "api_keys":
            self.before_response(number.of_path, logged.query)
        if self.before_list:
            self.before_list(logged, number.of_path)

    def _respond(
        self, method: str, path: str, query: dict[str, str], body: bytes
    ) -> Response:
        if method == "POST":
            return self._respond_to_post(path, body)
        if method != "GET":
            return refusals.not_found()
        if resource := _LISTS.get(path):
            return contract.list_rows(
                self.account, resource, self._numbering, self.habits, query
            )
        parent, _, key = path.rpartition("/")
        if resource := _LISTS.get(parent):
            return contract.get_row(self.account, resource, self.habits, key, query)
        return refusals.not_found()

    def _respond_to_post(self, path: str, body: bytes) -> Response:
        if path == "/api_keys":
            return contract.create_key(self.account, body)
        if match := _REVOKE_PATH.fullmatch(path):
            return contract.revoke_key(self.account, int(match[1]))
        return refusals.not_found()

    def _dated(self, response: Response) -> Response:
        """Add the time by Partoo's clock to the response."""
        date = format_datetime(self.account.now(), usegmt=True)
        return replace(response, headers={"Date": date, **response.headers})

    def _refusal(self, logged: LoggedRequest) -> Response | None:
        api_key = logged.headers.get("x-apikey")
        if api_key == self.account.api_key_without_rights:
            return refusals.forbidden()
        if api_key != self.account.api_key:
            return refusals.unauthenticated()
        if self._rate_limit and (wait := self._rate_limit.wait_seconds(logged.at)):
            return Response(429, headers={"Retry-After": str(math.ceil(wait))})
        return None


def _counts(resource: Resource, logged: LoggedRequest) -> bool:
    """Return whether a response takes the time to count a list."""
    return resource.pages.kind == "numbered" and "page" not in logged.query
