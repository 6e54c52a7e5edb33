"""A field that is null, of another type or unknown costs only itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalSyncError

from tests.every import (
    NAMES,
    Names,
    Record,
    by_key,
    catalog_of,
    deselect,
    expected,
    fields_of,
    hurry,
    key_of,
    places,
    schema_of,
    warnings,
)
from tests.every_rows import (
    CONFIGS,
    FROM_QUERY,
    HOST,
    full_row,
    hold,
    spoilt,
    wrong_value,
)
from tests.in_process import run_here
from tests.partoo_api import RESOURCES, Account, Habits, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.tap import Run

streams = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(Account()) as stand_in:
        yield stand_in


def read(api: StandIn, name: str, rows: Sequence[Record], **given: Any) -> Run:
    """Read a stream that has these rows and no others."""
    hold(api.account, name, rows)
    arguments = {"catalog": catalog_of(name), "config": CONFIGS.get(name, {})} | given
    return run_here(api, **arguments)


def spoilable(name: str) -> list[tuple[Names, Mapping[str, Any]]]:
    """Give the fields whose value decides nothing else."""
    return [
        (path, definition)
        for path, definition in fields_of(schema_of(name))
        if path[0] not in RESOURCES[name].key
        and (name, path[0]) not in FROM_QUERY
        and (name, path) != HOST
    ]


@streams
def test_a_row_with_all_fields(name: str, api: StandIn) -> None:
    row = full_row(api.account, name, 0)
    run = read(api, name, [row])
    assert run.records == [expected(name, row)]
    assert not warnings(run)


@streams
def test_each_field_can_be_null(name: str, api: StandIn) -> None:
    rows = [
        spoilt(full_row(api.account, name, number), path, None)
        for number, (path, _) in enumerate(spoilable(name))
    ]
    run = read(api, name, rows)
    assert by_key(name, run.records) == by_key(name, (expected(name, r) for r in rows))
    undated = {"reviews": 0, "messages": 1, "api_keys": 1}.get(name, 0)
    assert len(warnings(run)) == undated
    assert all("1 record(s) without" in line for line in warnings(run))


@streams
def test_each_field_can_be_missing(name: str, api: StandIn) -> None:
    rows = []
    for number, (path, _) in enumerate(spoilable(name)):
        row = full_row(api.account, name, number)
        for holder, field in list(places(row, path)):
            holder.pop(field, None)
        rows.append(row)
    run = read(api, name, rows)
    records = by_key(name, run.records)
    for row in rows:
        wanted = expected(name, row)
        record = records.pop(key_of(name, wanted))
        missing = set(wanted) - set(record)
        assert not missing
        assert {k: v for k, v in record.items() if v is not None or k in wanted} == (
            wanted
        )
    assert not records


@streams
def test_a_wrong_type_costs_its_field_only(name: str, api: StandIn) -> None:
    rows, wanted, paths = [], [], []
    for number, (path, definition) in enumerate(spoilable(name)):
        row = full_row(api.account, name, number)
        value = wrong_value(name, path, definition)
        if value is None:
            continue
        rows.append(spoilt(row, path, value))
        wanted.append(expected(name, spoilt(row, path, None)))
        if (name, path) == ("reviews", ("comments",)):
            wanted[-1]["comments"] = None  # what was there is not known to be nothing
        paths.append(".".join(path))
    run = read(api, name, rows)
    assert by_key(name, run.records) == by_key(name, wanted)
    reported = [line for line in warnings(run) if "do not fit" in line]
    found = [line.partition(": ")[0].replace("[]", "") for line in reported]
    assert sorted(found) == sorted(f"{name}.{path}" for path in paths)
    assert len(reported) == len(set(found))  # each once
    assert "s3cret" not in run.stderr


@streams
def test_what_is_not_known_is_left_out_and_named_once(name: str, api: StandIn) -> None:
    holders = object_places(name)
    rows = []
    for number in range(3):
        row = full_row(api.account, name, number)
        for place in holders:
            for holder in _objects(row, place):
                holder["x"] = {"y": "s3cret-value"}
        rows.append(row)
    run = read(api, name, rows)
    clean = [full_row(api.account, name, number) for number in range(3)]
    assert by_key(name, run.records) == by_key(name, (expected(name, r) for r in clean))
    assert "s3cret" not in run.stderr
    if name == "webhooks":  # whatever else there is may be a secret
        assert not warnings(run)
        return
    [line] = warnings(run)
    named = line.partition("leaves out: ")[2].replace("[]", "").split(", ")
    assert line.startswith(f"{name}: ")
    assert sorted(named) == sorted(".".join((*place, "x")) for place in holders)


@streams
def test_names_of_secrets_never_leave(name: str, api: StandIn) -> None:
    secrets = dict.fromkeys(("api_key", "token", "password"), "s3cret-value")
    holders = object_places(name)
    row = full_row(api.account, name, 0)
    clean = full_row(api.account, name, 0)
    for place in holders:
        for holder in _objects(row, place):
            holder.update(secrets)
    run = read(api, name, [row])
    assert run.records == [expected(name, clean)]
    assert not warnings(run)
    assert b"s3cret" not in run.stdout


def object_places(name: str) -> list[Names]:
    """Give where the rows of a stream have objects: at the top, and below."""
    inner = [
        path
        for path, definition in fields_of(schema_of(name))
        if "properties" in definition or "properties" in definition.get("items", {})
    ]
    return [(), *inner]


def _objects(row: Record, path: Names) -> list[Record]:
    """Give the objects at a path; none twice."""
    if not path:
        return [row]
    found = [holder[field] for holder, field in places(row, path)]
    flat = [item for each in found for item in (each if type(each) is list else [each])]
    return list({id(item): item for item in flat}.values())


KNOWN: dict[str, Record] = {
    "api_keys": {"key": "s3cret-value"},
    "businesses": {"siret": "7", "videos": ["x"], "news": [{}], "promos": [{"a": 1}]},
    "posts": {"title": "Soldes"},
    "categories": {"names": [{"name": "x"}], "countries": ["FR"]},
    "users": {"sidebar_products": ["x"]},
    "webhooks": {"custom_headers": {"X-Auth": "s3cret-value"}, "new": 1},
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_and_left_out_is_not_named(name: str, api: StandIn) -> None:
    row = full_row(api.account, name, 0)
    run = read(api, name, [row | KNOWN[name]])
    assert run.records == [expected(name, row)]
    assert not warnings(run)


@streams
@pytest.mark.parametrize("spoil", ["null", "missing", "object"])
def test_nothing_is_loaded_without_its_key(name: str, spoil: str, api: StandIn) -> None:
    field = {"search_keywords": "keyword", "custom_roles": "api_id"}.get(
        name, RESOURCES[name].key[0]
    )
    if name == "publisher_states":
        pytest.skip("both are keys of objects")
    api.habits = Habits(embeds_groups=False)
    row = full_row(api.account, name, 0)
    whole = full_row(api.account, name, 1)
    with pytest.raises(FatalSyncError, match=rf"`{name}`.*`{field}`"):
        read(api, name, [spoil_key(row, field, spoil), whole])


PARENTS = {
    "search_keywords": ("businesses", "id"),
    "publisher_states": ("businesses", "id"),
    "groups": ("sections", "id"),
    "messages": ("conversations", "id"),
    "custom_roles": ("custom_roles", "org_id"),
}


@pytest.mark.parametrize("name", PARENTS)
@pytest.mark.parametrize("spoil", ["null", "missing", "object"])
def test_a_parent_without_its_key_is_named(name: str, spoil: str, api: StandIn) -> None:
    parent, field = PARENTS[name]
    api.habits = Habits(embeds_groups=False)
    row = spoil_key(full_row(api.account, parent, 0), field, spoil)
    hold(api.account, name, [])
    hold(api.account, parent, [row, full_row(api.account, parent, 1)])
    if name == "custom_roles" and spoil != "object":
        run = run_here(api, catalog=catalog_of(name))
        assert [record["org_id"] for record in run.records] == [0, 7]
        return
    # The parent may be read for its own sake, too.
    for names in ((name,), (name, parent)):
        with pytest.raises(FatalSyncError, match=rf"`{parent}`.*`{field}`"):
            run_here(api, catalog=catalog_of(*names))


def spoil_key(row: Record, field: str, spoil: str) -> Record:
    if spoil == "missing":
        return {name: value for name, value in row.items() if name != field}
    return row | {field: None if spoil == "null" else {"a": 1}}


@streams
@pytest.mark.parametrize("half", [0, 1])
def test_deselected_fields_leave_neither_schema_nor_record(
    name: str, half: int, api: StandIn
) -> None:
    """Every second field at a time, at every depth."""
    chosen = [path for path, _ in spoilable(name)][half::2]
    dropped = [path for path in chosen if path != (_bookmark(name),)]
    catalog = catalog_of(name)
    deselect(catalog, name, *dropped)
    rows = [full_row(api.account, name, 0)]
    run = read(api, name, rows, catalog=catalog)
    wanted = expected(name, rows[0])
    for path in dropped:
        for holder, field in list(places(wanted, path)):
            holder.pop(field, None)
    assert run.records == [wanted]
    schema = run.of_type("SCHEMA")[0]
    left = {path for path, _ in fields_of(schema["schema"])}
    hidden = {p for p, _ in fields_of(schema_of(name)) if _starts(p, dropped)}
    assert left == {path for path, _ in fields_of(schema_of(name))} - hidden


def _bookmark(name: str) -> str | None:
    key: str | None = {"reviews": "update_date", "messages": "date"}.get(name)
    return "created_at" if name == "api_keys" else key


def _starts(path: Names, dropped: Sequence[Names]) -> bool:
    return any(path[: len(each)] == each for each in dropped)
