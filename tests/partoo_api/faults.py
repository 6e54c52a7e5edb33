"""What can go wrong with an answer, on demand.

A fault is an `Answer` or `Wire` to send instead, or a function that makes one from
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

from .wire import Answer, Wire, head

if TYPE_CHECKING:
    from .log import LoggedRequest


@dataclass(frozen=True)
class Exchange:
    """A request that is about to be answered wrongly.

    Attributes:
        request: The request.
        right: The right answer.
        ask: Gives the right answer to another query.
        now: The time by Partoo's clock.
    """

    request: LoggedRequest
    right: Answer
    ask: Callable[[dict[str, str]], Answer]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


Envelope = dict[str, Any]
Fault = Answer | Wire | Callable[[Exchange], Answer | Wire]


@dataclass(frozen=True)
class Rewrite:
    """A fault that changes the envelope; answers that are no page it leaves alone.

    Attributes:
        change: Given the right envelope, gives what is sent as JSON instead.
    """

    change: Callable[[Envelope], Any]

    def __call__(self, exchange: Exchange) -> Answer:
        """Make the answer."""
        right = exchange.right
        if right.page is None:
            return right
        return Answer(right.status, self.change(json.loads(right.content())))


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
    """Let `max_page` run away, by this much more with each answer."""
    more = itertools.count(by, by)
    return Rewrite(
        lambda envelope: envelope | {"max_page": envelope["max_page"] + next(more)}
    )


def too_many_requests(
    retry_after: float | None = None, *, as_date: bool = False, date: bool = True
) -> Fault:
    """Answer 429.

    Args:
        retry_after: The seconds to wait that it asks for; None asks for nothing.
        as_date: Whether it names the moment rather than the seconds.
        date: Whether there is a `Date` header to compare that moment with.
    """

    def fault(exchange: Exchange) -> Answer:
        headers = {} if date else {"Date": None}
        if retry_after is None:
            return Answer(429, headers=headers)
        moment = formatdate(exchange.now.timestamp() + retry_after, usegmt=True)
        wait = moment if as_date else f"{retry_after:g}"
        return Answer(429, headers=headers | {"Retry-After": wait})

    return fault


def redirect(url: str, status: int = 302) -> Answer:
    """Send the client somewhere else."""
    return Answer(status, headers={"Location": url})


def html(status: int, title: str) -> Answer:
    """Answer a page for people, as proxies do."""
    body = f"<html><head><title>{title}</title></head><body>{title}</body></html>"
    return Answer(status, body, {"Content-Type": "text/html"})


def echo(status: int = 400) -> Fault:
    """Repeat the request in the error, the key with it."""

    def fault(exchange: Exchange) -> Answer:
        request = exchange.request
        seen = {"headers": request.headers, "query": request.query}
        return Answer(status, {"error": {"json": seen}})

    return fault


def stall(seconds: float) -> Fault:
    """Keep silent before the answer."""

    def fault(exchange: Exchange) -> Wire:
        first, second = _halves(exchange.right)
        return Wire((seconds, first + second))

    return fault


def stall_in_body(seconds: float) -> Fault:
    """Keep silent in the middle of the answer."""

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


def truncated_json(exchange: Exchange) -> Answer:
    """Leave out the second half of the body, and say so in `Content-Length`."""
    content = exchange.right.content()
    return Answer(200, content[: len(content) // 2])


def bad_encoding(exchange: Exchange) -> Answer:
    """Pretend that the body is compressed."""
    return Answer(200, exchange.right.content(), {"Content-Encoding": "gzip"})


def invalid_utf8(exchange: Exchange) -> Answer:
    """Put a byte that is not UTF-8 into each text."""
    content = exchange.right.content()
    return Answer(200, content.replace(b'":"', b'":"\xff'))


def wrong_charset(exchange: Exchange) -> Answer:
    """Announce a charset that JSON does not have; the body is right."""
    content_type = "application/json; charset=iso-8859-1"
    return Answer(200, exchange.right.content(), {"Content-Type": content_type})


def first_page_always(exchange: Exchange) -> Answer:
    """Ignore the page asked for."""
    query = exchange.request.query
    others = {name: query[name] for name in query if name not in {"page", "cursor"}}
    return exchange.ask(others)


def _halves(answer: Answer) -> tuple[bytes, bytes]:
    content = answer.content()
    middle = len(content) // 2
    start = head(answer, Content_Length=str(len(content)), Connection="close")
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
    "408": Answer(408),
    "425": Answer(425),
    "429": too_many_requests(),
    "429 with Retry-After 0": too_many_requests(0),
    "429 with a date": too_many_requests(0, as_date=True),
    "429 with a date but no Date": too_many_requests(0, as_date=True, date=False),
    "500": Answer(500, {"errors": {"json": "Internal error"}}),
    "502": html(502, "502 Bad Gateway"),
    "503": Answer(503, headers={"Content-Type": None}),
    "504": Answer(504, {"error": "upstream request timeout"}),
    "reset": RESET,
    "closed": CLOSED,
    "short body": short_body,
    "cut chunked body": cut_chunked,
    "truncated JSON": truncated_json,
    "invalid JSON": Answer(200, "{'page': 1}"),
    "HTML with 200": html(200, "Maintenance"),
    "empty body with 200": Answer(200),
    "bad encoding": bad_encoding,
    "invalid UTF-8": invalid_utf8,
    "error with 200": Answer(200, {"error": {"json": "Please try again"}}),
    "JSON array": Answer(200, []),
    "JSON null": Answer(200, None),
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
"""Faults that pass: a client should ask again."""

PERMANENT: dict[str, Fault] = {
    "400": Answer(400, {"error": {"json": {"per_page": "Must be between 1 and 100."}}}),
    "401": Answer(401, {"error": {"authentication": "User not authenticated"}}),
    "403": Answer(403, {"errors": {"authorization": "Operation not allowed"}}),
    "404": Answer(404, {"errors": {"json": "Resource not found"}}),
    "418": Answer(418, "I'm a teapot", {"Content-Type": "text/plain"}),
    "redirect 301": redirect("/v2/elsewhere", 301),
    "redirect 302": redirect("/v2/elsewhere", 302),
    "redirect 307": redirect("/v2/elsewhere", 307),
}
"""Faults that stay: a client should give up."""
