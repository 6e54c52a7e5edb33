"""The tap under the real Meltano, into a real PostgreSQL and JSON lines."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.meltano_project import (
    BIN,
    ROOT,
    Project,
    Row,
    expected_row,
    expected_rows,
    loaded_rows,
)
from tests.partoo_api import Account, StandIn, make_keys
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EL = ("el", "tap-partoo", "target-postgres", "--state-id", "test")
# Settings of the SDK that meltano.yml leaves out: nothing here is nested or made up.
SDK_DETAILS = {"faker_config", "flattening_max_key_length", "flattening_separator"}
WRONG_KEY = {"TAP_PARTOO_API_KEY": "wrong-key-8gQ"}


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    with postgres() as database:
        yield database


@pytest.fixture
def small_api() -> Iterator[StandIn]:
    with StandIn(Account(make_keys(5))) as api:
        yield api


def project_for(
    directory: Path, api: StandIn, database: Database | None = None
) -> Project:
    """A project whose `.env` is the example, filled in."""
    values = {"TAP_PARTOO_API_KEY": api.account.api_key}
    values |= database.env if database else {}
    lines = (ROOT / ".env.example").read_text().splitlines()
    for number, line in enumerate(lines):
        name = line.partition("=")[0]
        if name in values:
            lines[number] = f"{name}={values.pop(name)}"
    assert not values, "variables that .env.example does not name"
    lines.append(f"TAP_PARTOO_API_URL={api.url}")
    lines.remove("PGTZ=UTC")  # meltano.yml says so as well, and has to suffice
    (directory / ".env").write_text("\n".join(lines))
    return Project(directory)


def versions(database: Database) -> dict[int, str]:
    """What PostgreSQL changes in each row that is written, whatever is written."""
    with database.connect() as connection:
        rows = connection.execute("SELECT id, xmin::text FROM partoo.api_keys")
        return dict(rows.fetchall())


def moments(row: Row) -> list[datetime]:
    """When the key was created, then when it was used and revoked, if it was."""
    values = [row[name] for name in ("created_at", "last_used_at", "revoked_at")]
    return [value for value in values if isinstance(value, datetime)]


def warnings(stderr: str) -> list[str]:
    return [
        line
        for line in stderr.splitlines()
        if "warn" in line.lower() and "No state was found" not in line
    ]


def test_two_runs_load_the_account_and_then_its_changes(
    api: StandIn, server: Database, tmp_path: Path
) -> None:
    # On such a database the loader shifts timestamps unless PGTZ is UTC.
    database = server.create_database(timezone="Europe/Paris")
    project = project_for(tmp_path, api, database)

    first = project.run(*EL)
    assert first.returncode == 0, first.stderr
    assert warnings(first.stderr) == []
    before, written = loaded_rows(database), versions(database)
    assert len(before) == 287
    assert before == expected_rows(api.account)

    new = api.account.create(label="Clé n° 288")["id"]
    old = next(key for key, row in before.items() if not row["disabled"])
    api.account.revoke(old)
    second = project.run(*EL)
    assert second.returncode == 0, second.stderr
    assert warnings(second.stderr) == []
    after = loaded_rows(database)
    assert after == expected_rows(api.account)
    assert {key for key in after if after[key] != before.get(key)} == {new, old}
    # A second run writes what was active at or after the bookmark of the first.
    bookmark = max(moments(row)[0] for row in before.values())
    active = {key for key, row in after.items() if max(moments(row)) >= bookmark}
    rewritten = versions(database)
    assert {key for key in after if rewritten[key] != written.get(key)} == active
    assert len(active) < 30
    with database.connect() as connection:
        primary_key = connection.execute(
            "SELECT attname FROM pg_index "
            "JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) "
            "WHERE indrelid = 'partoo.api_keys'::regclass AND indisprimary"
        ).fetchall()
    assert primary_key == [("id",)]


def test_the_example_job_keeps_its_state(
    small_api: StandIn, server: Database, tmp_path: Path
) -> None:
    database = server.create_database()
    project = project_for(tmp_path, small_api, database)
    listed = project.run("schedule", "list")
    assert "partoo-daily: partoo-to-postgres" in listed.stdout
    assert warnings(listed.stderr) == []
    for _ in range(2):
        run = project.run("run", "partoo-to-postgres")
        assert run.returncode == 0, run.stderr
        assert loaded_rows(database) == expected_rows(small_api.account)
        small_api.account.create()
    assert "5 keys read, 5 emitted" not in run.stderr


def test_config_test_accepts_a_good_key_and_explains_a_wrong_one(
    small_api: StandIn, tmp_path: Path
) -> None:
    project = project_for(tmp_path, small_api)
    good = project.run("config", "test", "tap-partoo")
    assert good.returncode == 0, good.stderr
    assert "Plugin configuration is valid" in good.stdout + good.stderr

    wrong = project.run("config", "test", "tap-partoo", env=WRONG_KEY)
    said = wrong.stdout + wrong.stderr
    assert wrong.returncode != 0
    assert said.count("Error: ") == 1
    assert "401" in said
    assert "Traceback" not in said
    assert "{" not in said
    assert WRONG_KEY["TAP_PARTOO_API_KEY"] not in said


def test_el_shows_the_sentence_of_a_failure(small_api: StandIn, tmp_path: Path) -> None:
    project = project_for(tmp_path, small_api)
    wrong = project.run("el", "tap-partoo", "target-jsonl", env=WRONG_KEY)
    assert wrong.returncode != 0
    [line] = [line for line in wrong.stderr.splitlines() if "Error: Partoo" in line]
    assert "Partoo refused the API key (HTTP 401). Check `api_key`" in line
    assert WRONG_KEY["TAP_PARTOO_API_KEY"] not in wrong.stdout + wrong.stderr


def test_json_lines_through_a_pipe(api: StandIn, tmp_path: Path) -> None:
    target = ROOT / ".meltano/loaders/target-jsonl/venv/bin/target-jsonl"
    config = {"api_key": api.account.api_key, "api_url": api.url}
    (tmp_path / "tap.json").write_text(json.dumps(config))
    (tmp_path / "target.json").write_text('{"do_timestamp_file": false}')
    with subprocess.Popen(
        [BIN / "tap-partoo", "--config", "tap.json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tap:
        subprocess.run(
            [target, "--config", "target.json"],
            cwd=tmp_path,
            stdin=tap.stdout,
            check=True,
            timeout=120,
            capture_output=True,
        )
    assert tap.returncode == 0
    lines = (tmp_path / "api_keys.jsonl").read_text().splitlines()
    rows = [expected_row(json.loads(line)) for line in lines]
    assert len(rows) == 287
    assert {row["id"]: row for row in rows} == expected_rows(api.account)


def test_settings_are_those_of_the_tap() -> None:
    shown = about()
    described = shown["settings"]["properties"]
    file: dict[str, Any] = YAML(typ="safe").load(ROOT / "meltano.yml")
    [extractor] = file["plugins"]["extractors"]
    settings = {setting["name"]: setting for setting in extractor["settings"]}
    assert settings.keys() == described.keys() - SDK_DETAILS
    for name, setting in settings.items():
        schema = described[name]
        assert setting["description"] == schema["description"]
        assert setting["label"] == schema["title"]
        assert setting.get("sensitive", False) == schema.get("secret", False)
        options = [option["value"] for option in setting.get("options", [])]
        assert options == [value for value in schema.get("enum", []) if value]
        kind = "options" if options else setting.get("kind", "string")
        if schema["type"][0] != "string":
            assert kind == schema["type"][0]
    assert set(extractor["capabilities"]) <= set(shown["capabilities"])


def about() -> dict[str, Any]:
    shown = subprocess.run(
        [BIN / "tap-partoo", "--about", "--format=json"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    answer: dict[str, Any] = json.loads(shown.stdout)
    return answer
