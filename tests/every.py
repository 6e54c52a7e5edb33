"""The records expected from the rows of every stream, computed without the tap."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_partoo.streams import STREAMS
from tests.in_process import discover, limit_attempts
from tests.partoo_api import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pytest

    from tests.partoo_api import Account
    from tests.tap import Run

Record = dict[str, Any]
Names = tuple[str, ...]
"""The names on the way to a field; arrays add nothing to it."""

NAMES = tuple(stream.name for stream in STREAMS)
INCREMENTAL = (
    "api_keys",
    "reviews",
    "presence_metrics",
    "search_keywords",
    "messages",
)
PARENTS = {
    "search_keywords": "businesses",
    "publisher_states": "businesses",
    "groups": "sections",
    "messages": "conversations",
}
MIRROR = {"emit_activate_version_messages": True}


@dataclass(frozen=True)
class Form:
    """How the rows of a stream differ from its records.

    Attributes:
        times: Paths of times, in any format.
        epochs: Paths of times that are seconds since 1970.
        json: Paths of values that become JSON text.
        texts: Paths of values that always become text.
        left_out: Fields that are not emitted.
        change: Changes a copy of the row before anything else.
    """

    times: tuple[str, ...] = ()
    epochs: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    change: Callable[[Record], None] = lambda _: None


def _one_or_many(name: str, *, empty: bool) -> Callable[[Record], None]:
    def change(row: Record) -> None:
        if empty and row.get(name) is None:
            row[name] = []
        elif row.get(name) is not None and not isinstance(row[name], list):
            row[name] = [row[name]]

    return change


def _without_none(row: Record) -> None:
    if row.get("error_type") == "None":
        row["error_type"] = None


def _number_organization(row: Record) -> None:
    row["org_id"] = row["org_id"] or 0


def _name_host(row: Record) -> None:
    url = row.pop("url", None)
    row["url_host"] = urlsplit(url).hostname if url else None
    row.pop("custom_headers", None)


def _spell_content(row: Record) -> None:
    if not isinstance(row.get("content"), str | None):
        row["content"] = json_text(row["content"])


FORMS = {
    "api_keys": Form(("created_at", "last_used_at", "revoked_at")),
    "businesses": Form(
        epochs=("created", "modified"),
        json=("custom_fields.value",),
        left_out=("siret", "videos", "news", "promos"),
    ),
    "reviews": Form(
        (
            "date",
            "update_date",
            "delete_date",
            "comments.created",
            "comments.date",
            "comments.update_date",
        ),
        json=("comments.replies",),
        change=_one_or_many("comments", empty=True),
    ),
    "presence_metrics": Form(),
    "search_keywords": Form(texts=("keyword",)),
    "publisher_states": Form(change=_without_none),
    "users": Form(
        epochs=("created_at",), json=("accesses",), left_out=("sidebar_products",)
    ),
    "sections": Form(),
    "groups": Form(),
    "organizations": Form(),
    "posts": Form(
        (
            "schedule_time",
            "expiration_time",
            "validation_time",
            "created_at",
            "updated_at",
        ),
        left_out=("title",),
    ),
    "reply_templates": Form(("update_date", "creation_date")),
    "custom_fields": Form(json=("text_fields",)),
    "custom_field_sections": Form(),
    "custom_roles": Form(change=_number_organization),
    "permissions": Form(change=_one_or_many("depends_on", empty=False)),
    "categories": Form(texts=("id",), left_out=("names", "countries")),
    "webhooks": Form(("created_at", "updated_at"), change=_name_host),
    "conversations": Form(
        ("created_at", "first_message_date"), json=("last_message", "custom_channel")
    ),
    "messages": Form(("date",), json=("custom_channel",), change=_spell_content),
    "feedback_results": Form(
        ("created", "comments.created"),
        json=(
            "feedback_result_fields.choices",
            "feedback_result_fields.feedback_form_field.field_choices",
            "extra",
        ),
    ),
    "feedback_forms": Form(),
}


def expected(name: str, row: Mapping[str, Any]) -> Record:
    """Return the record that a row of the account must become."""
    record = copy.deepcopy(dict(row))
    form = FORMS[name]
    form.change(record)
    for field in form.left_out:
        record.pop(field, None)
    conversions: tuple[tuple[tuple[str, ...], Callable[[Any], Any]], ...] = (
        (form.times, utc),
        (form.epochs, lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat()),
        (form.json, json_text),
        (form.texts, str),
    )
    for paths, convert in conversions:
        for path in paths:
            for holder, field in places(record, tuple(path.split("."))):
                if holder[field] is not None:
                    holder[field] = convert(holder[field])
    return record


def rows_of(account: Account, name: str) -> list[Record]:
    """Return the rows of a stream as the API answers them."""
    if name == "api_keys":
        return account.records()
    rows = account[name].rows()
    if name == "custom_roles":  # only the path of one role has them, by its id
        granted: dict[str, Any] = {}
        for row in rows:
            granted.setdefault(row["api_id"], row["permissions"])
        rows = [row | {"permissions": granted[row["api_id"]]} for row in rows]
    return rows


def expected_records(account: Account, name: str) -> dict[Any, Record]:
    """Return the records that a stream must have, by their keys."""
    return by_key(name, (expected(name, row) for row in rows_of(account, name)))


def by_key(name: str, records: Iterable[Record]) -> dict[Any, Record]:
    """Return records by their primary keys; of several with the same, the last."""
    return {key_of(name, record): record for record in records}


def key_of(name: str, record: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of any type
    """Return the primary key of a record: a tuple where it has several fields."""
    values = tuple(record[field] for field in RESOURCES[name].key)
    return values if len(values) > 1 else values[0]


def records_of(run: Run, name: str) -> list[Record]:
    """Return the records of one stream, in order."""
    messages = run.of_type("RECORD")
    return [message["record"] for message in messages if message["stream"] == name]


def bookmark_of(run: Run, name: str) -> Any:  # noqa: ANN401 - as JSON has it
    """Return the bookmark of a stream in the last state; None without one."""
    entry = (run.state or {}).get("bookmarks", {}).get(name, {})
    return entry.get("replication_key_value")


def warnings(run: Run) -> list[str]:
    """Return the warnings and errors of a run."""
    lines = (line.partition(" ") for line in run.stderr.splitlines())
    return [text for level, _, text in lines if level in {"WARNING", "ERROR"}]


def utc(text: str) -> str:
    """Return a time of any format in UTC."""
    moment = datetime.fromisoformat(text)
    dated = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return dated.astimezone(UTC).isoformat()


def json_text(value: object) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def places(value: Any, path: Names) -> Iterator[tuple[Record, str]]:  # noqa: ANN401
    """Return all objects that have the field at a path, with its name there."""
    if isinstance(value, list):
        for item in value:
            yield from places(item, path)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            yield value, path[0]
        else:
            yield from places(value[path[0]], path[1:])


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits of runs in this process."""
    limit_attempts(monkeypatch, 5)
    for name, seconds in {
        "retrying.BACKOFF_FACTOR_SECONDS": 0.01,
        "retrying.BACKOFF_MAX_SECONDS": 0.05,
        "retrying.MAX_JITTER_SECONDS": 0.01,
        "pacing.WINDOW_SECONDS": 0.1,
    }.items():
        monkeypatch.setattr(f"tap_partoo.api.{name}", seconds)


# Catalogs


@cache
def _discovered() -> str:
    return json.dumps(discover())


def catalog_of(*names: str, method: str | None = None) -> dict[str, Any]:
    """Return the discovered catalog with these streams selected and no others.

    Args:
        names: The streams.
        method: The replication method of those that are not FULL_TABLE anyway.
    """
    catalog: dict[str, Any] = json.loads(_discovered())
    for entry in catalog["streams"]:
        name = entry["tap_stream_id"]
        root = root_of(entry)
        root["selected"] = name in names
        if method and name in INCREMENTAL:
            entry["replication_method"] = method
            root.pop("forced-replication-method", None)
            root["replication-method"] = method
    return catalog


def entry_of(catalog: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the entry of a stream."""
    entry: dict[str, Any]
    [entry] = [e for e in catalog["streams"] if e["tap_stream_id"] == name]
    return entry


def root_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a stream itself."""
    root: dict[str, Any]
    [root] = [m["metadata"] for m in entry["metadata"] if not m["breadcrumb"]]
    return root


def deselect(catalog: Mapping[str, Any], name: str, *paths: Names) -> None:
    """Deselect fields of a stream."""
    wanted = {breadcrumb(path) for path in paths}
    for item in entry_of(catalog, name)["metadata"]:
        if tuple(item["breadcrumb"]) in wanted:
            item["metadata"]["selected"] = False
            wanted.discard(tuple(item["breadcrumb"]))
    assert not wanted, f"discovery lists no metadata for {wanted}"


def breadcrumb(path: Names) -> Names:
    """Return where the metadata of a field is."""
    return tuple(part for name in path for part in ("properties", name))


# Fields


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of a stream as discovery has it."""
    schema: dict[str, Any] = entry_of(catalog_of(), name)["schema"]
    return schema


def fields_of(
    schema: Mapping[str, Any], place: Names = ()
) -> Iterator[tuple[Names, dict[str, Any]]]:
    """Return the path and the definition of each field of a schema, at any depth."""
    while "items" in schema:
        schema = schema["items"]
    for name, definition in schema.get("properties", {}).items():
        yield (*place, name), definition
        yield from fields_of(definition, (*place, name))
