"""Checks the state, and converts its bookmarks to one format."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tap_partoo.errors import InputError
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from tap_partoo.singer.streams import StreamKeys

_REMEDY = (
    "Correct it, or remove it to read everything again (in Meltano: `meltano state "
    "clear` with the state id, or `--full-refresh`)."
)
_WITHOUT_BOOKMARK = {
    # An interrupted run of an SDK tap leaves these three; they are ignored.
    "progress_markers",
    "replication_key_signpost",
    "starting_replication_value",
    "complete_as_of",
    "filters",
    "replication_key",
}


def read_state(
    state: Mapping[str, Any],
    streams: Iterable[StreamKeys],
    logger: logging.Logger,
) -> dict[str, Any]:
    """Return a state whose bookmarks are in canonical form.

    Args:
        state: The state as JSON: alone, in a STATE message, or as `meltano state get`
            prints it. Bookmarks may have Partoo's format, any offset, and any number
            of digits.
        streams: The streams of the tap.
        logger: Reports bookmarks that are not used.

    Raises:
        InputError: If this is not a Singer state, or a part of it cannot be read.
    """
    bookmarks = copy.deepcopy(_bookmarks(state))
    known = {stream.name: stream for stream in streams}
    for name, entry in bookmarks.items():
        if name in known:
            bookmarks[name] = _entry(entry, known[name], logger)
    if unknown := [redact.quote(name) for name in bookmarks if name not in known]:
        logger.warning(
            "The state has bookmarks of streams that the tap does not have; they are "
            "passed on as they are: %s",
            ", ".join(unknown),
        )
    return {"bookmarks": bookmarks}


def _bookmarks(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    inner: object = state
    while isinstance(inner, dict) and "bookmarks" not in inner:
        if "singer_state" in inner:  # as `meltano state get` prints it
            inner = inner["singer_state"]
        elif inner.get("type") == "STATE":  # a whole message
            inner = inner.get("value")
        else:
            break
    if isinstance(inner, dict) and not inner.keys() - {"currently_syncing"}:
        return {}
    bookmarks = inner.get("bookmarks") if isinstance(inner, dict) else None
    if not isinstance(bookmarks, dict) or not all(
        isinstance(bookmark, dict) for bookmark in bookmarks.values()
    ):
        msg = (
            "This is not a Singer state: `bookmarks` must hold an object by stream. "
            f"{_REMEDY}"
        )
        raise InputError(msg)
    return bookmarks


def _entry(
    entry: dict[str, Any],
    stream: StreamKeys,
    logger: logging.Logger,
) -> dict[str, Any]:
    _check_completeness(entry, stream.name)
    value = entry.pop("replication_key_value", None)
    used = entry.get("replication_key") == stream.replication_key
    if stream.replication_key and used:
        entry.pop("partitions", None)  # the SDK would read the stream once for each
        if value is None:
            return entry
        return entry | {"replication_key_value": _canonical(value, stream)}
    if value is not None or entry.keys() - _WITHOUT_BOOKMARK:
        _report_unused(stream, logger)
        return {}
    return entry


def _report_unused(stream: StreamKeys, logger: logging.Logger) -> None:
    if stream.replication_key:
        logger.warning(
            "%s: the bookmark in the state is ignored, and everything is read again: "
            "it needs `replication_key` `%s`, and `replication_key_value`",
            stream.name,
            stream.replication_key,
        )
    else:
        logger.warning(
            "%s: the bookmark in the state is ignored: the stream is read whole each "
            "time",
            stream.name,
        )


def _canonical(value: object, stream: StreamKeys) -> str:
    try:
        return stream.canonical(value.upper() if isinstance(value, str) else "")
    except ValueError:
        path = f"bookmarks.{stream.name}.replication_key_value"
        raise _unreadable(path, value, "is not a date") from None


def _check_completeness(entry: Mapping[str, Any], stream: str) -> None:
    """Check when, and with which filters, the stream was complete."""
    since, filters = entry.get("complete_as_of"), entry.get("filters")
    if "complete_as_of" in entry and not _is_time(since):
        path = f"bookmarks.{stream}.complete_as_of"
        raise _unreadable(path, since, "is not a time with an offset")
    if "filters" in entry and not _are_filters(filters):
        path = f"bookmarks.{stream}.filters"
        raise _unreadable(path, filters, "is not an object of filters")


def _is_time(value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


def _are_filters(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(item, str | bool | None) for item in value.values()
    )


def _unreadable(path: str, value: object, problem: str) -> InputError:
    return InputError(
        f"The state entry `{path}` is {redact.quote(repr(value))}, which {problem}. "
        f"{_REMEDY}"
    )
