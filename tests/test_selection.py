"""What the user leaves out or changes: fields, the stream, stream maps, flattening.

Most runs are in the test's own process; some at the end show the command.
"""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tap_partoo.errors import InputError
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import RunTap
    from tests.tap import Run

    Catalog = dict[str, Any]

STATE = {
    "bookmarks": {
        "api_keys": {
            "replication_key": "created_at",
            "replication_key_value": "2023-01-01T00:00:00+00:00",
        }
    }
}


@pytest.fixture(scope="module")
def shared_api() -> Iterator[StandIn]:
    """A stand-in that no test changes."""
    with StandIn(Account(make_keys(60))) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def everything(shared_api: StandIn) -> list[dict[str, Any]]:
    """All records, as they leave by default."""
    return run_here(shared_api).records


@pytest.fixture
def catalog() -> Catalog:
    return discover_api_keys()


def set_metadata(catalog: Catalog, *names: str, **values: Any) -> Catalog:
    """Change the metadata of these properties, or of the stream."""
    paths = [["properties", name] for name in names] or [[]]
    for item in catalog["streams"][0]["metadata"]:
        if item["breadcrumb"] in paths:
            item["metadata"] |= values
    return catalog


def assert_fitting(run: Run) -> None:
    [message] = run.of_type("SCHEMA")
    schema = message["schema"] | {"additionalProperties": False}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for record in run.records:
        validator.validate(record)


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


# Fields


@pytest.mark.parametrize(
    "names",
    [
        ("label",),
        ("user_name", "created_by_name", "revoked_by_name"),
        ("ip_whitelist", "permissions"),
        ("last_used_at", "revoked_at"),
    ],
    ids=" ".join,
)
def test_deselected_fields_vanish(
    names: tuple[str, ...],
    catalog: Catalog,
    shared_api: StandIn,
    everything: list[dict[str, Any]],
) -> None:
    run = run_here(shared_api, catalog=set_metadata(catalog, *names, selected=False))
    assert run.records == [without(record, *names) for record in everything]
    [message] = run.of_type("SCHEMA")
    assert message["schema"]["properties"].keys().isdisjoint(names)
    assert_fitting(run)
    assert "WARNING" not in run.stderr


def test_all_but_the_keys_can_go(catalog: Catalog, shared_api: StandIn) -> None:
    names = catalog["streams"][0]["schema"]["properties"]
    run = run_here(shared_api, catalog=set_metadata(catalog, *names, selected=False))
    assert {tuple(record) for record in run.records} == {("id", "created_at")}
    [message] = run.of_type("SCHEMA")
    assert list(message["schema"]["properties"]) == ["id", "created_at"]
    assert run.bookmark


@pytest.mark.parametrize("inclusion", ["available", "unsupported", None])
def test_keys_stay_whatever_the_catalog_says(
    inclusion: str | None, catalog: Catalog, shared_api: StandIn
) -> None:
    set_metadata(catalog, "id", "created_at", selected=False, inclusion=inclusion)
    run = run_here(shared_api, catalog=catalog)
    assert len(set(run.ids)) == 60
    assert all(record["created_at"] for record in run.records)
    assert run.bookmark


def remove_metadata(catalog: Catalog) -> None:
    metadata = catalog["streams"][0]["metadata"]
    metadata[:] = [item for item in metadata if item["breadcrumb"] == []]


def remove_schema(catalog: Catalog) -> None:
    for name in ("last_used_at", "revoked_at"):
        del catalog["streams"][0]["schema"]["properties"][name]


def deselect(catalog: Catalog) -> None:
    set_metadata(catalog, "last_used_at", "revoked_at", selected=False)


@pytest.mark.parametrize(
    "leave_out",
    [
        pytest.param(deselect, id="deselected"),
        pytest.param(remove_schema, id="not in an older catalog"),
    ],
)
def test_incremental_sees_activity_in_fields_that_do_not_leave(
    leave_out: Callable[[Catalog], None], catalog: Catalog, shared_api: StandIn
) -> None:
    whole = run_here(shared_api, state=STATE)
    old = [r["id"] for r in whole.records if r["created_at"] < "2023"]
    assert old  # used or revoked later: these would be missed
    leave_out(catalog)
    run = run_here(shared_api, state=STATE, catalog=catalog)
    assert run.ids == whole.ids
    assert run.records == [
        without(record, "last_used_at", "revoked_at") for record in whole.records
    ]


# The stream


def test_deselected_stream_emits_nothing(catalog: Catalog, shared_api: StandIn) -> None:
    shared_api.requests.clear()
    run = run_here(shared_api, catalog=set_metadata(catalog, selected=False))
    assert run.messages == []
    assert shared_api.requests == []


def test_deselected_stream_keeps_its_state(
    catalog: Catalog, shared_api: StandIn
) -> None:
    set_metadata(catalog, selected=False)
    run = run_here(shared_api, catalog=catalog, state=STATE)
    assert run.records == []
    assert run.state == STATE


def test_stream_that_the_catalog_does_not_name_emits_nothing(
    shared_api: StandIn,
) -> None:
    run = run_here(shared_api, catalog={"streams": []})
    assert run.messages == []


# Catalogs that other tools write, or that an older version discovered


@pytest.mark.parametrize("name", ["key_properties", "replication_key"])
def test_catalog_may_lack_the_keys(
    name: str, catalog: Catalog, shared_api: StandIn
) -> None:
    del catalog["streams"][0][name]
    for key in ("table-key-properties", "replication-key", "valid-replication-keys"):
        [root] = [m for m in catalog["streams"][0]["metadata"] if not m["breadcrumb"]]
        root["metadata"].pop(key, None)
    run = run_here(shared_api, catalog=catalog)
    [message] = run.of_type("SCHEMA")
    assert message["key_properties"] == ["id"]
    assert message["bookmark_properties"] == ["created_at"]
    assert run.bookmark


def test_catalog_may_name_other_keys_only_by_mistake(
    catalog: Catalog, shared_api: StandIn
) -> None:
    # Rows would double in the warehouse.
    catalog["streams"][0]["key_properties"] = ["label"]
    [message] = run_here(shared_api, catalog=catalog).of_type("SCHEMA")
    assert message["key_properties"] == ["id"]


def test_catalog_may_lack_metadata_of_fields(
    catalog: Catalog, shared_api: StandIn, everything: list[dict[str, Any]]
) -> None:
    remove_metadata(catalog)
    assert run_here(shared_api, catalog=catalog).records == everything


@pytest.mark.parametrize("metadata", [[], None, "absent"], ids=str)
def test_no_metadata_is_no_selection(
    metadata: object,
    catalog: Catalog,
    shared_api: StandIn,
    everything: list[dict[str, Any]],
) -> None:
    entry = catalog["streams"][0]
    entry["metadata"] = metadata
    if metadata == "absent":
        del entry["metadata"]
    run = run_here(shared_api, catalog=catalog)
    assert run.records == everything
    assert_fitting(run)
    assert "WARNING" not in run.stderr


def test_metadata_of_fields_alone_selects_the_rest(
    catalog: Catalog, shared_api: StandIn, everything: list[dict[str, Any]]
) -> None:
    catalog["streams"][0]["metadata"] = [
        {"breadcrumb": ["properties", "label"], "metadata": {"selected": False}}
    ]
    run = run_here(shared_api, catalog=catalog)
    assert run.records == [without(record, "label") for record in everything]
    assert_fitting(run)


def test_another_name_for_the_stream_changes_nothing(
    catalog: Catalog, shared_api: StandIn, everything: list[dict[str, Any]]
) -> None:
    catalog["streams"][0]["stream"] = "keys"
    assert run_here(shared_api, catalog=catalog).records == everything


@pytest.mark.parametrize(
    "root",
    [{"selected": False}, {"selected": None, "selected-by-default": False}],
    ids=["deselected", "not by default"],
)
def test_a_catalog_that_selects_no_stream_is_reported_once(
    root: dict[str, Any], catalog: Catalog, shared_api: StandIn
) -> None:
    run = run_here(shared_api, catalog=set_metadata(catalog, **root))
    assert run.records == []
    [warning] = [ln for ln in run.stderr.splitlines() if ln.startswith("WARNING")]
    assert "selects no stream" in warning


def test_deselected_fields_that_do_not_exist_are_reported_once(
    catalog: Catalog, shared_api: StandIn, everything: list[dict[str, Any]]
) -> None:
    catalog["streams"][0]["metadata"] += [
        {"breadcrumb": ["properties", name], "metadata": {"selected": False}}
        for name in ("user_nmae", "forged\nline")
    ]
    run = run_here(shared_api, catalog=catalog)
    assert run.records == everything
    [warning] = [ln for ln in run.stderr.splitlines() if ln.startswith("WARNING")]
    assert "api_keys.user_nmae, api_keys.forged line" in warning


def test_older_catalog_leaves_new_fields_out(
    catalog: Catalog, shared_api: StandIn, everything: list[dict[str, Any]]
) -> None:
    del catalog["streams"][0]["schema"]["properties"]["user_type"]
    run = run_here(shared_api, catalog=catalog)
    assert run.records == [without(record, "user_type") for record in everything]
    assert_fitting(run)
    # The API has not changed; nothing is to be done.
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"tap_stream_id": "ratings"}, ["`ratings`"], id="unknown stream"),
        pytest.param(
            {"replication_method": "LOG_BASED"},
            ["`LOG_BASED`", "INCREMENTAL", "FULL_TABLE"],
            id="unknown replication method",
        ),
        pytest.param(
            {"replication_key": "last_used_at"},
            ["`last_used_at`", "`created_at`"],
            id="wrong replication key",
        ),
        pytest.param({"schema": {}}, ["streams"], id="schema without properties"),
        pytest.param({"schema": None}, ["streams"], id="no schema"),
        pytest.param(
            {"schema": {"properties": {"id": {"type": ["integer"]}}}},
            ["created_at"],
            id="schema without a key",
        ),
        pytest.param({"metadata": {"selected": True}}, ["metadata"], id="metadata"),
        pytest.param({"tap_stream_id": None}, ["tap_stream_id"], id="no id"),
        pytest.param(
            {"metadata": [{"breadcrumb": [["properties"]], "metadata": {}}]},
            ["metadata"],
            id="breadcrumb of lists",
        ),
    ],
)
def test_catalog_that_cannot_work_is_refused(
    change: dict[str, Any], named: list[str], catalog: Catalog, shared_api: StandIn
) -> None:
    catalog["streams"][0] |= change
    with pytest.raises(InputError) as refusal:
        run_here(shared_api, catalog=catalog)
    message = str(refusal.value)
    assert [name for name in named if name not in message] == []
    assert "catalog" in message


@pytest.mark.parametrize(
    ("root", "named"),
    [
        ({"replication-key": "last_used_at"}, ["`last_used_at`", "`created_at`"]),
        ({"table-key-properties": ["user_id"]}, ["user_id", "'id'"]),
        ({"table-key-properties": "id"}, ["key properties"]),
        ({"replication-method": "LOG_BASED"}, ["`LOG_BASED`", "FULL_TABLE"]),
        ({"forced-replication-method": ["x"]}, ["FULL_TABLE"]),
        ({"selected": "false"}, ["`selected`", "`api_keys`", "'false'"]),
    ],
    ids=str,
)
def test_metadata_that_cannot_work_is_refused(
    root: dict[str, Any], named: list[str], catalog: Catalog, shared_api: StandIn
) -> None:
    del catalog["streams"][0]["replication_method"]
    with pytest.raises(InputError) as refusal:
        run_here(shared_api, catalog=set_metadata(catalog, **root))
    message = str(refusal.value)
    assert [name for name in named if name not in message] == []


def test_a_stream_named_twice_is_refused(catalog: Catalog, shared_api: StandIn) -> None:
    catalog["streams"] *= 2
    with pytest.raises(InputError, match="`api_keys` more than once"):
        run_here(shared_api, catalog=catalog)


@pytest.mark.parametrize(
    "catalog",
    [{"stream": []}, {"streams": {}}, {"streams": ["api_keys"]}, {"streams": None}],
    ids=str,
)
def test_what_is_no_catalog_is_refused(catalog: Catalog, shared_api: StandIn) -> None:
    with pytest.raises(InputError, match="catalog"):
        run_here(shared_api, catalog=catalog)


@pytest.mark.parametrize(
    "definition",
    [{"type": ["object", "null"]}, {"type": ["string", "integer"]}, {}],
    ids=str,
)
def test_type_that_the_tap_does_not_emit_is_refused(
    definition: dict[str, Any], catalog: Catalog, shared_api: StandIn
) -> None:
    catalog["streams"][0]["schema"]["properties"]["label"] = definition
    with pytest.raises(InputError, match=r"`api_keys\.label`"):
        run_here(shared_api, catalog=catalog)


def test_given_catalog_is_not_changed(catalog: Catalog, shared_api: StandIn) -> None:
    del catalog["streams"][0]["key_properties"]
    before = copy.deepcopy(catalog)
    run_here(shared_api, catalog=catalog)
    assert catalog == before


# Stream maps and flattening


def mapped(shared_api: StandIn, **stream_map: Any) -> Run:
    run = run_here(shared_api, config={"stream_maps": {"api_keys": stream_map}})
    assert_fitting(run)
    return run


def test_map_renames(shared_api: StandIn, everything: list[dict[str, Any]]) -> None:
    run = mapped(shared_api, name="label", label=None)
    assert run.records == [
        without(record, "label") | {"name": record["label"]} for record in everything
    ]
    [message] = run.of_type("SCHEMA")
    properties = message["schema"]["properties"]
    assert "string" in properties["name"]["type"]
    assert "label" not in properties


def test_map_hashes(shared_api: StandIn, everything: list[dict[str, Any]]) -> None:
    hashes = {
        "user_name": "md5(user_name) if user_name else None",
        "created_by_name": "md5(config['seed'] + created_by_name)",
        "revoked_by_name": None,
    }
    config = {
        "stream_maps": {"api_keys": hashes},
        "stream_map_config": {"seed": "pepper"},
    }
    run = run_here(shared_api, config=config)
    for record, plain in zip(run.records, everything, strict=True):
        name, creator = plain["user_name"], plain["created_by_name"]
        assert record["user_name"] == (name and _md5(name))
        assert record["created_by_name"] == _md5(f"pepper{creator}")
    names = {r["created_by_name"] for r in everything}
    assert [name for name in names if name in run.stdout.decode()] == []


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_map_filters(shared_api: StandIn, everything: list[dict[str, Any]]) -> None:
    run = mapped(shared_api, __filter__="disabled")
    assert run.records == [record for record in everything if record["disabled"]]
    assert 0 < len(run.records) < 60
    # What is filtered has been read all the same.
    assert run.bookmark == max(record["created_at"] for record in everything)


def test_map_renames_the_stream(shared_api: StandIn) -> None:
    run = mapped(shared_api, __alias__="partoo_keys")
    assert {m["stream"] for m in run.messages if "stream" in m} == {"partoo_keys"}
    assert len(run.ids) == 60
    # The state stays with the stream that the tap knows.
    assert run.bookmark


def test_map_keeps_only_what_it_names(shared_api: StandIn) -> None:
    run = mapped(shared_api, id="id", label="label", __else__=None)
    assert {tuple(sorted(record)) for record in run.records} == {("id", "label")}


def test_map_removes_the_stream(shared_api: StandIn) -> None:
    run = run_here(shared_api, config={"stream_maps": {"api_keys": None}})
    assert run.records == []
    assert run.of_type("SCHEMA") == []


def test_deselected_field_does_not_come_back_by_flattening(
    catalog: Catalog, shared_api: StandIn, everything: list[dict[str, Any]]
) -> None:
    config = {"flattening_enabled": True, "flattening_max_depth": 1}
    set_metadata(catalog, "ip_whitelist", "user_name", selected=False)
    run = run_here(shared_api, config=config, catalog=catalog)
    assert_fitting(run)
    for record, plain in zip(run.records, everything, strict=True):
        plain_rest = without(plain, "ip_whitelist", "user_name", "permissions")
        assert without(record, "permissions") == plain_rest


# BATCH


def test_batches_are_off(catalog: Catalog, shared_api: StandIn, tmp_path: Path) -> None:
    # They would skip all of the above: what is deselected would leave.
    batch_config = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri(), "prefix": "keys-"},
    }
    run = run_here(
        shared_api,
        config={"batch_config": batch_config},
        catalog=set_metadata(catalog, "label", selected=False),
    )
    assert {message["type"] for message in run.messages} == {
        "SCHEMA",
        "RECORD",
        "STATE",
    }
    assert len(run.ids) == 60
    assert "label" not in run.records[0]
    assert list(tmp_path.iterdir()) == []
    warnings = [ln for ln in run.stderr.splitlines() if ln.startswith("WARNING")]
    [warning] = warnings
    assert "`batch_config`" in warning


# On the command line


def test_command_selects_and_maps(
    catalog: Catalog,
    shared_api: StandIn,
    run_tap: RunTap,
    everything: list[dict[str, Any]],
) -> None:
    set_metadata(catalog, "ip_whitelist", "created_by_name", selected=False)
    run = run_tap(
        shared_api,
        catalog=catalog,
        config={"stream_maps": {"api_keys": {"name": "label", "label": None}}},
    )
    assert run.returncode == 0
    assert run.records == [
        without(record, "ip_whitelist", "created_by_name", "label")
        | {"name": record["label"]}
        for record in everything
    ]
    assert_fitting(run)


def test_command_refuses_a_wrong_catalog_in_one_line(
    catalog: Catalog, shared_api: StandIn, run_tap: RunTap
) -> None:
    catalog["streams"][0]["tap_stream_id"] = "ratings"
    run = run_tap(shared_api, catalog=catalog)
    assert run.returncode == 1
    assert run.stdout == b""
    [error] = run.errors
    assert "`ratings`" in error
    assert "Traceback" not in run.stderr


def test_command_refuses_a_wrong_stream_map_in_one_line(
    shared_api: StandIn, run_tap: RunTap
) -> None:
    config = {"stream_maps": {"api_keys": {"name": "nonsense(label"}}}
    run = run_tap(shared_api, config=config)
    assert run.returncode == 1
    assert run.records == []
    [error] = run.errors
    assert "nonsense" in error
    assert "Traceback" not in run.stderr
