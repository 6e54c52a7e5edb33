"""The answers to what is wrong with a request."""

from __future__ import annotations

from .wire import Answer


def unauthenticated() -> Answer:
    """The answer to a request without a known key."""
    return Answer(401, {"error": {"authentication": "User not authenticated"}})


def forbidden() -> Answer:
    """The answer to a key without the right."""
    return Answer(403, {"error": {"authorization": "Operation not allowed"}})


def not_found() -> Answer:
    """The answer for what does not exist."""
    return Answer(404, {"error": {"json": "Resource not found"}})


_REFUSALS = {401: unauthenticated, 403: forbidden, 404: not_found}


def refused(status: int) -> Answer:
    """The answer to a request that is refused with a status."""
    if status in _REFUSALS:
        return _REFUSALS[status]()
    return Answer(status, {"errors": {"json": "Refused"}})


def bad_request(parameter: str, message: str) -> Answer:
    """The answer to a wrong value."""
    return Answer(400, {"error": {"json": {parameter: message}}})


class InvalidParameterError(Exception):
    """A parameter has a wrong value, or is missing."""

    def __init__(self, parameter: str, message: str) -> None:
        """Say which one and why."""
        super().__init__(message)
        self.answer = bad_request(parameter, message)


class UnknownParameterError(InvalidParameterError):
    """The documentation has no such parameter."""

    def __init__(self, parameter: str) -> None:
        """Say which one."""
        super().__init__(parameter, "Unknown field.")
        # The documentation has both spellings of the outer name.
        self.answer = Answer(400, {"errors": {"json": {parameter: "Unknown field."}}})
