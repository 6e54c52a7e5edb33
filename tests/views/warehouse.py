"""A database with the tables of all views, as the tap and the loader make them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from tests import tap
from tests.in_process import discover
from tests.meltano_project import ROOT
from tests.partoo_api import Account, StandIn
from tests.postgres import Database, postgres
from tests.views.account import account_of_views, delete_some
from tests.views.files import FILES, TABLES, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER = ROOT / ".meltano/loaders/target-postgres/venv/bin/target-postgres"


@dataclass(frozen=True)
class Warehouse:
    """An account, and a database that has the tables of all views.

    The sessions of the database start in a time zone that is not UTC.
    """

    account: Account
    server: Database
    database: Database

    def copy(self) -> Database:
        """Make a database with the same tables."""
        copied = self.server.create_database(timezone="Europe/Paris")
        with self.server.connect() as connection:
            for statement in (
                "DROP DATABASE {copied}",
                "CREATE DATABASE {copied} TEMPLATE {source}",
                "ALTER DATABASE {copied} SET timezone = 'Europe/Paris'",
            ):
                names = {"copied": copied.name, "source": self.database.name}
                connection.execute(
                    sql.SQL(statement).format(
                        **{key: sql.Identifier(name) for key, name in names.items()}
                    )
                )
        return copied


@contextlib.contextmanager
def warehouse() -> Iterator[Warehouse]:
    """Let the tap load an account twice.

    Between the runs the views are created and some rows are deleted: the loader must
    work with the views, and the views with its marks.
    """
    account = account_of_views()
    with (
        StandIn(account) as api,
        postgres() as server,
        tempfile.TemporaryDirectory(prefix="tap-partoo-views-") as folder,
    ):
        database = server.create_database(timezone="Europe/Paris")
        _load(api, database, Path(folder))
        with database.connect() as connection:
            for view in FILES:
                connection.execute(statements(view).encode())
        delete_some(account)
        _load(api, database, Path(folder))
        yield Warehouse(account, server, database)


def _load(api: StandIn, database: Database, folder: Path) -> None:
    """Mirror the streams of the views: what is deleted gets marked."""
    wanted = {name for tables in TABLES.values() for name in tables}
    catalog = discover()
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
        (root,) = (each for each in stream["metadata"] if not each["breadcrumb"])
        root["metadata"]["selected"] = stream["tap_stream_id"] in wanted
    settings = {
        "api_key": api.account.api_key,
        "api_url": api.url,
        "emit_activate_version_messages": True,
        "requests_per_minute": 6000,
    }
    extracted = tap.run(*tap.arguments(folder, settings, catalog=catalog))
    assert extracted.returncode == 0, extracted.stderr
    config = folder / "loader.json"
    config.write_text(
        json.dumps(
            {
                "host": database.host,
                "port": database.port,
                "user": database.user,
                "password": database.password,
                "database": database.name,
                "default_target_schema": "partoo",
            }
        )
    )
    # A variable of the caller's own PostgreSQL would change what is loaded.
    inherited = {k: v for k, v in tap.environment().items() if k[:2] != "PG"}
    subprocess.run(
        [_LOADER, "--config", config],
        check=True,
        env=inherited | {"PGTZ": "UTC"},  # as in meltano.yml
        input=extracted.stdout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
