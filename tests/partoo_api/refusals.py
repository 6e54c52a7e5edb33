"""The responses to wrong requests."""

from __future__ import annotations

from .wire import Response


def unauthenticated() -> Response:
    """The response to a request without a known key."""
    return Response(401, {"error": {"authentication": "User not authenticated"}})


def forbidden() -> Response:
    """The response to a key without the right."""
    return Response(403, {"error": {"authorization": "Operation not allowed"}})


def not_found() -> Response:
    """The response for what does not exist."""
    return Response(404, {"error": {"json": "Resource not found"}})


_REFUSALS = {401: unauthenticated, 403: forbidden, 404: not_found}


def refused(status: int) -> Response:
    """The response to a request that is refused with a status."""
    if status in _REFUSALS:
        return _REFUSALS[status]()
    return Response(status, {"errors": {"json": "Refused"}})


def bad_request(parameter: str, message: str) -> Response:
    """The response to a wrong value."""
    return Response(400, {"error": {"json": {parameter: message}}})


class InvalidParameterError(Exception):
    """A parameter has a wrong value, or is missing."""

    def __init__(self, parameter: str, message: str) -> None:
        """Say which one and why."""
        super().__init__(message)
        self.response = bad_request(parameter, message)


class UnknownParameterError(InvalidParameterError):
    """The documentation has no such parameter."""

    def __init__(self, parameter: str) -> None:
        """Say which one."""
        super().__init__(parameter, "Unknown field.")
        # The documentation has both spellings of the outer name.
        self.response = Response(
            400, {"errors": {"json": {parameter: "Unknown field."}}}
        )
