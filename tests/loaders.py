"""The loaders of docs/loaders.md: installed from PyPI, fed by the tap, read back."""

from __future__ import annotations

import ast
import csv
import json
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from datetime import datetime
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row
from ruamel.yaml import YAML

from tests import tap
from tests.in_process import discover
from tests.meltano_project import BIN, ROOT, Row, expected_row, loaded_rows
from tests.partoo_api import Account, make_keys
from tests.postgres import Database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.partoo_api import StandIn

PAGE = (ROOT / "docs" / "loaders.md").read_text(encoding="utf-8")

PLUGINS: dict[str, dict[str, Any]] = {
    plugin["name"]: plugin
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for plugin in YAML(typ="safe").load(block)["plugins"]["loaders"]
}
"""The definitions on the page, by name: exactly these are installed and run."""

LISTS = ("ip_whitelist", "permissions")

_FULL_TABLE = discover()
_FULL_TABLE["streams"][0]["replication_method"] = "FULL_TABLE"

_TEXTS = (
    'Quotes "double", \'single\' and `back`; $1 %s {0} \\N \\ \\\\ "',
    "Lines:\none,\r\ntwo\tand a tab\n",
    " spaces around ",
    "",
    "NULL",
    "00123",
    "[1, null]",
    "é, e\u0301, ß, 店舗, 👩‍👩‍👧, \u2028, \u200f, \u0001",
    "long " * 20_000,
)
_ADDRESSES: tuple[list[str], ...] = (
    [],
    ["172.16.0.0/12", "2001:db8::/32", "127.0.0.1"],
    ['a "b"', "it's", "c,d", "{e}", "f\\g", "", "NULL", "h\ni", "é"],
)
_TIMES = (
    "2024-07-01 10:00:00+00",
    "2024-01-31 23:59:59.999999+00",
    "2024-07-01 12:00:00.000001+02",
)


def awkward_account() -> Account:
    """251 keys; the first of them have texts, lists and times that are hard to keep."""
    account = Account(make_keys(250))
    ids = [record["id"] for record in account.records()]
    for key, text in zip(ids, _TEXTS, strict=False):
        account.edit(key, label=text, description=text, user_name=text)
    for key, addresses in zip(ids, _ADDRESSES, strict=False):
        account.edit(key, ip_whitelist=addresses)
    for key, moment in zip(ids, _TIMES, strict=False):
        account.edit(key, last_used_at=moment)
    nothing = dict.fromkeys(account.record(ids[0]))
    del nothing["id"]
    account.create(**{**nothing, "created_at": "2025-07-01 00:00:00+00"})
    return account


def install(name: str, *pins: str) -> Path:
    """Return the commands of a separate environment with these packages.

    It is kept for the next run with the same packages.
    """
    venv = ROOT / ".venv" / "loaders" / name
    note = venv / "installed"
    wanted = "\n".join((sys.version, *pins))
    if not note.is_file() or note.read_text() != wanted:
        python = str(venv / "bin" / "python")
        for command in (
            ("venv", "--quiet", "--clear", "--python", str(BIN / "python"), str(venv)),
            ("pip", "install", "--quiet", "--python", python, *pins),
        ):
            subprocess.run([BIN / "uv", *command], check=True, timeout=600)
        note.write_text(wanted)
    return venv / "bin"


class Loader(ABC):
    """A loader, and a folder to run it in.

    Attributes:
        name: What the page calls it.
        appends: Whether a row that is sent again does not replace the old one.
    """

    name: str
    appends = False

    def __init__(self, folder: Path, values: Mapping[str, str]) -> None:
        """Install it and fill in its configuration.

        Args:
            folder: An empty one.
            values: The values of the variables in the configuration.
        """
        plugin = PLUGINS[self.name]
        config = Template(json.dumps(plugin["config"])).substitute(values)
        self.config: dict[str, Any] = json.loads(config)
        self.env: dict[str, str] = plugin.get("env", {})
        self.bin = install(self.name, *plugin["pip_url"].split())
        self.values = values
        self.folder = folder
        self.output.mkdir()

    @property
    def output(self) -> Path:
        """Where files go."""
        return self.folder / "output"

    def run(
        self,
        api: StandIn,
        *,
        state: Mapping[str, Any] | None = None,
        mirror: bool = False,
        catalog: Mapping[str, Any] | None = None,
    ) -> tap.Run:
        """Pipe the tap into the loader and return what the loader prints.

        Args:
            api: Where the tap reads.
            state: The state of the previous run.
            mirror: FULL_TABLE with ACTIVATE_VERSION, of the API keys.
            catalog: What else is selected.
        """
        account = {"api_key": api.account.api_key, "api_url": api.url}
        settings = {**account, "emit_activate_version_messages": mirror}
        catalog = _FULL_TABLE if mirror else catalog
        config = self.folder / "loader.json"
        config.write_text(json.dumps(self.config))
        # A variable of the caller's own PostgreSQL would change what is loaded.
        inherited = {k: v for k, v in tap.environment().items() if k[:2] != "PG"}
        arguments = tap.arguments(self.folder, settings, state, catalog)
        extractor = tap.Started(self.folder, *arguments)
        assert extractor.process.stdout
        with subprocess.Popen(
            [self.bin / self.name, "--config", config],
            cwd=self.folder,
            env=inherited | self.env,
            stdin=extractor.process.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as loader:
            extractor.process.stdout.close()  # the tap sees when the loader ends
            stdout, stderr = loader.communicate(timeout=300)
        code = extractor.process.wait(timeout=60)
        stderr += extractor.stderr.encode()
        return tap.Run(loader.returncode or code, stdout, stderr.decode())

    def load(
        self,
        api: StandIn,
        *,
        state: Mapping[str, Any] | None = None,
        mirror: bool = False,
        catalog: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """Run without an error and return the last state that the loader prints."""
        run = self.run(api, state=state, mirror=mirror, catalog=catalog)
        assert run.returncode == 0, run.stderr
        return run.messages[-1] if run.stdout else None

    @abstractmethod
    def rows(self) -> list[Row]:
        """The API keys that have been loaded; the later row of a key comes later."""

    @abstractmethod
    def nested(self, stream: str, columns: Sequence[str]) -> list[Row]:
        """Rows of another stream: `id`, and these columns as JSON would have them.

        Args:
            stream: Its name.
            columns: Columns of objects, of arrays, and of numbers.
        """

    def types(self) -> dict[str, str]:
        """The types of the columns, if the loader makes any."""
        return {}

    def altered(self, row: Row) -> Row:
        """What a row becomes if a value is lost."""
        return row

    def ask(self, code: str, *args: str) -> list[dict[str, Any]]:
        """Run Python code in the loader's environment; it prints a list in JSON."""
        result = subprocess.run(
            [self.bin / "python", "-c", code, *args],
            check=True,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            timeout=60,
        )
        objects: list[dict[str, Any]] = json.loads(result.stdout)
        return objects


def without_empty_texts(row: Row) -> Row:
    """A row whose empty texts have become null."""
    return {name: None if value == "" else value for name, value in row.items()}


class Postgres(Loader):
    """Rows in a table with a primary key."""

    name = "target-postgres"

    def __init__(self, folder: Path, values: Mapping[str, str]) -> None:
        """Install it; the variables are those of a database."""
        super().__init__(folder, values)
        self.config["port"] = int(self.config["port"])  # as Meltano does
        self.database = Database(
            self.config["port"], values["POSTGRES_PASSWORD"], self.config["database"]
        )

    def rows(self) -> list[Row]:
        return list(loaded_rows(self.database).values())

    def nested(self, stream: str, columns: Sequence[str]) -> list[Row]:
        names = sql.SQL(", ").join(map(sql.Identifier, ("id", *columns)))
        table = sql.Identifier("partoo", stream)
        query = sql.SQL("SELECT {} FROM {}").format(names, table)
        with self.database.connect() as connection:
            rows = connection.cursor(row_factory=dict_row).execute(query).fetchall()
        return [
            {k: float(v) if isinstance(v, Decimal) else v for k, v in row.items()}
            for row in rows
        ]

    def types(self) -> dict[str, str]:
        with self.database.connect() as connection:
            rows = connection.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
                "WHERE attrelid = 'partoo.api_keys'::regclass AND attnum > 0 "
                "AND attname NOT LIKE '\\_sdc\\_%'"
            )
            return dict(rows.fetchall())


class JsonLines(Loader):
    """A line of JSON for each record."""

    name = "target-jsonl"
    appends = True

    def rows(self) -> list[Row]:
        with (self.output / "api_keys.jsonl").open() as lines:
            return [expected_row(json.loads(line)) for line in lines]

    def nested(self, stream: str, columns: Sequence[str]) -> list[Row]:
        with (self.output / f"{stream}.jsonl").open() as lines:
            rows = [json.loads(line) for line in lines]
        return [{name: row.get(name) for name in ("id", *columns)} for row in rows]


class Csv(Loader):
    """A CSV file for each run: everything is text, null is empty."""

    name = "target-csv"
    appends = True

    def rows(self) -> list[Row]:
        rows = []
        for path in sorted(self.output.glob("api_keys*.csv")):
            with path.open(newline="", encoding="utf-8") as file:
                rows += [self._row(cells) for cells in csv.DictReader(file)]
        return rows

    def nested(self, stream: str, columns: Sequence[str]) -> list[Row]:
        rows = []
        for path in self.output.glob(f"{stream}-*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                for cells in csv.DictReader(file):
                    row = {n: ast.literal_eval(cells[n] or "None") for n in columns}
                    rows.append({"id": cells["id"], **row})
        return rows

    @staticmethod
    def _row(cells: dict[str, str]) -> Row:
        row: Row = {name: text or None for name, text in cells.items()}
        for name in ("id", "disabled", "has_restricted_permissions", *LISTS):
            row[name] = ast.literal_eval(cells[name] or "None")
        return expected_row(row)

    def altered(self, row: Row) -> Row:
        return without_empty_texts(row)


class DuckDB(Loader):
    """Rows in a table with a primary key, in a file."""

    name = "target-duckdb"

    def select(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, with timestamps marked as UTC."""
        code = """
import duckdb, json, sys
cursor = duckdb.connect("output/warehouse.duckdb", read_only=True).execute(sys.argv[1])
names = [column[0] for column in cursor.description]
rows = [dict(zip(names, row)) for row in cursor.fetchall()]
json.dump(rows, sys.stdout, default=lambda moment: f"{moment}+00:00")
"""
        return self.ask(code, query)

    def rows(self) -> list[Row]:
        rows = self.select("FROM partoo.api_keys")
        for row in rows:
            row |= {name: json.loads(row[name] or "null") for name in LISTS}
        return [expected_row(row) for row in rows]

    def nested(self, stream: str, columns: Sequence[str]) -> list[Row]:
        rows = self.select(f"SELECT id, {', '.join(columns)} FROM partoo.{stream}")  # noqa: S608
        for row in rows:
            for name in columns:
                if isinstance(row[name], str):
                    row[name] = json.loads(row[name])
        return rows

    def types(self) -> dict[str, str]:
        columns = self.select("DESCRIBE partoo.api_keys")
        return {column["column_name"]: column["column_type"] for column in columns}

    def altered(self, row: Row) -> Row:
        return without_empty_texts(row)


class S3(Loader):
    """A Parquet file for each run, in a bucket."""

    name = "target-s3"
    appends = True

    def _read(self) -> list[dict[str, Any]]:
        """The name, the rows and the types of each file, in the order of the names."""
        code = """
import boto3, io, json, sys
from pyarrow.parquet import read_table
config = json.loads(sys.argv[1])
keys = ("aws_access_key_id", "aws_secret_access_key")
client = boto3.client(
    "s3",
    endpoint_url=config["aws_endpoint_override"],
    region_name=config["aws_region"],
    **{key: config[key] for key in keys},
)
bucket = config["aws_bucket"]
files = []
for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
    body = client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
    table = read_table(io.BytesIO(body))
    types = {field.name: str(field.type) for field in table.schema}
    rows = table.to_pylist()
    files.append({"key": item["Key"], "rows": rows, "types": types})
json.dump(files, sys.stdout, default=str)
"""
        return self.ask(code, json.dumps(self.config["cloud_provider"]["aws"]))

    def rows(self) -> list[Row]:
        return [expected_row(row) for file in self._read() for row in file["rows"]]

    def nested(self, stream: str, columns: Sequence[str]) -> list[Row]:
        return [
            {name: row[name] for name in ("id", *columns)}
            for file in self._read()
            if f"/{stream}/" in file["key"]
            for row in file["rows"]
        ]

    def types(self) -> dict[str, str]:
        types: dict[str, str] = self._read()[0]["types"]
        return types

    def altered(self, row: Row) -> Row:
        return {
            name: value.replace(microsecond=0) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
