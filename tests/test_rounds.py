"""Run, change, run, change: what PostgreSQL holds after each round.

The loader is the real one. For the rounds the tap runs in this process, to save
time; for the failures as a process, and under Meltano.
"""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row
from ruamel.yaml import YAML

from tests import tap
from tests.in_process import discover_api_keys, run_here
from tests.meltano_project import ROOT, Project, Row, expected_rows
from tests.partoo_api import Account, StandIn, faults, make_keys
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunTap

KEYS = 60
ROUNDS = 6
PER_PAGE = 20
MIRROR = {"per_page": PER_PAGE, "emit_activate_version_messages": True}
AS_COPY = {"stream_maps": {"api_keys": {"__alias__": "copy"}}}
EL = ("el", "tap-partoo", "target-postgres", "--state-id", "rounds")


@pytest.fixture
def database() -> Iterator[Database]:
    with postgres() as server:
        yield server.create_database()


@dataclass
class Year:
    """An account with all possible changes."""

    account: Account
    rng: random.Random = field(default_factory=lambda: random.Random(20))
    edited: set[int] = field(default_factory=set)
    """Keys that were edited since they were created, used or revoked."""
    deleted: set[int] = field(default_factory=set)

    def go_on(self) -> None:
        """Let two days pass, in which some of it happens."""
        account = self.account
        account.clock_offset += timedelta(days=2)
        for _ in range(self.rng.randint(1, 3)):
            account.create()
        ids = [record["id"] for record in account.records()]
        used, revoked, edited, both, deleted = self.rng.sample(ids, 5)
        account.touch(used)
        account.revoke(revoked)
        account.edit(edited, label=f"Renamed {self.rng.random()}")
        account.edit(both, ip_whitelist=["203.0.113.9"])
        account.touch(both)
        account.delete(deleted)
        self.edited -= {used, revoked, both}
        self.edited |= {edited}
        self.deleted |= {deleted}


@dataclass
class Loader:
    """The installed target-postgres, fed by a pipe."""

    database: Database
    folder: Path

    def load(self, *runs: tap.Run) -> dict[str, Any]:
        """Load what the tap has written; return the state that a runner would keep."""
        config = self.folder / "target.json"
        database = self.database
        settings = {
            "host": database.host,
            "port": database.port,
            "user": database.user,
            "password": database.password,
            "database": database.name,
            "default_target_schema": "partoo",
            "hard_delete": True,
        }
        config.write_text(json.dumps(settings))
        venv = ROOT / ".meltano/loaders/target-postgres/venv"
        loaded = subprocess.run(
            [venv / "bin/target-postgres", "--config", config],
            input=b"".join(run.stdout for run in runs),
            capture_output=True,
            check=False,
            env=tap.environment({"PGTZ": "UTC"}),
            timeout=120,
        )
        assert loaded.returncode == 0, loaded.stderr.decode()
        lines = loaded.stdout.splitlines()
        state: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return state


def full_table() -> dict[str, Any]:
    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    return catalog


def without_edits(row: Row) -> Row:
    """Leave out what was edited, which carries no timestamp."""
    return {k: v for k, v in row.items() if k not in {"label", "ip_whitelist"}}


def rows_of(database: Database, table: str) -> dict[int, Row]:
    """The rows of a table by id, without the loader's own columns."""
    query = sql.SQL("SELECT * FROM partoo.{}").format(sql.Identifier(table))
    with database.connect() as connection:
        rows = connection.cursor(row_factory=dict_row).execute(query).fetchall()
    return {
        row["id"]: {k: v for k, v in row.items() if not k.startswith("_sdc_")}
        for row in rows
    }


def project_for(folder: Path, api: StandIn, database: Database) -> Project:
    """A project with the lines of the README that make the table a mirror."""
    project = Project(
        folder,
        {
            "TAP_PARTOO_API_KEY": api.account.api_key,
            "TAP_PARTOO_API_URL": api.url,
            "TAP_PARTOO_PER_PAGE": str(PER_PAGE),
            **database.env,
        },
    )
    yaml, file = YAML(), folder / "meltano.yml"
    content = yaml.load(file)
    [extractor] = content["plugins"]["extractors"]
    extractor["metadata"] = {"api_keys": {"replication-method": "FULL_TABLE"}}
    extractor["config"] = {"emit_activate_version_messages": True}
    loader = next(
        plugin
        for plugin in content["plugins"]["loaders"]
        if plugin["name"] == "target-postgres"
    )
    loader["config"]["hard_delete"] = True
    yaml.dump(content, file)
    return project


def test_rounds(database: Database, tmp_path: Path) -> None:
    """Into two tables: one by incremental runs, one as a mirror by FULL_TABLE.

    One loader loads both, because to start it takes longer than all the rest.
    """
    year = Year(Account(make_keys(KEYS)))
    loader = Loader(database, tmp_path)
    state: dict[str, Any] = {}
    loaded = 0
    with StandIn(year.account) as api:
        for number in range(ROUNDS):
            increment = run_here(api, config={"per_page": PER_PAGE}, state=state)
            whole = run_here(api, config=MIRROR | AS_COPY, catalog=full_table())
            state = loader.load(whole, increment)
            listed = expected_rows(year.account)
            assert rows_of(database, "copy") == listed

            rows = rows_of(database, "api_keys")
            # Keys that Partoo has deleted stay where they are, and edits do not show.
            assert listed.keys() <= rows.keys() <= listed.keys() | year.deleted
            assert {
                key: without_edits(rows[key]) if key in year.edited else rows[key]
                for key in listed
            } == {
                key: without_edits(row) if key in year.edited else row
                for key, row in listed.items()
            }
            assert number == 0 or len(increment.ids) < KEYS / 2
            loaded += len(increment.ids)
            year.go_on()
    assert len(year.edited) >= ROUNDS // 2
    assert loaded < 3 * KEYS


def test_run_that_fails_leaves_the_mirror_as_it_was(
    database: Database, tmp_path: Path, run_tap: RunTap
) -> None:
    account = Account(make_keys(KEYS))
    loader = Loader(database, tmp_path)
    with StandIn(account) as api:
        loader.load(run_here(api, config=MIRROR, catalog=full_table()))
        before = rows_of(database, "api_keys")
        assert before == expected_rows(account)

        change_after_the_first_page(account)
        api.faults.add(faults.PERMANENT["401"], page=2, times=None)
        failed = run_tap(api, config=MIRROR, catalog=full_table())
        assert failed.returncode == 1
        assert len(failed.ids) == PER_PAGE
        loader.load(failed)
        assert rows_of(database, "api_keys") == before

        folder = tmp_path / "project"
        folder.mkdir()
        project = project_for(folder, api, database)
        assert project.run(*EL).returncode != 0
        assert rows_of(database, "api_keys") == before

        api.faults.clear()
        run = project.run(*EL)
        assert run.returncode == 0, run.stderr
        assert rows_of(database, "api_keys") == expected_rows(account) != before


def change_after_the_first_page(account: Account) -> None:
    """So that any change in the table comes from what was not read."""
    later = [record["id"] for record in account.records()[PER_PAGE:]]
    account.delete(later[3])
    account.delete(later[-1])
    account.edit(later[5], label="Renamed")
    account.create()
