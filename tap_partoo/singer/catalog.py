"""Checks the catalog that the tap is given, and mends what the SDK would lose."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
)

from tap_partoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_partoo.streams.base import PartooStream

METHODS = (REPLICATION_INCREMENTAL, REPLICATION_FULL_TABLE)
_REMEDY = "Discover it again: `tap-partoo --discover` (in Meltano `--refresh-catalog`)."


def read_catalog(
    catalog: Mapping[str, Any],
    streams: Iterable[type[PartooStream]],
) -> dict[str, Any]:
    """Return a catalog that the SDK reads as it was meant.

    - Singer's `replication-method` metadata is the user's choice, and goes before the
      `replication_method` of the entry; the SDK's parser drops it.
    - Primary and replication keys are those of the stream, and always selected:
      without them rows would double and the bookmark could not move.

    Args:
        catalog: The catalog as JSON.
        streams: The streams of the tap.

    Raises:
        InputError: If the catalog has not the form of one, or asks for what the tap
            cannot do.
    """
    result = copy.deepcopy(dict(catalog))
    known = {stream.name: stream for stream in streams}
    for entry in _entries(result):
        name = entry["tap_stream_id"]
        if name not in known:
            msg = f"The catalog has a stream `{name}`, which does not exist. {_REMEDY}"
            raise InputError(msg)
        _mend(entry, known[name])
    return result


def _entries(catalog: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = catalog.get("streams")
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        msg = (
            "The catalog is none: it needs a list `streams` of objects with "
            f"`tap_stream_id`, `schema` and `metadata`. {_REMEDY}"
        )
        raise InputError(msg)
    return entries


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("tap_stream_id"), str)
        and isinstance(entry.get("schema"), dict)
        and isinstance(entry["schema"].get("properties"), dict)
        and all(isinstance(p, dict) for p in entry["schema"]["properties"].values())
        and isinstance(entry.get("metadata", []), list)
        and all(map(_is_metadata, entry.get("metadata", [])))
    )


def _is_metadata(item: object) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("breadcrumb"), list)
        and isinstance(item.get("metadata"), dict)
    )


def _mend(entry: dict[str, Any], stream: type[PartooStream]) -> None:
    metadata = entry.setdefault("metadata", [])
    by_breadcrumb = {tuple(item["breadcrumb"]): item["metadata"] for item in metadata}
    root = by_breadcrumb.get((), {})
    method = (
        root.get("replication-method")
        or entry.get("replication_method")
        or root.get("forced-replication-method")
        or REPLICATION_INCREMENTAL
    )
    if method not in METHODS:
        msg = (
            f"The catalog asks for the replication method `{method}` of "
            f"`{stream.name}`. Accepted are {' and '.join(METHODS)}."
        )
        raise InputError(msg)
    replication_key = entry.get("replication_key") or stream.replication_key
    if replication_key != stream.replication_key:
        msg = (
            f"The catalog asks for the replication key `{replication_key}` of "
            f"`{stream.name}`. Accepted is `{stream.replication_key}`."
        )
        raise InputError(msg)
    entry["replication_method"] = method
    entry["replication_key"] = replication_key
    entry["key_properties"] = list(stream.primary_keys)
    for name in (*stream.primary_keys, replication_key):
        if name not in entry["schema"]["properties"]:
            msg = f"The catalog lacks `{stream.name}.{name}`. {_REMEDY}"
            raise InputError(msg)
        path = ("properties", name)
        if path not in by_breadcrumb:
            metadata.append({"breadcrumb": list(path), "metadata": {}})
            by_breadcrumb[path] = metadata[-1]["metadata"]
        by_breadcrumb[path]["inclusion"] = "automatic"
