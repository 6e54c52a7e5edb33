"""The errors that all parts of the package share."""

from __future__ import annotations

from singer_sdk.exceptions import ConfigurationError, FatalAPIError


class InputError(ConfigurationError):
    """A setting, a catalog or a state that the tap cannot work with."""


class UnauthorizedError(FatalAPIError):
    """Partoo does not accept the key (401): nothing can be read with it."""


class UnreachableError(FatalAPIError):
    """The host or the proxy cannot be found; worth only a few attempts."""


class RejectedError(FatalAPIError):
    """Partoo does not accept a request (400)."""


class RefusedError(FatalAPIError):
    """Partoo does not let this key read something (403), or it is not there (404)."""


class NotFoundError(RefusedError):
    """Nothing is at this address: a wrong `api_url`, or a page after the last one."""


class UnreadableResponseError(ValueError):
    """A response with status 200 but unexpected content; worth a retry."""
