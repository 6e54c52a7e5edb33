"""What can go wrong, for all rooms of the package."""

from __future__ import annotations

from singer_sdk.exceptions import ConfigurationError, FatalAPIError


class InputError(ConfigurationError):
    """A setting, a catalog or a state that the tap cannot work with."""


class UnreachableError(FatalAPIError):
    """The host or the proxy cannot be found; worth few tries only."""


class NotFoundError(FatalAPIError):
    """Nothing is at this address: a wrong `api_url`, or a page behind the last one."""
