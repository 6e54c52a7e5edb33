"""What the stand-in remembers about the requests."""

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
        status: The status sent; None before that, and if none was sent.
    """

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int | None = None
