"""Checks the state that the tap is given, and spells its bookmarks in one way."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_partoo.errors import InputError
from tap_partoo.records.timestamps import to_utc

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from tap_partoo.streams.base import PartooStream

_REMEDY = (
    "Correct it, or remove it to read everything again (in Meltano: `meltano state "
    "clear` with the state id, or `--full-refresh`)."
)


def read_state(
    state: Mapping[str, Any],
    streams: Iterable[type[PartooStream]],
    started: float,
    logger: logging.Logger,
) -> dict[str, Any]:
    """Return a state whose bookmarks are RFC 3339 in UTC.

    Args:
        state: The state as JSON; bookmarks may have Partoo's spelling, any offset, and
            any number of digits.
        streams: The streams of the tap.
        started: When the run started, in seconds since the epoch.
        logger: Where a bookmark from the future is reported. It tells nothing about
            what was loaded, so that it is left out and everything is read again.

    Raises:
        InputError: If it is no state, or a bookmark is no date.
    """
    result = copy.deepcopy(dict(state))
    bookmarks = result.get("bookmarks", {})
    if not isinstance(bookmarks, dict) or not all(
        isinstance(bookmark, dict) for bookmark in bookmarks.values()
    ):
        msg = f"The state is none: `bookmarks` must hold an object by stream. {_REMEDY}"
        raise InputError(msg)
    now = datetime.fromtimestamp(started, tz=UTC).isoformat()
    for stream in streams:
        bookmark = bookmarks.get(stream.name, {})
        value = bookmark.pop("replication_key_value", None)
        if value is None or bookmark.get("replication_key") != stream.replication_key:
            continue
        canonical = _canonical(value, stream.name)
        if canonical <= now:
            bookmark["replication_key_value"] = canonical
        else:
            logger.warning(
                "%s: the bookmark %s lies in the future and is ignored: everything is "
                "read again",
                stream.name,
                canonical,
            )
    return result


def _canonical(value: object, stream: str) -> str:
    try:
        return to_utc(value if isinstance(value, str) else "")
    except ValueError:
        entry = f"bookmarks.{stream}.replication_key_value"
        msg = f"The state entry `{entry}` is {value!r}, which is no date. {_REMEDY}"
        raise InputError(msg) from None
