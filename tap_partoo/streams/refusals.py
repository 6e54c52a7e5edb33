"""Which streams Partoo refused in a run, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_partoo.errors import NotFoundError, RefusedError
from tap_partoo.streams.lists import ParentRefusedError

if TYPE_CHECKING:
    from tap_partoo.streams.base import PartooStream


class Refusals:
    """Collects the refused streams; as text, it is the verdict on the run."""

    def __init__(self) -> None:
        """Start without any."""
        self._refused: dict[str, str] = {}
        self._is_missing = False

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._refused)

    def add(self, stream: PartooStream, error: RefusedError) -> None:
        """Remember a stream.

        Args:
            stream: The stream.
            error: What Partoo said of its list, or of its parents.
        """
        needs = f", needs {stream.needs}" if stream.needs else ""
        if isinstance(error, ParentRefusedError):
            self._refused[stream.name] = f" ({error}{needs})"
        elif isinstance(error, NotFoundError):
            self._is_missing = True
            self._refused[stream.name] = f" (HTTP 404{needs})"
        else:
            self._refused[stream.name] = f" (HTTP 403{needs})"
        stream.logger.warning(
            "%s: refused by Partoo, and not read. The other streams go on", stream.name
        )

    def __str__(self) -> str:
        """Say which, what they need, and how to do without them."""
        named = ", ".join(f"`{name}`{why}" for name, why in self._refused.items())
        names = list(self._refused)
        is_one = len(names) == 1
        url = " Check `api_url`, too: it ends in /v2." if self._is_missing else ""
        return (
            f"Partoo refused {named}. What could be read has been read. Give the key "
            f"the rights or {'the stream' if is_one else 'the streams'} up: `meltano "
            f"select tap-partoo --exclude {names[0]}`"
            f"{'' if is_one else ', and so on for each'}.{url}"
        )
