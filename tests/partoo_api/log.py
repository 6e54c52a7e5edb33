"""What the stand-in remembers of the requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class LoggedRequest:
    """A request that arrived.

    Attributes:
        at: When, on the monotonic clock, in seconds.
        method: Such as "GET".
        path: Such as "/v2/api_keys".
        query: The query parameters.
        headers: The headers, their names in lower case.
        status: The status answered; None before that, and where none was sent.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int | None = None
