"""What can go wrong with a response, on demand.

A fault is an `Response` or `Wire` to send instead, or a function that makes one from
the exchange at hand.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from .wire import Response, Wire, head

if TYPE_CHECKING:
    from .log import LoggedRequest


@dataclass(frozen=True)
class Exchange:
    """A request that is about to get a wrong response.

    Attributes:
        request: The request.
        right: The right response.
        ask: Returns the right response to another query.
        now: The time by Partoo's clock.
    """

    request: LoggedRequest
    right: Response
    ask: Callable[[dict[str, str]], Response]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


Envelope = dict[str, Any]
Fault = Response | Wire | Callable[[Exchange], Response | Wire]


@dataclass(frozen=True)
class Rewrite:
    """A fault that changes the envelope, but not responses that are not a page.

    Attributes:
        change: Takes the right envelope, and returns what is sent as JSON instead.
    """

    change: Callable[[Envelope], Any]

    def __call__(self, exchange: Exchange) -> Response:
        """Make the response."""
        right = exchange.right
        if right.page is None:
            return right
        return Response(right.status, self.change(json.loads(right.content())))


def fields(**values: Any) -> Rewrite:
    """Set fields of the envelope, such as `fields(max_page=None)`."""
    return Rewrite(lambda envelope: envelope | values)


def without(name: str) -> Rewrite:
    """Leave a field out of the envelope."""
    return Rewrite(lambda envelope: {k: envelope[k] for k in envelope if k != name})


def change_list(change: Callable[[Any], Any]) -> Rewrite:
    """Change the list of the envelope, or the map, whatever its name."""
    return Rewrite(
        lambda envelope: {
            name: change(value) if isinstance(value, list | dict) else value
            for name, value in envelope.items()
        }
    )


def growing_max_page(by: int = 1) -> Rewrite:
    """Let `max_page` grow by this much with each response."""
    more = itertools.count(by, by)
    return Rewrite(
        lambda envelope: envelope | {"max_page": envelope["max_page"] + next(more)}
    )


def too_many_requests(
    retry_after: float | None = None, *, as_date: bool = False, date: bool = True
) -> Fault:
    """Return 429.

    Args:
        retry_after: The seconds to wait; None asks for no wait.
        as_date: Whether it is a date instead of seconds.
        date: Whether there is a `Date` header to compare it with.
    """

    def fault(exchange: Exchange) -> Response:
        headers = {} if date else {"Date": None}
        if retry_after is None:
            return Response(429, headers=headers)
        moment = formatdate(exchange.now.timestamp() + retry_after, usegmt=True)
        wait = moment if as_date else f"{retry_after:g}"
        return Response(429, headers=headers | {"Retry-After": wait})

    return fault


def redirect(url: str, status: int = 302) -> Response:
    """Redirect the client."""
    return Response(status, headers={"Location": url})


def html(status: int, title: str) -> Response:
    """Return a page for people, as proxies do."""
    body = f"<html><head><title>{title}</title></head><body>{title}</body></html>"
    return Response(status, body, {"Content-Type": "text/html"})


def echo(status: int = 400) -> Fault:
    """Repeat the request in the error, including the key."""

    def fault(exchange: Exchange) -> Response:
        request = exchange.request
        seen = {"headers": request.headers, "query": request.query}
        return Response(status, {"error": {"json": seen}})

    return fault


def stall(seconds: float) -> Fault:
    """Send nothing before the response for a while."""

    def fault(exchange: Exchange) -> Wire:
        first, second = _halves(exchange.right)
        return Wire((seconds, first + second))

    return fault


def stall_in_body(seconds: float) -> Fault:
    """Pause in the middle of the response."""

    def fault(exchange: Exchange) -> Wire:
        first, second = _halves(exchange.right)
        return Wire((first, seconds, second))

    return fault


def short_body(exchange: Exchange) -> Wire:
    """Close the connection in the middle of the body."""
    return Wire((_halves(exchange.right)[0],))


def cut_chunked(exchange: Exchange) -> Wire:
    """Close the connection before the last chunk of a chunked body."""
    content = exchange.right.content()
    half = content[: len(content) // 2]
    start = head(exchange.right, Transfer_Encoding="chunked")
    return Wire((start + b"%x\r\n%b\r\n" % (len(half), half),))


def truncated_json(exchange: Exchange) -> Response:
    """Leave out the second half of the body, and say so in `Content-Length`."""
    content = exchange.right.content()
    return Response(200, content[: len(content) // 2])


def bad_encoding(exchange: Exchange) -> Response:
    """Pretend that the body is compressed."""
    return Response(200, exchange.right.content(), {"Content-Encoding": "gzip"})


def invalid_utf8(exchange: Exchange) -> Response:
    """Put a byte that is not UTF-8 into each text."""
    content = exchange.right.content()
    return Response(200, content.replace(b'":"', b'":"\xff'))


def wrong_charset(exchange: Exchange) -> Response:
    """Declare a charset that JSON does not have; the body is right."""
    content_type = "application/json; charset=iso-8859-1"
    return Response(200, exchange.right.content(), {"Content-Type": content_type})


def first_page_always(exchange: Exchange) -> Response:
    """Ignore the requested page."""
    query = exchange.request.query
    others = {name: query[name] for name in query if name not in {"page", "cursor"}}
    return exchange.ask(others)


def _halves(response: Response) -> tuple[bytes, bytes]:
    content = response.content()
    middle = len(content) // 2
    start = head(response, Content_Length=str(len(content)), Connection="close")
    return start + content[:middle], content[middle:]


CLOSED = Wire()
RESET = Wire(end="reset")
LIST_MISSING = Rewrite(
    lambda envelope: {
        name: value
        for name, value in envelope.items()
        if not isinstance(value, list | dict)
    }
)
EMPTY_PAGE = change_list(lambda rows: type(rows)())

TRANSIENT: dict[str, Fault] = {
    "408": Response(408),
    "425": Response(425),
    "429": too_many_requests(),
    "429 with Retry-After 0": too_many_requests(0),
    "429 with a date": too_many_requests(0, as_date=True),
    "429 with a date but no Date": too_many_requests(0, as_date=True, date=False),
    "500": Response(500, {"errors": {"json": "Internal error"}}),
    "502": html(502, "502 Bad Gateway"),
    "503": Response(503, headers={"Content-Type": None}),
    "504": Response(504, {"error": "upstream request timeout"}),
    "reset": RESET,
    "closed": CLOSED,
    "short body": short_body,
    "cut chunked body": cut_chunked,
    "truncated JSON": truncated_json,
    "invalid JSON": Response(200, "{'page': 1}"),
    "HTML with 200": html(200, "Maintenance"),
    "empty body with 200": Response(200),
    "bad encoding": bad_encoding,
    "invalid UTF-8": invalid_utf8,
    "error with 200": Response(200, {"error": {"json": "Please try again"}}),
    "JSON array": Response(200, []),
    "JSON null": Response(200, None),
    "api_keys missing": LIST_MISSING,
    "api_keys null": change_list(lambda _: None),
    "api_keys not a list": change_list(lambda _: {"3245": {"id": 3245}}),
    **{
        f"{name} {problem}": fault
        for name in ("page", "max_page", "count")
        for problem, fault in (
            ("missing", without(name)),
            ("null", fields(**{name: None})),
            ("not a number", fields(**{name: "many"})),
        )
    },
}
"""Temporary faults: a client should retry."""

PERMANENT: dict[str, Fault] = {
    "400": Response(
        400, {"error": {"json": {"per_page": "Must be between 1 and 100."}}}
    ),
    "401": Response(401, {"error": {"authentication": "User not authenticated"}}),
    "403": Response(403, {"errors": {"authorization": "Operation not allowed"}}),
    "404": Response(404, {"errors": {"json": "Resource not found"}}),
    "418": Response(418, "I'm a teapot", {"Content-Type": "text/plain"}),
    "redirect 301": redirect("/v2/elsewhere", 301),
    "redirect 302": redirect("/v2/elsewhere", 302),
    "redirect 307": redirect("/v2/elsewhere", 307),
}
"""Permanent faults: a client should give up."""
