"""Each stream reads all that the account has, with every field as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests import tap
from tests.every import (
    FORMS,
    INCREMENTAL,
    MIRROR,
    NAMES,
    bookmark_of,
    breadcrumb,
    by_key,
    catalog_of,
    entry_of,
    expected_records,
    fields_of,
    records_of,
    root_of,
    rows_of,
    schema_of,
    warnings,
)
from tests.in_process import discover, run_here
from tests.partoo_api import RESOURCES, Account, StandIn, faults, whole_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunTap
    from tests.tap import Run

streams = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(whole_account(reviews=120, conversations=40)) as stand_in:
        yield stand_in


def test_every_stream_is_in_the_stand_in() -> None:
    assert set(NAMES) == set(RESOURCES) == set(FORMS)
    assert len(NAMES) == len(set(NAMES)) == 22


# Discovery


def test_the_catalog_needs_no_settings_and_no_network(
    run_tap: RunTap, api: StandIn
) -> None:
    run = tap.run("--discover")
    assert run.returncode == 0, run.stderr
    assert run_tap(api, "--discover").stdout == run.stdout
    assert not api.requests


def test_the_catalog_lists_each_stream_as_decided() -> None:
    catalog = discover()
    assert [entry["tap_stream_id"] for entry in catalog["streams"]] == sorted(NAMES)
    keys = {
        "api_keys": "created_at",
        "reviews": "update_date",
        "presence_metrics": "date",
        "search_keywords": "date",
        "messages": "date",
    }
    for name in NAMES:
        entry = entry_of(catalog, name)
        root = root_of(entry)
        assert entry["key_properties"] == list(RESOURCES[name].key)
        assert entry.get("replication_key") == keys.get(name)
        method = "INCREMENTAL" if name in keys else "FULL_TABLE"
        assert entry["replication_method"] == method
        assert root.get("selected", False) is (name == "api_keys")


@streams
def test_discovery_lists_fields_at_every_depth(name: str) -> None:
    entry = entry_of(discover(), name)
    listed = {tuple(item["breadcrumb"]): item["metadata"] for item in entry["metadata"]}
    for path, _ in fields_of(schema_of(name)):
        is_key = len(path) == 1 and path[0] in RESOURCES[name].key
        is_key |= path == (entry.get("replication_key"),)
        metadata = listed.pop(breadcrumb(path))
        assert metadata["inclusion"] == ("automatic" if is_key else "available")
    assert list(listed) == [()]


# Values


def assert_right(run: Run, name: str, account: Any) -> None:  # noqa: ANN401
    """Assert that all rows came, none of them changed, and each as the SCHEMA says."""
    records = records_of(run, name)
    wanted = expected_records(account, name)
    assert set(by_key(name, records)) == set(wanted)
    [schema] = [m["schema"] for m in run.of_type("SCHEMA") if m["stream"] == name]
    strict = Draft202012Validator(closed(schema), format_checker=FormatChecker())
    for record in records:
        assert record == wanted[next(iter(by_key(name, [record])))]
        strict.validate(record)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Give a schema that lets no undeclared field pass."""
    result = dict(schema)
    if "properties" in schema:
        inner = {name: closed(each) for name, each in schema["properties"].items()}
        result |= {"properties": inner, "additionalProperties": False}
    if "items" in schema:
        result["items"] = closed(schema["items"])
    return result


@streams
@pytest.mark.parametrize("first_page", [0, 1])
def test_every_row_becomes_the_right_record(name: str, first_page: Any) -> None:  # noqa: ANN401
    account = whole_account(reviews=120, conversations=40)
    with StandIn(account, first_page=first_page) as api:
        run = run_here(api, catalog=catalog_of(name))
    assert_right(run, name, account)
    assert not warnings(run)


def test_the_command_reads_all_streams(run_tap: RunTap, api: StandIn) -> None:
    run = run_tap(api, catalog=catalog_of(*NAMES), config={"concurrency": 2})
    assert run.returncode == 0, run.stderr
    for name in NAMES:
        assert_right(run, name, api.account)
    assert "WARNING" not in run.stderr
    paths = [r.path for r in api.requests]
    for name in ("businesses", "sections", "conversations"):  # read once for all
        assert paths.count(f"/v2{RESOURCES[name].path}") == 1


# One of each kind of paging and of queries; each stream is read in this process, above.
@pytest.mark.parametrize(
    "name",
    [
        "users",
        "conversations",
        "publisher_states",
        "custom_fields",
        "messages",
        "presence_metrics",
    ],
)
def test_the_command_reads_a_stream_alone(
    name: str, run_tap: RunTap, api: StandIn
) -> None:
    run = run_tap(api, catalog=catalog_of(name))
    assert run.returncode == 0, run.stderr
    assert_right(run, name, api.account)
    assert {message.get("stream", name) for message in run.messages} == {name}


# How many requests


def pages(count: int, size: int) -> int:
    return max(-(-count // size), 1)


@streams
def test_no_more_is_asked_for_than_needed(name: str, api: StandIn) -> None:
    run_here(api, catalog=catalog_of(name))
    rows = rows_of(api.account, name)
    size = {"presence_metrics": 500, "search_keywords": 500}.get(name, 100)
    if RESOURCES[name].pages.maximum is None:
        size = RESOURCES[name].pages.default
    if name in {"custom_fields", "custom_field_sections", "permissions", "groups"}:
        wanted = 1
    elif name == "custom_roles":
        wanted = pages(len(rows), 100) + len({row["api_id"] for row in rows})
    elif name == "reviews":
        deleted = sum(row["state"] == "deleted" for row in rows)
        wanted = pages(len(rows), 100) + pages(deleted, 100)
    elif name == "search_keywords":
        wanted = 1 + len({row["business_id"] for row in rows})
    elif name == "publisher_states":
        wanted = 2
    elif name == "messages":
        wanted = 1 + len(api.account["conversations"])
    else:
        wanted = pages(len(rows), size)
    assert len(api.requests) == wanted


# The next run


@streams
def test_a_second_run_has_what_is_new(name: str, api: StandIn) -> None:
    catalog = catalog_of(name)
    first = run_here(api, catalog=catalog)
    second = run_here(api, catalog=catalog, state=first.state)
    if name in INCREMENTAL:
        assert bookmark_of(first, name)
        assert bookmark_of(second, name) == bookmark_of(first, name)
        assert len(records_of(second, name)) < len(records_of(first, name))
    else:
        assert_right(second, name, api.account)
        assert bookmark_of(second, name) is None
    assert not warnings(second)


@streams
def test_full_table_reads_everything_again(name: str, api: StandIn) -> None:
    catalog = catalog_of(name, method="FULL_TABLE")
    first = run_here(api, catalog=catalog_of(name))
    second = run_here(api, catalog=catalog, state=first.state, config=MIRROR)
    assert_right(second, name, api.account)
    assert bookmark_of(second, name) == bookmark_of(first, name)
    versions = {message["version"] for message in second.of_type("RECORD")}
    [activation] = second.of_type("ACTIVATE_VERSION")
    assert versions == {activation["version"]}
    kinds = [message["type"] for message in second.messages]
    assert "RECORD" not in kinds[kinds.index("ACTIVATE_VERSION") :]


@streams
@pytest.mark.parametrize("activation", [False, True])
def test_an_empty_list_deletes_nothing(
    name: str,
    activation: bool,  # noqa: FBT001 - a parameter of the test
    api: StandIn,
) -> None:
    api.account[name].clear()
    catalog = catalog_of(name, method="FULL_TABLE")
    config = MIRROR if activation else {}
    run = run_here(api, catalog=catalog, config=config)
    assert not run.records
    assert not run.of_type("ACTIVATE_VERSION")
    lines = [line for line in warnings(run) if "ACTIVATE_VERSION" in line]
    assert len(lines) == len(warnings(run)) == activation
    assert all(line.startswith(f"{name}: the list is empty") for line in lines)


@streams
def test_a_first_run_of_an_empty_list_leaves_no_bookmark(name: str) -> None:
    with StandIn(Account()) as api:
        first = run_here(api, catalog=catalog_of(name))
        assert not first.records
        assert bookmark_of(first, name) is None
        assert not warnings(first)
        second = run_here(api, catalog=catalog_of(name), state=first.state)
        assert second.state == first.state or name == "api_keys"


def test_a_list_whose_items_hold_no_rows_deletes_nothing(api: StandIn) -> None:
    """The page of publisher states has businesses, but nothing of any publisher."""
    empty = faults.change_list(
        lambda each: {key: entry | {"publishers": {}} for key, entry in each.items()}
    )
    api.faults.add(empty, path="/publisher_states", times=None)
    run = run_here(api, catalog=catalog_of("publisher_states"), config=MIRROR)
    assert not run.of_type("ACTIVATE_VERSION")
    [line] = warnings(run)
    assert line.startswith("publisher_states: the list is empty")
