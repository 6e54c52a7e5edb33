"""What each failure means, in one sentence, and what to do about it.

Documented errors: https://developers.partoo.co/guides/api/getting-started/errors
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from urllib3.exceptions import (
    DecodeError,
    NameResolutionError,
    ProtocolError,
    ReadTimeoutError,
)

from tap_partoo.api.decoding import UNREADABLE, decode
from tap_partoo.errors import (
    NotFoundError,
    RefusedError,
    RejectedError,
    UnauthorizedError,
    UnreachableError,
    UnreadableResponseError,
)
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RETRIED_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""The statuses below 500 that are retried; from 500 on, all are."""

MAX_MESSAGE_DEPTH = 10
"""How deeply Partoo's own messages may be nested; they are so twice, as documented."""


def error_for_response(response: requests.Response) -> Exception | None:
    """Return the error for the status of a response, or None.

    Args:
        response: Any response; the error quotes its message, shortened and redacted.

    Returns:
        A `RetriableAPIError` or a `FatalAPIError`, or None for status 200.
    """
    status = response.status_code
    if status == HTTPStatus.OK:
        return None
    reason = _reason(response)
    said = quoted_message(_json(response.content))
    message = f"{reason.format(status=f'HTTP {status}')}{said}"
    if _is_retried(status):
        return RetriableAPIError(message, response)
    return _KINDS.get(status, FatalAPIError)(message)


_KINDS: dict[int, type[FatalAPIError]] = {
    HTTPStatus.BAD_REQUEST: RejectedError,
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: RefusedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
}


def _is_retried(status: int) -> bool:
    return status in RETRIED_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR


_REASONS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: (
        "Partoo rejected the request ({status}). Check the settings of this stream and "
        "`per_page`."
    ),
    HTTPStatus.UNAUTHORIZED: (
        "Partoo refused the API key ({status}). Check that `api_key` is complete, not "
        "expired or revoked, and made for this `api_url` (production and sandbox have "
        "separate keys)."
    ),
    HTTPStatus.FORBIDDEN: (
        "Partoo does not let this API key read this ({status}). Check the rights of "
        "the key and of its user, and that this machine is on the IP whitelist of the "
        "key."
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "Partoo's limit of requests per minute is reached ({status}). Other "
        "integrations of the organisation share it: lower `requests_per_minute`, or "
        "run at another time."
    ),
}


def _reason(response: requests.Response) -> str:
    status = response.status_code
    if reason := _REASONS.get(status):
        return reason
    where = _braces(address(response.url))
    if status == HTTPStatus.NOT_FOUND:
        return (
            f"There is no Partoo API at {where} ({{status}}). Check `api_url`: it ends "
            "in /v2, without a resource."
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return (
            f"{where} redirects to another address ({{status}}). Redirects are not "
            "followed, so that the API key is not sent elsewhere: set `api_url` to the "
            "final address."
        )
    if _is_retried(status):
        return "Partoo's server failed ({status}). Run again later."
    return (
        f"{where} sent a response that is not from Partoo ({{status}}). Check "
        "`api_url`."
    )


def error_for_exception(error: Exception, url: str) -> Exception:
    """Return the error for a request that got no response.

    Args:
        error: What `requests` or urllib3 raised. Its text is not used: it contains the
            query.
        url: The address of the request.

    Returns:
        A `RetriableAPIError`, an `UnreachableError` or a `FatalAPIError`.
    """
    where = address(url)
    causes = list(_causes(error))
    for kind, failure, sentence in _FAILURES:
        if any(isinstance(cause, kind) for cause in causes):
            return failure(sentence.format(where=where))
    return FatalAPIError(
        f"The request to {where} cannot be made ({type(error).__name__}). Check "
        "`api_url` and the proxy variables."
    )


_CHECK = "Check `api_url` and the network."
_Kinds = type[BaseException] | tuple[type[BaseException], ...]
_FAILURES: tuple[tuple[_Kinds, type[Exception], str], ...] = (
    # The first kind that is found among the causes decides.
    (
        # Which of them depends on the versions of Python and OpenSSL.
        (ssl.SSLEOFError, ssl.SSLZeroReturnError),
        RetriableAPIError,
        f"The TLS connection to {{where}} broke off. {_CHECK}",
    ),
    (
        ssl.SSLCertVerificationError,
        FatalAPIError,
        (
            "The TLS certificate of {where} cannot be verified. Check `api_url`; "
            "behind a company proxy, set REQUESTS_CA_BUNDLE or SSL_CERT_FILE to the "
            "company's certificates."
        ),
    ),
    (
        requests.exceptions.SSLError,
        FatalAPIError,
        (
            "The TLS connection to {where} cannot be made. Check `api_url` and the "
            "proxy variables."
        ),
    ),
    (
        requests.exceptions.ProxyError,
        UnreachableError,
        (
            "The proxy for {where} does not work. Check HTTPS_PROXY, HTTP_PROXY, "
            "ALL_PROXY and NO_PROXY."
        ),
    ),
    (
        NameResolutionError,
        UnreachableError,
        f"The host of {{where}} cannot be found. {_CHECK}",
    ),
    (
        (requests.exceptions.Timeout, ReadTimeoutError),  # the latter in the body
        RetriableAPIError,
        (
            "{where} did not respond in time. Check the network, or raise "
            "`request_timeout`."
        ),
    ),
    (
        DecodeError,
        RetriableAPIError,
        (
            "{where} sent a response that cannot be decompressed. Check `api_url`, or "
            "run again later."
        ),
    ),
    (
        ConnectionRefusedError,
        RetriableAPIError,
        f"The connection to {{where}} was refused. {_CHECK}",
    ),
    (
        ConnectionResetError,
        RetriableAPIError,
        f"The connection to {{where}} was reset. {_CHECK}",
    ),
    (
        requests.exceptions.ConnectionError,
        RetriableAPIError,
        f"The connection to {{where}} broke off. {_CHECK}",
    ),
    (
        ProtocolError,
        RetriableAPIError,
        "The response from {where} broke off. Check the network, or run again later.",
    ),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield all errors that urllib3 and requests have wrapped in each other."""
    seen: list[BaseException] = []
    pending: list[Any] = [error]
    while pending:
        item = pending.pop()
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            yield item
            pending += [item.__cause__, item.__context__, *item.args]
            pending.append(getattr(item, "reason", None))


def address(url: str) -> str:
    """Return a URL without its query, which can contain a secret."""
    return redact(url.partition("?")[0])


def quoted_message(body: object) -> str:
    """Return Partoo's own message as a sentence to append, or an empty text.

    Args:
        body: A decoded response. Partoo documents both `error` and `errors`, with a
            text or an object as value.
    """
    if not isinstance(body, dict):
        return ""
    message = redact.quote(_flat(body.get("error") or body.get("errors")))
    end = "" if message.endswith((".", "!", "?")) else "."
    return f" Partoo says: {message}{end}" if message else ""


def _flat(value: object, depth: int = MAX_MESSAGE_DEPTH) -> str:
    if value in (None, UNREADABLE) or depth == 0:
        return ""
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_flat(item, depth - 1)}" for k, item in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(item, depth - 1) for item in value)
    return str(value)


def _json(content: bytes) -> object:
    try:
        return decode(content)
    except UnreadableResponseError:
        return None  # mostly HTML from a gateway: nothing to quote


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long a response asks to wait, in seconds, or None.

    Args:
        headers: The headers of a response. `Retry-After` is in seconds, as Partoo
            documents it, or an HTTP date, which is compared with the response's own
            `Date`, because the clock of this machine may be wrong.

    Returns:
        0 or more; None if it is missing or neither of these.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        sent = parsedate_to_datetime(
            headers.get("Date") or format_datetime(datetime.now(UTC))
        )
        wait = (until - sent).total_seconds()
    except (OverflowError, TypeError, ValueError):
        return None
    return max(wait, 0.0)
