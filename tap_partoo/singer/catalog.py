"""Checks the catalog, and restores what the SDK would lose."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, TypeGuard

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    CatalogEntry,
    MetadataMapping,
)

from tap_partoo.errors import InputError
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping, Sequence

    from tap_partoo.singer.streams import StreamKeys

_REMEDY = "Discover it again: `tap-partoo --discover` (in Meltano `--refresh-catalog`)."
_SELECTIONS = ("selected", "selected-by-default")


def read_catalog(
    catalog: Mapping[str, Any],
    streams: Iterable[StreamKeys],
    logger: logging.Logger,
) -> dict[str, Any]:
    """Return a catalog that the SDK reads as it is meant.

    - Singer's `replication-method` metadata is the user's choice, and takes precedence
      over the `replication_method` of the entry; the SDK's parser drops it.
    - Primary and replication keys are those of the stream, and always selected:
      without them, rows would be duplicated and the bookmark could not move.
    - An entry without metadata for the stream itself is selected: the SDK would leave
      out the stream, or some of its fields.

    Args:
        catalog: The catalog as JSON.
        streams: The streams of the tap.
        logger: Reports parts of the catalog that have no effect.

    Raises:
        InputError: If this is not a Singer catalog, or it asks for what the tap cannot
            do.
    """
    result = copy.deepcopy(dict(catalog))
    known = {stream.name: stream for stream in streams}
    entries = _entries(result)
    for entry in entries:
        name = entry["tap_stream_id"]
        if name not in known:
            msg = (
                f"The catalog has a stream `{redact.quote(name)}`, which does not "
                f"exist. {_REMEDY}"
            )
            raise InputError(msg)
        _correct(entry, known[name])
    names = [entry["tap_stream_id"] for entry in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        msg = f"The catalog has the stream `{min(twice)}` more than once. {_REMEDY}"
        raise InputError(msg)
    _report(entries, logger)
    for entry in entries:
        for item in entry["metadata"]:
            if item["metadata"].get("selected") is False:
                _leave_out(entry["schema"], item["breadcrumb"])
    return result


def is_selected(entry: CatalogEntry) -> bool:
    """Return whether a stream is selected."""
    return bool(entry.metadata.resolve_selection().get((), True))


def selected_fields(entry: CatalogEntry) -> set[str]:
    """Return the names of the selected fields, without those within objects."""
    mask = entry.metadata.resolve_selection()
    fields = entry.schema.to_dict()["properties"]
    return {name for name in fields if mask["properties", name]}


def as_selected(entry: CatalogEntry) -> CatalogEntry:
    """Return an entry whose stream is selected, with the selection of its fields."""
    root = dataclasses.replace(entry.metadata.root, selected=True)
    metadata = MetadataMapping({**entry.metadata, (): root})
    return dataclasses.replace(entry, metadata=metadata)


def _entries(catalog: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = catalog.get("streams")
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        msg = (
            "This is not a Singer catalog: it needs a list `streams` of objects with "
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
        and isinstance(entry.get("metadata"), list | None)
        and all(map(_is_metadata, entry.get("metadata") or []))
    )


def _is_metadata(item: object) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("breadcrumb"), list)
        and all(isinstance(part, str) for part in item["breadcrumb"])
        and isinstance(item.get("metadata"), dict)
    )


def _correct(entry: dict[str, Any], stream: StreamKeys) -> None:
    _check_schema(entry["schema"], stream.name)
    entry["schema"].pop("$schema", None)  # of an older version; some loaders refuse it
    metadata = entry["metadata"] = entry.get("metadata") or []
    for item in metadata:
        item["breadcrumb"] = _without_items(item["breadcrumb"])
    by_breadcrumb = {tuple(item["breadcrumb"]): item["metadata"] for item in metadata}
    if () not in by_breadcrumb:
        metadata.append({"breadcrumb": [], "metadata": {"selected": True}})
        by_breadcrumb[()] = metadata[-1]["metadata"]
    root = by_breadcrumb[()]
    _check_selections(by_breadcrumb, stream.name)
    _check_keys(entry, root, stream)
    entry["stream"] = stream.name
    entry["replication_method"] = _replication_method(entry, root, stream)
    entry["replication_key"] = stream.replication_key
    entry["key_properties"] = list(stream.primary_keys)
    for name in filter(None, (*stream.primary_keys, stream.replication_key)):
        if name not in entry["schema"]["properties"]:
            msg = f"The catalog lacks `{stream.name}.{name}`. {_REMEDY}"
            raise InputError(msg)
        path = ("properties", name)
        if path not in by_breadcrumb:
            metadata.append({"breadcrumb": list(path), "metadata": {}})
            by_breadcrumb[path] = metadata[-1]["metadata"]
        by_breadcrumb[path]["inclusion"] = "automatic"


def _without_items(breadcrumb: list[str]) -> list[str]:
    """Return a breadcrumb in the SDK's form: some tools also name the arrays.

    Args:
        breadcrumb: Such as `properties`, `comments`, `items`, `properties`, `content`.
            One that ends at `items` does not name a field, and is kept.
    """
    result: list[str] = []
    for part in breadcrumb:
        if part != "items" or len(result) % 2:  # a field may have that name
            result.append(part)
    return list(breadcrumb) if breadcrumb[-1:] == ["items"] else result


def _check_schema(schema: object, path: str) -> None:
    """Refuse anything that is not a schema, at any depth, with its path."""
    if not _is_schema(schema):
        msg = f"The catalog has no JSON schema for `{redact.quote(path)}`. {_REMEDY}"
        raise InputError(msg)
    if schema.get("selected") is False:  # as catalogs did before they had metadata
        msg = (
            f"The catalog deselects `{redact.quote(path)}` in its schema, which has no "
            "effect: set `selected` in the metadata."
        )
        raise InputError(msg)
    for name, inner in schema.get("properties", {}).items():
        _check_schema(inner, f"{path}.{name}")
    if "items" in schema:
        _check_schema(schema["items"], f"{path}[]")
    for inner in schema.get("anyOf", []):
        _check_schema(inner, path)


def _is_schema(schema: object) -> TypeGuard[dict[str, Any]]:
    types = schema.get("type", []) if isinstance(schema, dict) else None
    return (
        isinstance(schema, dict)
        and isinstance(types, str | list)
        and all(isinstance(each, str) for each in types)
        and isinstance(schema.get("format"), str | None)
        and isinstance(schema.get("properties", {}), dict)
        and isinstance(schema.get("anyOf", []), list)
    )


def _check_selections(
    by_breadcrumb: Mapping[tuple[str, ...], Mapping[str, Any]],
    stream: str,
) -> None:
    """Refuse a text such as "false", which the SDK would treat as true."""
    for breadcrumb, metadata in by_breadcrumb.items():
        for name in _SELECTIONS:
            if not isinstance(metadata.get(name), bool | None):
                field = redact.quote(".".join((stream, *breadcrumb[1::2])))
                msg = (
                    f"The catalog sets `{name}` of `{field}` to "
                    f"{redact.quote(repr(metadata[name]))}. It must be true or false."
                )
                raise InputError(msg)


def _check_keys(
    entry: Mapping[str, Any],
    root: Mapping[str, Any],
    stream: StreamKeys,
) -> None:
    for asked in (entry.get("replication_key"), root.get("replication-key")):
        if asked and asked != stream.replication_key:
            accepted = (
                f"It must be `{stream.replication_key}`."
                if stream.replication_key
                else f"The stream has none: it is read as {REPLICATION_FULL_TABLE}."
            )
            msg = (
                f"The catalog sets the replication key of `{stream.name}` to "
                f"`{redact.quote(str(asked))}`. {accepted}"
            )
            raise InputError(msg)
    keys = root.get("table-key-properties")
    if keys and not _same(keys, stream.primary_keys):
        msg = (
            f"The catalog sets the key properties of `{stream.name}` to "
            f"{redact.quote(str(keys))}. They must be {list(stream.primary_keys)}."
        )
        raise InputError(msg)


def _same(given: object, keys: Sequence[str]) -> bool:
    return isinstance(given, list | tuple) and sorted(map(str, given)) == sorted(keys)


def _replication_method(
    entry: Mapping[str, Any],
    root: Mapping[str, Any],
    stream: StreamKeys,
) -> str:
    methods = [REPLICATION_FULL_TABLE]
    if stream.replication_key:
        methods.insert(0, REPLICATION_INCREMENTAL)
    method = (
        root.get("replication-method")
        or entry.get("replication_method")
        or root.get("forced-replication-method")
        or methods[0]
    )
    if method not in methods:
        msg = (
            f"The catalog sets the replication method of `{stream.name}` to "
            f"`{redact.quote(str(method))}`. It must be {' or '.join(methods)}."
        )
        raise InputError(msg)
    return str(method)


def _report(entries: Iterable[dict[str, Any]], logger: logging.Logger) -> None:
    """Warn of selections that have no effect."""
    if not any(is_selected(CatalogEntry.from_dict(entry)) for entry in entries):
        logger.warning(
            "The catalog selects no stream: nothing is read. Set `selected` in the "
            "metadata of a stream (in Meltano `meltano select tap-partoo <stream>`)"
        )
    lost = [
        redact.quote(".".join((entry["tap_stream_id"], *item["breadcrumb"][1::2])))
        for entry in entries
        for item in entry["metadata"]
        if item["metadata"].get("selected") is False
        and not _has(entry["schema"], item["breadcrumb"])
    ]
    if lost:
        logger.warning(
            "The catalog deselects fields that it does not have, without effect: %s",
            ", ".join(lost),
        )


def _has(schema: object, breadcrumb: Sequence[str]) -> bool:
    """Return whether a field exists, also within objects in arrays."""
    for position, part in enumerate(breadcrumb):
        if not isinstance(schema, dict):
            return False
        if position % 2 == 0:
            items = schema.get("items")
            inner = items if isinstance(items, dict) else {}
            schema = schema.get(part) or inner.get(part)
        else:
            schema = schema.get(part)
    return schema is not None


def _leave_out(schema: dict[str, Any], breadcrumb: Sequence[str]) -> None:
    """Remove a field of objects in an array, which the SDK would leave in the schema.

    Args:
        schema: The JSON schema of the stream.
        breadcrumb: That of the field; the SDK handles fields that are not in an array.
    """
    is_in_array = False
    for position, part in enumerate(breadcrumb):
        while isinstance(schema.get("items"), dict):
            schema, is_in_array = schema["items"], True
        if position == len(breadcrumb) - 1:
            break
        inner = schema.get(part)
        if not isinstance(inner, dict):
            return
        schema = inner
    if is_in_array:
        schema.pop(breadcrumb[-1], None)
