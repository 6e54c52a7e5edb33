"""All 22 streams under the real Meltano, each value compared where it was loaded."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.every import (
    NAMES,
    by_key,
    expected_records,
    schema_of,
)
from tests.partoo_api import RESOURCES, StandIn, whole_account
from tests.postgres import Database, postgres
from tests.test_meltano import EL, project_for, warnings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.every import Record
    from tests.meltano_project import Project
    from tests.partoo_api import Account

Tables = dict[str, dict[Any, "Record"]]
"""The rows of each stream by their keys."""

TYPES = {
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "string": "text",
    "date-time": "timestamp without time zone",
    "date": "date",
    "object": "jsonb",
    "array of string": "text[]",
    "array of integer": "bigint[]",
    "array of object": "jsonb[]",
}
"""What a column is in PostgreSQL."""


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with postgres() as database:
        yield database


@pytest.fixture
def api() -> Iterator[StandIn]:
    account = whole_account(businesses=12, reviews=120, conversations=15)
    with StandIn(account, counting_seconds=0) as stand_in:
        yield stand_in


def project_of_all(
    directory: Path, api: StandIn, database: Database | None = None
) -> Project:
    """A project that selects all streams with all their columns."""
    project = project_for(directory, api, database)
    path = directory / "meltano.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count("    - api_keys.*\n") == 1
    path.write_text(text.replace("    - api_keys.*\n", "    - '*.*'\n"))
    return project


def change(account: Account) -> None:
    """Change, between two runs, rows that every run must find."""
    [business, *_] = account["businesses"].rows()
    account["businesses"].edit(business["id"], name="L'Échoppe « n° 1 »")
    [review, *_] = account["reviews"].rows()
    account.edit_review(review["id"], content="Encore mieux 👍")
    account.create(label="Clé n° 13")
    [role, *_] = account["custom_roles"].rows()
    account["custom_roles"].edit((role["org_id"], role["api_id"]), description=None)


def expected_tables(account: Account) -> Tables:
    """What the account must become, computed without the tap's code."""
    return {name: expected_records(account, name) for name in NAMES}


def differences(found: Tables, wanted: Tables) -> list[str]:
    """Each value that is not as it should be, by stream, key and column."""
    result = []
    for name in NAMES:
        here, there = found.get(name, {}), wanted[name]
        for key in {**there, **here}:
            row, right = here.get(key), there.get(key)
            if row is None or right is None:
                result.append(f"{name} {key}: {'extra' if row else 'missing'}")
                continue
            result += [
                f"{name} {key}: {column} is {value!r}, not {due!r}"
                for column in {**right, **row}
                if (value := row.get(column, "absent"))
                != (due := right.get(column, "absent"))
            ]
    return result


# PostgreSQL


def kind_of(definition: Mapping[str, Any]) -> str:
    """What a field is, as one word or three."""
    kinds = definition["type"]
    if isinstance(kinds, str):
        kinds = [kinds]
    [kind] = [each for each in kinds if each != "null"]
    if kind == "array":
        return f"array of {kind_of(definition['items'])}"
    return str(definition.get("format", kind))


def as_column(value: Any, kind: str) -> Any:  # noqa: ANN401 - of any type
    """What a value is when PostgreSQL returns it."""
    if value is None:
        return None
    if kind == "date-time":  # the columns have no time zone; they are to hold UTC
        return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    if kind == "date":
        return date.fromisoformat(value)
    return Decimal(str(value)) if kind == "number" else value


def as_rows(tables: Tables) -> Tables:
    """What PostgreSQL has to hold: all columns, of what is absent none."""
    result: Tables = {}
    for name, records in tables.items():
        kinds = {
            column: kind_of(definition)
            for column, definition in schema_of(name)["properties"].items()
        }
        rows = (
            {column: as_column(record.get(column), kinds[column]) for column in kinds}
            for record in records.values()
        )
        result[name] = by_key(name, rows)
        assert all(set(record) <= set(kinds) for record in records.values())
    return result


def loaded(database: Database) -> Tables:
    """The tables, without the loader's own columns; no key may be there twice."""
    result: Tables = {}
    with database.connect() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        for name in NAMES:
            table = sql.Identifier("partoo", name)
            found = cursor.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
            rows = [
                {k: v for k, v in row.items() if not k.startswith("_sdc_")}
                for row in found
            ]
            result[name] = by_key(name, rows)
            assert len(result[name]) == len(rows), name
    return result


def columns(database: Database) -> dict[str, dict[str, str]]:
    """The types of the columns of each table, the loader's own left out."""
    query = (
        "SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'partoo'::regnamespace AND relkind = 'r' "
        "AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE '\\_sdc\\_%'"
    )
    result: dict[str, dict[str, str]] = {}
    with database.connect() as connection:
        for table, column, kind in connection.execute(query).fetchall():
            result.setdefault(table, {})[column] = kind
    return result


def primary_keys(database: Database) -> dict[str, set[str]]:
    query = (
        "SELECT relname, attname FROM pg_index "
        "JOIN pg_class ON pg_class.oid = indrelid "
        "JOIN pg_attribute a ON a.attrelid = indrelid AND attnum = ANY(indkey) "
        "WHERE relnamespace = 'partoo'::regnamespace AND indisprimary"
    )
    result: dict[str, set[str]] = {}
    with database.connect() as connection:
        for table, column in connection.execute(query).fetchall():
            result.setdefault(table, set()).add(column)
    return result


def test_postgres_has_each_value_of_all_streams(
    api: StandIn, server: Database, tmp_path: Path
) -> None:
    # On such a database the loader shifts timestamps unless PGTZ is UTC.
    database = server.create_database(timezone="Europe/Paris")
    project = project_of_all(tmp_path, api, database)

    first = project.run(*EL)
    assert first.returncode == 0, first.stderr
    assert warnings(first.stderr) == []
    wanted = expected_tables(api.account)
    assert all(wanted.values())
    assert differences(loaded(database), as_rows(wanted)) == []
    assert columns(database) == {
        name: {
            column: TYPES[kind_of(definition)]
            for column, definition in schema_of(name)["properties"].items()
        }
        for name in NAMES
    }
    assert primary_keys(database) == {
        name: set(resource.key) for name, resource in RESOURCES.items()
    }

    change(api.account)
    second = project.run(*EL)
    assert second.returncode == 0, second.stderr
    assert warnings(second.stderr) == []
    after = expected_tables(api.account)
    changed = {name for name in NAMES if after[name] != wanted[name]}
    assert changed == {"api_keys", "businesses", "custom_roles", "reviews"}
    assert differences(loaded(database), as_rows(after)) == []


# JSON lines


def test_json_lines_have_each_value_of_all_streams(
    api: StandIn, tmp_path: Path
) -> None:
    project = project_of_all(tmp_path, api)
    run = project.run("el", "tap-partoo", "target-jsonl", "--state-id", "test")
    assert run.returncode == 0, run.stderr
    assert warnings(run.stderr) == []
    found: Tables = {}
    for path in (tmp_path / "output").iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        found[path.stem] = by_key(path.stem, map(json.loads, lines))
        # Only deleted rows come twice.
        assert path.stem == "reviews" or len(found[path.stem]) == len(lines)
    assert set(found) == set(NAMES)
    assert differences(found, expected_tables(api.account)) == []
