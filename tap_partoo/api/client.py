"""Sends requests to Partoo: path and query in, checked and decoded response out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_partoo.api.decoding import decode
from tap_partoo.api.errors import address, error_for_response, quoted_message
from tap_partoo.api.retrying import retrying
from tap_partoo.errors import (
    UnauthorizedError,
    UnreachableError,
    UnreadableResponseError,
)
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    import requests

    from tap_partoo.api.session import PartooSession

Result = TypeVar("Result")

CLOCK_MARGIN = timedelta(seconds=2)
"""How far the clocks of Partoo's servers may differ."""

MAX_TIMEOUT_SECONDS = 1_000_000
"""Sockets cannot count much further; nobody waits that long."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response with status 200 whose body is JSON."""

    body: Any
    snapshot_at: str
    """Later changes may be missing from it: RFC 3339 in UTC, by Partoo's clock."""
    elapsed_seconds: float
    """Time until the response began."""


class PartooClient:
    """Sends requests to one API with one key, from any number of threads."""

    def __init__(
        self,
        session: PartooSession,
        *,
        timeout: float,
        logger: logging.Logger,
    ) -> None:
        """Set what all requests have in common.

        Args:
            session: Sends the requests, with what they share.
            timeout: Seconds to wait for a connection, and for each part of a response.
            logger: Logs each request on level debug.
        """
        self._clock_ahead: timedelta | None = None
        self._session = session
        self._timeout = min(timeout, MAX_TIMEOUT_SECONDS)
        self._logger = logger

    @property
    def knows_clock(self) -> bool:
        """Whether a response has reported Partoo's time."""
        return self._clock_ahead is not None

    def now(self) -> datetime:
        """Return the time by Partoo's clock; by this machine's before any response."""
        return datetime.now(UTC) + (self._clock_ahead or timedelta())

    def get(
        self,
        path: str,
        query: Mapping[str, str],
        read: Callable[[Response], Result],
        name: str,
        logger: logging.Logger,
    ) -> Result:
        """Return the result of a request, which is retried while that can help.

        Args:
            path: The path of the resource, with its leading `/`, quoted.
            query: The query parameters.
            read: Makes the result from the response; it raises
                `UnreadableResponseError` if the content is unexpected.
            name: What is requested, for messages.
            logger: Logs the waits before retries.

        Raises:
            RejectedError: For status 400.
            UnauthorizedError: For status 401.
            RefusedError: For status 403.
            NotFoundError: For status 404.
            FatalAPIError: For any other error that retries did not solve.
        """
        attempt = partial(self._attempt, name, path, query, read)
        try:
            return retrying(attempt, name, pacer=self._session.pacer, logger=logger)
        except (UnauthorizedError, UnreachableError):
            raise  # the same whatever is requested
        except (FatalAPIError, RetriableAPIError) as error:
            failure = type(error)(f"{name}: {error}")
        raise failure

    def _attempt(
        self,
        name: str,
        path: str,
        query: Mapping[str, str],
        read: Callable[[Response], Result],
    ) -> Result:
        request = self._session.prepare(path, query)
        self._session.pacer.note_request(name)
        response = self._session.send(request, timeout=self._timeout)
        self._logger.debug(
            "GET %s %s: %d after %.3f s",
            redact.quote(path),  # it may hold an id
            query.get("page", ""),
            response.status_code,
            response.elapsed.total_seconds(),
        )
        if error := error_for_response(response):
            raise error
        body = None
        try:
            body = decode(response.content)
            return read(
                Response(
                    body,
                    self._snapshot_at(response),
                    response.elapsed.total_seconds(),
                )
            )
        except UnreadableResponseError as error:
            where = address(str(request.url))
            problem = f"{error}.{quoted_message(body)}".removesuffix(".")
            failure = RetriableAPIError(
                f"{where} sent {problem}. Check `api_url`, or run again later."
            )
        raise failure

    def _snapshot_at(self, response: requests.Response) -> str:
        """Return the earliest time at which the server may have read its data."""
        now = datetime.now(UTC)
        try:
            sent = parsedate_to_datetime(response.headers["Date"])
            self._clock_ahead = sent - now
        except (KeyError, OverflowError, TypeError, ValueError):
            sent = now + (self._clock_ahead or timedelta())
        return (sent - response.elapsed - CLOCK_MARGIN).astimezone(UTC).isoformat()
