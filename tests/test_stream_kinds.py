"""Catalogs and states of streams of each kind: by time, by date, without bookmark."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_partoo.errors import InputError
from tap_partoo.records.timestamps import to_date, to_utc
from tap_partoo.singer.catalog import read_catalog
from tap_partoo.singer.state import read_state
from tap_partoo.singer.streams import StreamKeys

STREAMS = [
    StreamKeys("api_keys", ("id",), "created_at", to_utc),
    StreamKeys("presence_metrics", ("business_id", "date"), "date", to_date),
    StreamKeys("reviews", ("id",), "update_date", to_utc),
    StreamKeys("sections", ("id",), None, to_utc),
]
OLD = "2024-01-01T00:00:00+00:00"

# Catalogs.


def read_entries(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = read_catalog(
        {"streams": list(entries)}, STREAMS, logging.getLogger()
    )["streams"]
    return read


def entry_of(name: str, **changed: Any) -> dict[str, Any]:
    names = ("id", "update_date") if name == "reviews" else ("id", "label")
    properties: dict[str, Any] = {key: {"type": ["string"]} for key in names}
    author = {"type": "object", "properties": {"author_name": {"type": "string"}}}
    properties["comments"] = {"type": ["array", "null"], "items": author}
    root = {"breadcrumb": [], "metadata": {"selected": True}}
    entry = {"schema": {"properties": properties}, "metadata": [root]}
    return {"tap_stream_id": name} | entry | changed


def test_a_stream_without_replication_key_is_full_table() -> None:
    [read_entry] = read_entries(entry_of("sections"))
    assert read_entry["replication_method"] == "FULL_TABLE"
    assert read_entry["replication_key"] is None
    assert read_entry["key_properties"] == ["id"]
    automatic = [
        item["breadcrumb"]
        for item in read_entry["metadata"]
        if item["metadata"].get("inclusion") == "automatic"
    ]
    assert automatic == [["properties", "id"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"replication_method": "INCREMENTAL"},
        {"replication_key": "label"},
        {
            "metadata": [
                {"breadcrumb": [], "metadata": {"replication-method": "INCREMENTAL"}}
            ]
        },
        {"metadata": [{"breadcrumb": [], "metadata": {"replication-key": "label"}}]},
    ],
    ids=str,
)
def test_a_stream_without_replication_key_cannot_be_incremental(
    changed: dict[str, Any],
) -> None:
    with pytest.raises(InputError, match=r"`sections`.*FULL_TABLE"):
        read_entries(entry_of("sections", **changed))


@pytest.mark.parametrize("selected", [True, False])
def test_metadata_of_nested_fields_stays(
    selected: bool,  # noqa: FBT001 - a parameter of the test
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = entry_of("reviews")
    nested = {
        "breadcrumb": ["properties", "comments", "properties", "author_name"],
        "metadata": {"inclusion": "available", "selected": selected},
    }
    entry["metadata"].append(nested)
    [read_entry] = read_entries(entry)
    assert nested in read_entry["metadata"]
    assert not caplog.messages


def test_a_nested_field_that_does_not_exist_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = entry_of("reviews")
    wrong = ["properties", "comments", "properties", "author_nmae"]
    entry["metadata"].append({"breadcrumb": wrong, "metadata": {"selected": False}})
    read_entries(entry)
    [message] = caplog.messages
    assert "reviews.comments.author_nmae" in message


# States: dates, and what that of `api_keys` may hold beside the bookmark.

STARTED = datetime(2026, 3, 4, 23, 30, tzinfo=UTC).timestamp()


def read(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    state = {"bookmarks": {name: entry}}
    read = read_state(state, STREAMS, logging.getLogger())
    bookmark: dict[str, Any] = read["bookmarks"][name]
    return bookmark


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-03-01", "2026-03-01"),
        ("20260301", "2026-03-01"),
        ("2026-03-01T23:59:59.999999+00:00", "2026-03-01"),
        (" 2026-03-01 08:00:00\n", "2026-03-01"),
        ("2026-03-01t08:00:00z", "2026-03-01"),
        ("2026-03-04", "2026-03-04"),
    ],
)
def test_a_bookmark_that_is_a_date(
    given: str, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {"replication_key": "date", "replication_key_value": given}
    assert read("presence_metrics", entry) == entry | {"replication_key_value": kept}
    assert not caplog.messages


def test_a_bookmark_of_a_stream_without_one_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert read("sections", {"replication_key": "id", "replication_key_value": 3}) == {}
    [message] = caplog.messages
    assert "sections: the bookmark in the state is ignored" in message
    caplog.clear()
    assert read("sections", {}) == {}
    assert not caplog.messages


@pytest.mark.parametrize(
    "completeness",
    [
        {"complete_as_of": "2026-03-03T08:00:00+00:00"},
        {"complete_as_of": "2099-03-03T08:00:00Z", "filters": {}},
        {
            "complete_as_of": "2026-03-03T08:00:00.123456+00:00",
            "filters": {"status": "active", "type": None, "search_text": True},
        },
    ],
    ids=str,
)
@pytest.mark.parametrize("bookmark", [OLD, None])
def test_since_when_a_stream_is_complete_is_passed_on(
    completeness: dict[str, Any],
    bookmark: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = {"replication_key": "created_at", "replication_key_value": bookmark}
    if bookmark is None:
        entry = {}
    assert read("api_keys", entry | completeness) == entry | completeness
    assert not caplog.messages


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("complete_as_of", "yesterday"),
        ("complete_as_of", "2026-03-03"),
        ("complete_as_of", "2026-03-03T08:00:00"),
        ("complete_as_of", 1772524800),
        ("complete_as_of", None),
        ("filters", "active"),
        ("filters", ["active"]),
        ("filters", None),
        ("filters", {"status": {"in": ["active"]}}),
    ],
)
def test_what_is_not_well_formed_is_refused_by_name(name: str, value: object) -> None:
    entry = {"replication_key": "created_at", "replication_key_value": OLD}
    with pytest.raises(InputError) as refusal:
        read("api_keys", entry | {name: value})
    assert f"`bookmarks.api_keys.{name}`" in str(refusal.value)
    assert repr(value) in str(refusal.value)
