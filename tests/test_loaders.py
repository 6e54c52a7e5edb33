"""The same account through each loader of docs/loaders.md, every value compared."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML

from tests.every import catalog_of, expected_records
from tests.loaders import (
    LISTS,
    PAGE,
    PLUGINS,
    S3,
    Csv,
    DuckDB,
    JsonLines,
    Loader,
    Postgres,
    awkward_account,
    install,
)
from tests.meltano_project import BIN, Project, Row, expected_row, expected_rows
from tests.partoo_api import StandIn, whole_account
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

LOADERS: tuple[type[Loader], ...] = (Postgres, JsonLines, Csv, DuckDB, S3)

UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "target-sqlite==0.2.0": (
        {"database": "output/warehouse.db"},
        "module 'collections' has no attribute 'MutableMapping'",
    ),
    "target-universal-file==0.0.1": (
        {"protocol": "local", "file_type": "parquet", "path": "output"},
        "TypeError: unhashable type: 'list'",
    ),
}
"""Packages that can be installed but load nothing: how they run, and their errors."""

UNINSTALLABLE = "target-parquet==0.0.1"
DUCKDB_THAT_LOSES = ("1.3.2", "1.4.4", "2.0.0")
SQLITE_UTILS = "sqlite-utils==4.2.1"

S3_SERVER = """
import sys
import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
url = "http://127.0.0.1:{1}".format(*server.get_host_and_port())
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
client.create_bucket(Bucket="partoo")
print(url, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with postgres() as database:
        yield database


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    """An S3 server with an empty bucket: the variables that the page names."""
    python = install("s3-server", "moto[s3,server]==5.2.5") / "python"
    with subprocess.Popen(
        [python, "-c", S3_SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield {
            "S3_ENDPOINT": process.stdout.readline().strip(),
            "S3_BUCKET": "partoo",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        process.communicate(timeout=30)


@pytest.fixture(params=LOADERS, ids=lambda kind: kind.name)
def loader(request: pytest.FixtureRequest, tmp_path: Path) -> Loader:
    kind: type[Loader] = request.param
    values: Mapping[str, str] = {}
    if kind is Postgres:
        values = request.getfixturevalue("server").create_database().env
    elif kind is S3:
        values = request.getfixturevalue("s3")
    return kind(tmp_path, values)


@pytest.fixture
def awkward_api() -> Iterator[StandIn]:
    with StandIn(awkward_account()) as api:
        yield api


def wanted(loader: Loader, api: StandIn) -> dict[int, Row]:
    """The rows that the account should have become, without the tap's code."""
    rows = expected_rows(api.account)
    return {key: loader.altered(row) for key, row in rows.items()}


def last_rows(rows: list[Row]) -> dict[object, Row]:
    return {row["id"]: row for row in rows}


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the table under a heading, by the names of its columns."""
    _, found, rest = PAGE.partition(f"## {heading}\n")
    assert found
    lines = [line for line in rest.split("\n## ")[0].splitlines() if line[:1] == "|"]
    head, _, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


def run_command(name: str, tools: Path, folder: Path) -> None:
    """Run the only shell command of the page that names this."""
    commands = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [command] = [text for text in commands if name in text]
    subprocess.run(
        ["/bin/sh", "-euc", command],
        check=True,
        cwd=folder,
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        timeout=60,
    )


def test_page_names_what_was_run() -> None:
    rows = {row["Loader"].strip("`"): row for row in table("What was tested")}
    assert list(rows) == [kind.name for kind in LOADERS] == list(PLUGINS)
    for kind in LOADERS:
        row = rows[kind.name]
        pins = " ".join(re.findall("`(.+?)`", row["Packages"]))
        assert pins == PLUGINS[kind.name]["pip_url"]
        assert row["A key that is sent again"].startswith(
            "added" if kind.appends else "replaced"
        )
    named = [row["Package"].strip("`") for row in table("What does not work")]
    assert named[0] == "target-duckdb==0.8.0"
    assert set(named[1:]) == {*UNUSABLE, UNINSTALLABLE}
    for version in DUCKDB_THAT_LOSES:
        assert f"`{version}`" in PAGE
    assert SQLITE_UTILS in PAGE


@pytest.mark.loaders
def test_new_and_changed_keys_arrive(loader: Loader, awkward_api: StandIn) -> None:
    state = loader.load(awkward_api)
    first = loader.rows()
    assert len(first) == 251
    assert last_rows(first) == wanted(loader, awkward_api)

    new = awkward_api.account.create(label="Clé n° 252")["id"]
    old = awkward_api.account.records()[5]["id"]
    awkward_api.account.revoke(old)
    assert loader.load(awkward_api, state=state) != state
    second = loader.rows()
    assert last_rows(second) == wanted(loader, awkward_api)
    counts = [sum(row["id"] == key for row in second) for key in (old, new)]
    assert counts == ([2, 1] if loader.appends else [1, 1])


NESTED: dict[str, tuple[str, ...]] = {
    "businesses": (
        "address_details",  # objects, of objects and arrays
        "open_hours",
        "specific_hours",
        "photos",
        "subscriptions",
        "categories",  # arrays of texts and of whole numbers
        "groups",
        "contacts",  # arrays of objects
        "custom_fields",  # with JSON text in each
        "lat",  # numbers
        "completion_rate",
    ),
    "reviews": ("comments", "tags", "rating"),
}


def without_nulls(value: object) -> object:
    """Leave out what is null in objects: some loaders add it, others leave it out."""
    if isinstance(value, dict):
        kept = {k: without_nulls(v) for k, v in value.items() if v is not None}
        return kept or None
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def nested_values(rows: Iterable[Mapping[str, Any]], stream: str) -> dict[str, object]:
    return {
        str(row["id"]): [without_nulls(row.get(name)) for name in NESTED[stream]]
        for row in rows
    }


@pytest.mark.loaders
def test_nested_columns_keep_all_that_is_in_them(loader: Loader) -> None:
    account = whole_account(businesses=8, reviews=60)
    with StandIn(account) as api:
        loader.load(api, catalog=catalog_of(*NESTED))
    for stream, columns in NESTED.items():
        loaded = nested_values(loader.nested(stream, columns), stream)
        listed = expected_records(account, stream).values()
        assert loaded == nested_values(listed, stream)


def test_page_says_what_becomes_of_nested_columns() -> None:
    rows = table("Nested columns")
    assert [row["Loader"].strip("`") for row in rows] == [k.name for k in LOADERS]


@pytest.mark.loaders
def test_definitions_work_in_meltano(
    loader: Loader, awkward_api: StandIn, tmp_path: Path
) -> None:
    loader.folder = tmp_path / "project"
    loader.folder.mkdir()
    project = Project(loader.folder)
    (loader.folder / ".meltano" / "loaders").unlink()  # not into this checkout's
    yaml, path = YAML(), loader.folder / "meltano.yml"
    content = yaml.load(path)
    content["plugins"]["loaders"] = [PLUGINS[loader.name]]
    yaml.dump(content, path)
    account = awkward_api.account
    tap = {"TAP_PARTOO_API_KEY": account.api_key, "TAP_PARTOO_API_URL": awkward_api.url}
    run = project.run("el", "tap-partoo", loader.name, env={**loader.values, **tap})
    assert run.returncode == 0, run.stderr
    assert last_rows(loader.rows()) == wanted(loader, awkward_api)


@pytest.mark.loaders
def test_json_lines_tell_the_state_when_nothing_is_new(
    awkward_api: StandIn, tmp_path: Path
) -> None:
    """This loader prints a STATE only if no record follows it."""
    loader = JsonLines(tmp_path, {})
    state = loader.load(awkward_api)
    again = loader.load(awkward_api, state=state)
    assert state
    assert again
    first, second = (s["bookmarks"]["api_keys"] for s in (state, again))
    assert second["replication_key_value"] == first["replication_key_value"]
    assert second["complete_as_of"] > first["complete_as_of"]


@pytest.mark.loaders
def test_mirroring_takes_no_row_away_by_itself(
    loader: Loader, awkward_api: StandIn
) -> None:
    loader.load(awkward_api, mirror=True)
    before = wanted(loader, awkward_api)
    assert last_rows(loader.rows()) == before
    gone = awkward_api.account.records()[7]["id"]
    awkward_api.account.delete(gone)
    awkward_api.account.edit(awkward_api.account.records()[8]["id"], label="Renamed")
    loader.load(awkward_api, mirror=True)
    rows = loader.rows()
    assert last_rows(rows) == wanted(loader, awkward_api) | {gone: before[gone]}
    assert len(rows) == (501 if loader.appends else 251)

    documented = (
        {row["Column"].strip("`"): row[f"`{loader.name}`"] for row in table("Types")}
        if loader.types()
        else {}
    )
    assert loader.types() == documented


@pytest.mark.loaders
def test_postgres_marks_or_removes_deleted_keys(
    server: Database, awkward_api: StandIn, tmp_path: Path
) -> None:
    loader = Postgres(tmp_path, server.create_database().env)
    marked = "SELECT id FROM partoo.api_keys WHERE _sdc_deleted_at IS NOT NULL"
    loader.load(awkward_api, mirror=True)
    gone = awkward_api.account.records()[7]["id"]
    awkward_api.account.delete(gone)
    loader.load(awkward_api, mirror=True)
    with loader.database.connect() as connection:
        assert connection.execute(marked).fetchall() == [(gone,)]
    loader.config["hard_delete"] = True
    loader.load(awkward_api, mirror=True)
    assert last_rows(loader.rows()) == wanted(loader, awkward_api)


@pytest.mark.loaders
@pytest.mark.parametrize(
    ("env", "config"),
    [
        pytest.param({}, {}, id="as it is"),
        pytest.param({"PGTZ": "UTC"}, {}, id="PGTZ"),
        pytest.param({}, {"use_copy": True}, id="use_copy"),
    ],
)
def test_postgres_shifts_times_to_the_zone_of_its_session(
    server: Database,
    awkward_api: StandIn,
    tmp_path: Path,
    env: dict[str, str],
    config: dict[str, Any],
) -> None:
    database = server.create_database(timezone="Europe/Paris")
    loader = Postgres(tmp_path, database.env)
    assert loader.env == {"PGTZ": "UTC"}
    loader.env = env
    loader.config |= config
    loader.load(awkward_api)
    zone = UTC if env or config else ZoneInfo("Europe/Paris")

    def shifted(row: Row) -> Row:
        return {
            name: value.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
            if isinstance(value, datetime)
            else value
            for name, value in row.items()
        }

    rows = wanted(loader, awkward_api)
    assert last_rows(loader.rows()) == {key: shifted(row) for key, row in rows.items()}
    loader.env = {"PGTZ": "UTC"}
    loader.load(awkward_api)  # all again, as with `--full-refresh`
    assert last_rows(loader.rows()) == rows


@pytest.mark.loaders
def test_nul_is_replaced_so_that_postgres_takes_it(
    server: Database, awkward_api: StandIn, tmp_path: Path
) -> None:
    key = awkward_api.account.create(label="a\0b")["id"]
    loader = Postgres(tmp_path, server.create_database().env)
    loader.load(awkward_api)
    rows = wanted(loader, awkward_api)
    rows[key]["label"] = "a\N{REPLACEMENT CHARACTER}b"
    assert last_rows(loader.rows()) == rows


@pytest.mark.loaders
def test_csv_of_one_name_keeps_the_last_run_only(
    awkward_api: StandIn, tmp_path: Path
) -> None:
    loader = Csv(tmp_path, {})
    del loader.config["file_naming_scheme"]
    loader.config["overwrite_behavior"] = "append_records"
    state = loader.load(awkward_api)
    assert last_rows(loader.rows()) == wanted(loader, awkward_api)
    new = awkward_api.account.create()["id"]
    loader.load(awkward_api, state=state)
    assert new in last_rows(loader.rows())
    assert len(loader.rows()) < 251
    # With FULL_TABLE that is a mirror.
    loader.load(awkward_api, mirror=True)
    assert len(loader.rows()) == 252
    assert last_rows(loader.rows()) == wanted(loader, awkward_api)


@pytest.mark.loaders
@pytest.mark.parametrize("version", [None, *DUCKDB_THAT_LOSES])
def test_duckdb_loses_the_first_row_of_each_batch_unless_it_is_old(
    version: str | None, awkward_api: StandIn, tmp_path: Path
) -> None:
    """When this fails for a newer one, the loader or DuckDB was fixed."""
    loader = DuckDB(tmp_path, {})
    loader.config["batch_size_rows"] = 100
    if version:
        pins = ("target-duckdb==0.8.0", f"duckdb=={version}")
        loader.bin = install(f"target-duckdb-with-{version}", *pins)
    rows = wanted(loader, awkward_api)
    order = [record["id"] for record in awkward_api.account.records()]
    loader.load(awkward_api)  # without an error
    lost = {order[0], order[100], order[200]} if version else set()
    assert last_rows(loader.rows()) == {
        key: row for key, row in rows.items() if key not in lost
    }


@pytest.mark.loaders
@pytest.mark.parametrize("pin", UNUSABLE)
def test_builds_that_load_nothing(
    pin: str, awkward_api: StandIn, tmp_path: Path
) -> None:
    """When this fails, there is a package to put on the page."""
    loader = JsonLines(tmp_path, {})
    loader.name = pin.partition("==")[0]
    loader.bin = install(loader.name, pin)
    loader.config, said = UNUSABLE[pin]
    run = loader.run(awkward_api)
    assert run.returncode == 1
    assert said in run.stderr
    assert run.stdout == b""


@pytest.mark.loaders
def test_build_that_cannot_be_installed() -> None:
    ended = subprocess.run(
        [BIN / "uv", "pip", "install", "--dry-run", UNINSTALLABLE],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode != 0
    assert "pandas==0.24.2" in ended.stderr


@pytest.mark.loaders
def test_sqlite_from_json_lines(awkward_api: StandIn, tmp_path: Path) -> None:
    loader = JsonLines(tmp_path, {})
    tools = install("sqlite-utils", SQLITE_UTILS)
    state = loader.load(awkward_api)
    run_command("sqlite-utils", tools, tmp_path)
    awkward_api.account.create()
    awkward_api.account.revoke(awkward_api.account.records()[5]["id"])
    loader.load(awkward_api, state=state)
    run_command("sqlite-utils", tools, tmp_path)
    with closing(sqlite3.connect(loader.output / "warehouse.db")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM api_keys")]
    assert len(rows) == 252
    for row in rows:
        row |= {name: json.loads(row[name] or "null") for name in LISTS}
    loaded = last_rows([expected_row(row) for row in rows])
    assert loaded == wanted(loader, awkward_api)  # booleans are 0 and 1


@pytest.mark.loaders
def test_parquet_from_duckdb(awkward_api: StandIn, tmp_path: Path) -> None:
    loader = DuckDB(tmp_path, {})
    loader.load(awkward_api)
    run_command("parquet", loader.bin, tmp_path)
    rows = loader.select("FROM 'output/api_keys.parquet'")
    assert rows == loader.select("FROM partoo.api_keys")
    assert len(rows) == 251
    columns = loader.select("DESCRIBE FROM 'output/api_keys.parquet'")
    types = {column["column_name"]: column["column_type"] for column in columns}
    assert types == loader.types() | {"id": "BIGINT"}
