"""Catalogs of other tools, and by hand: meant as they are, or refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.errors import InputError
from tests.every import NAMES, catalog_of, entry_of, warnings
from tests.in_process import run_here
from tests.partoo_api import StandIn, whole_account

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
}


@pytest.fixture(scope="module")
def api() -> Iterator[StandIn]:
    with StandIn(whole_account(reviews=10, conversations=4)) as stand_in:
        yield stand_in


# A record never loses its key.


@pytest.mark.parametrize(
    ("name", "key", "kind"),
    [
        ("reviews", "id", "boolean"),
        ("businesses", "id", "integer"),
        ("messages", "id", "date"),
        ("search_keywords", "keyword", "integer"),
        ("publisher_states", "publisher", "date"),
        ("permissions", "name", "boolean"),
    ],
)
def test_a_type_that_cannot_hold_a_key_is_refused(
    name: str, key: str, kind: str, api: StandIn
) -> None:
    catalog = catalog_of(name)
    entry_of(catalog, name)["schema"]["properties"][key] = TYPES[kind]
    with pytest.raises(InputError, match=rf"catalog gives `{name}\.{key}` a type"):
        run_here(api, catalog=catalog)


def test_a_key_may_have_another_type_that_holds_it(api: StandIn) -> None:
    catalog = catalog_of("reviews")
    entry_of(catalog, "reviews")["schema"]["properties"]["id"] = {"type": "string"}
    run = run_here(api, catalog=catalog)
    numbers = {row["id"] for row in api.account["reviews"].rows()}
    assert {record["id"] for record in run.records} == set(map(str, numbers))


def test_the_row_whose_value_does_not_fit_is_named(api: StandIn) -> None:
    reviews = sorted(api.account["reviews"].rows(), key=lambda row: row["id"])
    for row in reviews:
        api.account["reviews"].edit(row["id"], partner_id="7")
    unfit = api.account["reviews"].edit(reviews[3]["id"], partner_id="seven")
    catalog = catalog_of("reviews")
    properties = entry_of(catalog, "reviews")["schema"]["properties"]
    properties["partner_id"] = {"type": ["integer", "null"]}
    run = run_here(api, catalog=catalog)
    values = {record["id"]: record["partner_id"] for record in run.records}
    assert values == {row["id"]: 7 for row in reviews} | {unfit["id"]: None}
    [line] = warnings(run)
    assert "reviews.partner_id: 1 value(s) do not fit the schema" in line
    assert line.endswith(f" the first with id {unfit['id']}")


# What is no schema, at any depth.


@pytest.mark.parametrize(
    "wrong",
    [None, 5, ["string"], {"type": 5}, {"type": [{}]}, {"anyOf": 5}, {"anyOf": [5]}],
)
@pytest.mark.parametrize(
    ("name", "place", "path"),
    [
        ("api_keys", ("label",), "label"),
        ("permissions", ("depends_on", "items"), r"depends_on\[\]"),
        ("businesses", ("photos", "properties", "LOGO"), "photos.LOGO"),
        (
            "reviews",
            ("comments", "items", "properties", "content"),
            r"comments\[\].content",
        ),
    ],
)
def test_what_is_no_schema_is_refused_by_its_path(
    name: str, place: tuple[str, ...], path: str, wrong: object, api: StandIn
) -> None:
    catalog = catalog_of(name)
    *way, last = place
    holder = entry_of(catalog, name)["schema"]["properties"]
    for part in way:
        holder = holder[part]
    holder[last] = wrong
    with pytest.raises(InputError, match=rf"no JSON schema for `{name}.{path}`"):
        run_here(api, catalog=catalog)


# What is deselected does not leave, however it is spelled.


@pytest.mark.parametrize(
    ("name", "array", "field"),
    [
        ("reviews", "comments", "author_name"),
        ("businesses", "contacts", "email"),
        ("feedback_results", "comments", "content"),
    ],
)
def test_a_breadcrumb_may_name_the_array(
    name: str, array: str, field: str, api: StandIn
) -> None:
    catalog = catalog_of(name)
    entry = entry_of(catalog, name)
    for item in entry["metadata"]:
        if item["breadcrumb"] == ["properties", array, "properties", field]:
            item["breadcrumb"].insert(2, "items")
            item["metadata"]["selected"] = False
    of_items = {"breadcrumb": ["properties", array, "items"], "metadata": {}}
    entry["metadata"].append(of_items)
    run = run_here(api, catalog=catalog)
    [schema] = run.of_type("SCHEMA")
    assert field not in schema["schema"]["properties"][array]["items"]["properties"]
    items = [item for record in run.records for item in record[array] or []]
    assert items
    assert not [item for item in items if field in item]


@pytest.mark.parametrize(
    ("name", "place", "path"),
    [
        ("api_keys", (), ""),
        ("messages", ("properties", "content"), ".content"),
        (
            "reviews",
            ("properties", "comments", "items", "properties", "content"),
            r".comments\[\].content",
        ),
    ],
)
def test_a_selection_in_the_schema_is_refused(
    name: str, place: tuple[str, ...], path: str, api: StandIn
) -> None:
    catalog = catalog_of(name)
    schema = entry_of(catalog, name)["schema"]
    for part in place:
        schema = schema[part]
    schema["selected"] = True
    run_here(api, catalog=catalog)
    schema["selected"] = False
    with pytest.raises(InputError, match=rf"deselects `{name}{path}` in its schema"):
        run_here(api, catalog=catalog)


# Some loaders refuse a SCHEMA that says which JSON Schema it is.


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"flattening_enabled": True, "flattening_max_depth": 1},
        {"stream_maps": {"*": {"x": "1"}}},
    ],
    ids=["plain", "flattened", "mapped"],
)
@pytest.mark.parametrize("catalog", ["discovered", "older"])
def test_no_schema_names_its_dialect(
    config: dict[str, Any], catalog: str, api: StandIn
) -> None:
    given = catalog_of(*NAMES)
    if catalog == "older":
        for entry in given["streams"]:
            entry["schema"]["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    run = run_here(api, catalog=given, config=config)
    schemas = run.of_type("SCHEMA")
    assert {message["stream"] for message in schemas} == set(NAMES)
    assert "$schema" not in json.dumps(schemas)
