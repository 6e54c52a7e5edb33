"""Which streams Partoo refused in a run, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_partoo.errors import NotFoundError, RefusedError
from tap_partoo.streams.lists import ParentRefusedError

if TYPE_CHECKING:
    from tap_partoo.streams.base import PartooStream


class Refusals:
    """Collects the refused streams; as text, it is the error of the run."""

    def __init__(self) -> None:
        """Start without any."""
        self._refused: dict[str, str] = {}
        self._is_missing = False

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._refused)

    def add(self, stream: PartooStream, error: RefusedError) -> None:
        """Add a stream.

        Args:
            stream: The stream.
            error: The refusal of its list, or of its parents.
        """
        is_child = isinstance(error, ParentRefusedError)
        is_missing = isinstance(error.__cause__ if is_child else error, NotFoundError)
        self._is_missing |= is_missing
        why = [f"HTTP {404 if is_missing else 403}"]
        if isinstance(error, ParentRefusedError):
            why.insert(0, f"needs `{error.parent}`")
        if stream.needs:
            why.append(f"needs {stream.needs}")
        self._refused[stream.name] = f" ({', '.join(why)})"
        text = str(error).removeprefix(f"{stream.name}: ")
        stream.logger.warning(
            "%s: %s The other streams are still read", stream.name, text
        )

    def __str__(self) -> str:
        """Name the streams, what they need, and how to leave them out."""
        return self._verdict("Everything else has been read. ")

    def after(self, error: Exception) -> str:
        """Return the error that ended the run early, and then the refused streams."""
        return f"{error} {self._verdict()}"

    def _verdict(self, on_others: str = "") -> str:
        named = ", ".join(f"`{name}`{why}" for name, why in self._refused.items())
        first, *others = self._refused
        return (
            f"Partoo refused {named}. {on_others}Check the rights of the key and of "
            "its user and, if the key has an IP whitelist, that this machine is on it. "
            f"{self._URL if self._is_missing else ''}Or leave the "
            f"stream{'s' if others else ''} out: `meltano select tap-partoo --exclude "
            f"{first}`{', and so on.' if others else '.'}"
        )

    _URL = "For HTTP 404, also check `api_url`, which must end in /v2. "
