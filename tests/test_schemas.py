"""What each stream declares: its place in the API, its keys, its columns.

`tests/schemas/` holds the schema of each stream as it is written out for loaders, so
that a review sees what a change does to them. `python -m tests.test_schemas` renews it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from singer_sdk import typing as th

from tap_partoo.reading.paging import CursorPages, MapPages, NumberedPages, OneResponse
from tap_partoo.records.types import EpochSeconds, JSONText, OneOrMany, TextOrJSON
from tap_partoo.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_partoo.streams.base import PartooStream

SCHEMAS = Path(__file__).with_name("schemas")

every_stream = pytest.mark.parametrize(
    "stream", STREAMS, ids=[stream.name for stream in STREAMS]
)


class Declared(NamedTuple):
    """What a stream declares beside its columns."""

    path: str
    paging: object
    primary_keys: tuple[str, ...]
    replication_key: str | None = None
    needs: str | None = None


EXPECTED = {
    "api_keys": Declared(
        "/api_keys", NumberedPages("api_keys", per_page=100), ("id",), "created_at"
    ),
    "businesses": Declared(
        "/business/search", NumberedPages("businesses", per_page=100), ("id",)
    ),
    "reviews": Declared(
        "/reviews",
        NumberedPages("reviews", per_page=100),
        ("id",),
        "update_date",
        needs="Review Management",
    ),
    "presence_metrics": Declared(
        "/presence_analytics/metrics",
        NumberedPages("metrics", per_page=500),
        ("business_id", "date"),
        "date",
        needs="Presence Management",
    ),
    "search_keywords": Declared(
        "/presence_analytics/keywords",
        NumberedPages("keywords", per_page=500),
        ("business_id", "date", "keyword"),
        "date",
        needs="Presence Management",
    ),
    "publisher_states": Declared(
        "/publisher_states",
        MapPages("businesses", "business_id", per_page=100),
        ("business_id", "publisher"),
        needs="Presence Management",
    ),
    "users": Declared("/user/search", NumberedPages("users", per_page=100), ("id",)),
    "sections": Declared(
        "/sections",
        NumberedPages("sections", per_page=None, counters=False),
        ("id",),
    ),
    "groups": Declared(
        "/sections",
        OneResponse("groups"),  # of one section, where its list does not have them
        ("id",),
    ),
    "organizations": Declared(
        "/org/search",
        NumberedPages("orgs", per_page=100),
        ("org_id",),
        needs="a key that may read organisations",
    ),
    "posts": Declared(
        "/posts",
        NumberedPages("posts", per_page=100),
        ("id",),
        needs="the Posts plan",
    ),
    "reply_templates": Declared(
        "/reviews/templates/search",
        NumberedPages("reply_templates", per_page=None),
        ("id",),
        needs="Review Management",
    ),
    "custom_fields": Declared("/custom_fields", OneResponse("custom_fields"), ("id",)),
    "custom_field_sections": Declared(
        "/custom_fields/section", OneResponse("sections"), ("id",)
    ),
    "custom_roles": Declared(
        "/custom_role",
        NumberedPages("custom_roles", per_page=100),
        ("org_id", "api_id"),
        needs="the right to manage users",
    ),
    "permissions": Declared(
        "/permissions",
        OneResponse("sections"),
        ("name",),
        needs="the right to manage users",
    ),
    "categories": Declared(
        "/categories", NumberedPages("categories", per_page=100), ("id",)
    ),
    "webhooks": Declared(
        "/webhooks",
        NumberedPages("items", per_page=100),
        ("id",),
        needs="the Webhooks plan",
    ),
    "conversations": Declared(
        "/conversations",
        CursorPages("conversations", per_page=100),
        ("id",),
        needs="the Messages plan",
    ),
    "messages": Declared(
        "/messages",
        CursorPages("messages", per_page=100),
        ("id",),
        "date",
        needs="the Messages plan",
    ),
    "feedback_results": Declared(
        "/feedback/feedback_result",
        NumberedPages("items", per_page=None),
        ("id",),
        needs="Feedback Management",
    ),
    "feedback_forms": Declared(
        "/feedback/feedback_form",
        NumberedPages("items", per_page=None),
        ("id",),
        needs="Feedback Management",
    ),
}

PARAMS = {
    "reviews": {"order_by": "-update_date"},
    "presence_metrics": {
        "metrics": "business_impressions_desktop_maps,"
        "business_impressions_desktop_search,business_impressions_mobile_maps,"
        "business_impressions_mobile_search,business_direction_requests,call_clicks,"
        "website_clicks",
        "dimensions": "business,day",
    },
    "search_keywords": {"metrics": "count,threshold", "dimensions": "keyword,month"},
    "users": {"order_by": "email"},
}

OWN_TYPES = {
    "businesses.created": EpochSeconds,
    "businesses.modified": EpochSeconds,
    "businesses.custom_fields.value": JSONText,
    "reviews.comments": OneOrMany,
    "reviews.comments.replies": JSONText,
    "users.created_at": EpochSeconds,
    "users.accesses": JSONText,
    "custom_fields.text_fields": JSONText,
    "permissions.depends_on": OneOrMany,
    "conversations.last_message": JSONText,
    "conversations.custom_channel": JSONText,
    "messages.content": TextOrJSON,
    "messages.custom_channel": JSONText,
    "feedback_results.feedback_result_fields.choices": JSONText,
    "feedback_results.feedback_result_fields.feedback_form_field.field_choices": (
        JSONText
    ),
    "feedback_results.extra": JSONText,
}


def read(definition: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and the definition of each property, at every depth."""
    for name, inner in definition.get("properties", {}).items():
        yield f"{path}{name}", inner
        yield from read(inner, f"{path}{name}.")
    if "items" in definition:
        yield from read(definition["items"], path)


def columns(stream: type[PartooStream]) -> dict[str, Any]:
    """Return the definition of each column by its path, at every depth."""
    found = list(read(stream.columns.to_dict()))
    assert len({path for path, _ in found}) == len(found)
    return dict(found)


def types(kind: object, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the type of each property, at every depth."""
    if isinstance(kind, th.ObjectType):
        for name, inner in kind.wrapped.items():
            yield f"{path}.{name}", inner.wrapped
            yield from types(inner.wrapped, f"{path}.{name}")
    elif isinstance(kind, th.ArrayType):
        yield from types(kind.wrapped_type, path)


def snapshot(stream: type[PartooStream]) -> str:
    """Return the schema as text, with each list of types on one line."""
    text = json.dumps(stream.columns.to_dict(), indent=2, ensure_ascii=False)
    text = re.sub(
        r"\[[^][{}]*\]", lambda match: re.sub(r"\s+", " ", match.group()), text
    )
    return text.replace("[ ", "[").replace(" ]", "]") + "\n"


@every_stream
def test_schema_is_the_one_on_file(stream: type[PartooStream]) -> None:
    file = SCHEMAS / f"{stream.name}.json"
    on_file = file.read_text(encoding="utf-8") if file.exists() else ""
    assert snapshot(stream) == on_file, (
        f"The schema of {stream.name} has changed. If that is meant, renew the files "
        "with `python -m tests.test_schemas`, and read what `git diff` shows."
    )


def test_files_are_those_of_the_streams() -> None:
    files = {file.stem for file in SCHEMAS.glob("*")}
    assert files == {stream.name for stream in STREAMS}


def test_streams_are_the_22_of_the_documentation() -> None:
    assert [stream.name for stream in STREAMS] == list(EXPECTED)
    assert len(EXPECTED) == 22


@every_stream
def test_stream_is_declared_as_decided(stream: type[PartooStream]) -> None:
    own = vars(stream)
    declared = Declared(
        own["path"],
        stream.paging,
        tuple(stream.primary_keys),
        own.get("replication_key"),
        stream.needs,
    )
    assert declared == EXPECTED[stream.name]
    assert dict(stream.params) == PARAMS.get(stream.name, {})


def test_organization_is_named_where_partoo_documents_it() -> None:
    assert {stream.name for stream in STREAMS if stream.takes_org_id} == {
        "businesses",
        "users",
        "sections",
        "organizations",
        "custom_fields",
        "custom_field_sections",
        "custom_roles",
        "permissions",
        "webhooks",
    }


def test_own_types_are_where_partoo_has_its_own_spellings() -> None:
    own = (EpochSeconds, JSONText, TextOrJSON, OneOrMany)
    found = {}
    for stream in STREAMS:
        for path, kind in types(stream.columns, stream.name):
            cls = kind if isinstance(kind, type) else type(kind)
            if issubclass(cls, own):
                found[path] = cls
    assert found == OWN_TYPES


@every_stream
def test_only_the_primary_key_is_never_null(stream: type[PartooStream]) -> None:
    never_null = {
        path for path, column in columns(stream).items() if "null" not in column["type"]
    }
    assert never_null == set(stream.primary_keys)
    assert set(stream.columns.to_dict()["required"]) == never_null
    for path, column in columns(stream).items():
        assert "required" not in column, path
        if "items" in column:
            assert "null" in column["items"]["type"], path
            assert "required" not in column["items"], path


@every_stream
def test_schema_promises_nothing_about_values(stream: type[PartooStream]) -> None:
    """Partoo adds values without notice, and loaders do not agree on formats."""
    text = json.dumps(stream.columns.to_dict())
    for word in ("enum", "pattern", "minimum", "maximum", "maxLength", "const"):
        assert f'"{word}"' not in text
    for path, column in columns(stream).items():
        for definition in (column, column.get("items", {})):
            assert definition.get("format") in {None, "date", "date-time"}, path
        assert "array" not in column.get("items", {}).get("type", ()), path


@every_stream
def test_columns_are_described(stream: type[PartooStream]) -> None:
    for path, column in columns(stream).items():
        description = column.get("description", "")
        assert re.fullmatch(r"[A-Z`0-9].*[^ ]\.", description), path
        assert "  " not in description, path
        is_key = path in stream.primary_keys
        is_replication_key = path == EXPECTED[stream.name].replication_key
        assert ("Primary key." in description) == is_key, path
        assert description.endswith("Replication key.") == is_replication_key, path
        if is_key and not is_replication_key:
            assert description.endswith("Primary key."), path


def test_columns_that_descriptions_join_exist() -> None:
    known = {
        f"{stream.name}.{path}": column["type"]
        for stream in STREAMS
        for path, column in columns(stream).items()
    }
    for stream in STREAMS:
        for path, column in columns(stream).items():
            for other in re.findall(r"Joins `(.+?)`", column["description"]):
                assert other in known, path


@every_stream
def test_personal_data_are_columns(stream: type[PartooStream]) -> None:
    known = columns(stream)
    assert len(set(stream.personal_data)) == len(stream.personal_data)
    assert set(stream.personal_data) <= set(known)
    assert not set(stream.personal_data) & set(stream.primary_keys)


@every_stream
def test_fields_that_are_left_out_are_no_columns(stream: type[PartooStream]) -> None:
    assert not stream.left_out & set(columns(stream))


def test_webhooks_have_no_column_that_can_hold_a_secret() -> None:
    [webhooks] = [stream for stream in STREAMS if stream.name == "webhooks"]
    assert list(columns(webhooks)) == [
        "id",
        "event_type",
        "org_id",
        "created_at",
        "updated_at",
        "url_host",
    ]
    assert webhooks.left_out == {"*"}  # and nothing else, whatever comes


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for old in SCHEMAS.glob("*"):
        old.unlink()
    for cls in STREAMS:
        file = SCHEMAS / f"{cls.name}.json"
        file.write_text(snapshot(cls), encoding="utf-8")
