"""What can go wrong, for all rooms of the package."""

from __future__ import annotations

from singer_sdk.exceptions import ConfigurationError, FatalAPIError


class InputError(ConfigurationError):
    """A setting, a catalog or a state that the tap cannot work with."""


class UnauthorizedError(FatalAPIError):
    """Partoo does not know the key (401): nothing can be read with it."""


class UnreachableError(FatalAPIError):
    """The host or the proxy cannot be found; worth few attempts only."""


class RejectedError(FatalAPIError):
    """Partoo does not accept a request (400)."""


class RefusedError(FatalAPIError):
    """Partoo does not let this key read something (403), or it is not there (404)."""


class NotFoundError(RefusedError):
    """Nothing is at this address: a wrong `api_url`, or a page behind the last one."""


class UnreadableResponseError(ValueError):
    """A response with status 200 that is not what was asked for; worth a retry."""
