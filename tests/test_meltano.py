"""The tap under the real Meltano, into a real PostgreSQL and JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import termios
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from tests.meltano_project import (
    BIN,
    ROOT,
    Project,
    Row,
    expected_row,
    expected_rows,
    filled_in,
    loaded_rows,
)
from tests.partoo_api import Account, StandIn, make_keys
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EL = ("el", "tap-partoo", "target-postgres", "--state-id", "test")
WRONG_KEY = {"TAP_PARTOO_API_KEY": "wrong-key-8gQ"}
[EXTRACTOR] = YAML(typ="safe").load(ROOT / "meltano.yml")["plugins"]["extractors"]
NO_KEY = {"TAP_PARTOO_API_KEY": ""}


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
    lines = filled_in(ROOT / ".env.example", values)
    lines.append(f"TAP_PARTOO_API_URL={api.url}")
    lines.remove("PGTZ=UTC")  # meltano.yml sets it as well, which must suffice
    (directory / ".env").write_text("\n".join(lines))
    return Project(directory)


def versions(database: Database) -> dict[int, str]:
    """What PostgreSQL changes in each row that is written, even if it is the same."""
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
    # A second run writes what was active since the first, and a day before it.
    rewritten = versions(database)
    assert {key for key in after if rewritten[key] != written.get(key)} == {new, old}
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
    by_name = ("el", "tap-partoo", "target-postgres", "--state-id")
    commands = {
        ("run", "partoo-to-postgres"): "5 records read, 5 emitted",
        ("run", "tap-partoo", "target-postgres"): "6 records read, 1 emitted",
        (*by_name, "dev:tap-partoo-to-target-postgres"): "7 records read, 1 emitted",
    }
    for month, (command, summary) in enumerate(commands.items(), 1):
        run = project.run(*command)
        assert run.returncode == 0, run.stderr
        assert summary in run.stderr
        assert loaded_rows(database) == expected_rows(small_api.account)
        # Older than the run, or the list might be read twice.
        small_api.account.create(created_at=f"2026-0{month}-28 08:00:00+00")


def test_config_test_accepts_a_good_key_and_explains_others(
    small_api: StandIn, tmp_path: Path
) -> None:
    project = project_for(tmp_path, small_api)
    good = project.run("config", "test", "tap-partoo")
    assert good.returncode == 0, good.stderr
    assert "Plugin configuration is valid" in good.stdout + good.stderr

    for env, sentence in (
        (
            WRONG_KEY,
            "Error: Partoo refused the API key (HTTP 401). Check that `api_key`",
        ),
        (NO_KEY, "Error: The setting `api_key` is missing"),
    ):
        bad = project.run("config", "test", "tap-partoo", env=env)
        said = bad.stdout + bad.stderr
        assert bad.returncode != 0
        assert said.count("Error: ") == said.count(f"\n{sentence}") == 1
        assert "Traceback" not in said
        assert "{" not in said
        assert WRONG_KEY["TAP_PARTOO_API_KEY"] not in said


def test_el_shows_the_sentence_of_a_failure(small_api: StandIn, tmp_path: Path) -> None:
    project = project_for(tmp_path, small_api)
    wrong = project.run("el", "tap-partoo", "target-jsonl", env=WRONG_KEY)
    assert wrong.returncode != 0
    [line] = [line for line in wrong.stderr.splitlines() if "Error: Partoo" in line]
    assert "Partoo refused the API key (HTTP 401). Check that `api_key`" in line
    assert WRONG_KEY["TAP_PARTOO_API_KEY"] not in wrong.stdout + wrong.stderr


def test_the_sentence_of_a_failure_is_an_error_of_the_tap(
    small_api: StandIn, tmp_path: Path
) -> None:
    project = project_for(tmp_path, small_api)
    el = ("el", "tap-partoo", "target-jsonl")
    wrong = project.run("--log-level=warning", *el, env=WRONG_KEY)
    assert wrong.returncode != 0
    [line] = [line for line in wrong.stderr.splitlines() if "Error: Partoo" in line]
    assert "[error    ] tap-partoo" in line


def test_meltano_knows_level_and_logger_of_what_the_tap_says(
    small_api: StandIn, tmp_path: Path
) -> None:
    small_api.account.create(colour="red")
    project = project_for(tmp_path, small_api)
    run = project.run("--log-format=json", "el", "tap-partoo", "target-jsonl")
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    said = [line for line in lines if line.get("name") == "tap-partoo"]
    loggers = {"tap-partoo", "tap-partoo.api_keys", "singer_sdk.metrics"}
    assert {line["plugin_logger"] for line in said} == loggers
    [warning] = [line for line in said if line["level"] == "warning"]
    assert "colour" in warning["event"]


class Dialogue:
    """A command in a terminal, and the person in front of it."""

    def __init__(self, terminal: int) -> None:
        """Take the person's end of the terminal."""
        self._terminal = terminal

    def read_until(self, prompt: str) -> str:
        """Return the words shown up to a prompt, without frames and colours."""
        shown = b""
        while prompt.encode() not in shown:
            ready, _, _ = select.select([self._terminal], [], [], 60)
            assert ready, shown.decode()
            shown += os.read(self._terminal, 65536)
        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown.decode())
        return " ".join(re.sub(r"[\u2500-\u257f]", " ", text).split())

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._terminal, f"{line}\n".encode())

    def press_any_key(self) -> None:
        """Press a key once the program listens to keys instead of lines."""
        while termios.tcgetattr(self._terminal)[3] & termios.ICANON:
            time.sleep(0.01)
        os.write(self._terminal, b" ")


@contextlib.contextmanager
def dialogue_with(project: Project, *args: str) -> Iterator[Dialogue]:
    """Run `meltano` in a terminal; it has to end well by itself."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [BIN / "meltano", *args],
        cwd=project.directory,
        env={**project.env, "TERM": "xterm", "COLUMNS": "120"},
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
    ) as process:
        os.close(end)
        try:
            yield Dialogue(terminal)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            os.close(terminal)


def test_the_dialogue_describes_each_setting_and_hides_the_key(tmp_path: Path) -> None:
    project = Project(tmp_path)
    settings = {setting["name"]: setting for setting in EXTRACTOR["settings"]}
    number = {name: number for number, name in enumerate(settings, 1)}
    with dialogue_with(
        project, "config", "set", "tap-partoo", "--interactive"
    ) as dialogue:
        shown = dialogue.read_until("exit (e)?")
        for name, setting in settings.items():
            # Meltano cuts what is longer.
            assert f"{number[name]}. {name}: {setting['description'][:72]}" in shown

        dialogue.type(str(number["api_key"]))
        shown = dialogue.read_until("New value (redacted)")
        assert settings["api_key"]["description"] in shown
        dialogue.type("typed-key-4711")
        shown += dialogue.read_until("Repeat for confirmation")
        dialogue.type("typed-key-4711")
        shown += dialogue.read_until("any key")
        assert "typed-key-4711" not in shown
        dialogue.press_any_key()

        dialogue.read_until("exit (e)?")
        dialogue.type(str(number["api_keys_status"]))
        shown = dialogue.read_until("Select value")
        options = [option["label"] for option in settings["api_keys_status"]["options"]]
        assert " ".join(f"{n}. {label}" for n, label in enumerate(options, 1)) in shown
        dialogue.type("2")
        dialogue.read_until("any key")
        dialogue.press_any_key()
        dialogue.read_until("exit (e)?")
        dialogue.type("e")
    assert "TAP_PARTOO_API_KEY='typed-key-4711'" in (tmp_path / ".env").read_text()
    changed = YAML(typ="safe").load(tmp_path / "meltano.yml")
    [extractor] = changed["plugins"]["extractors"]
    assert extractor["config"] == {"api_keys_status": "inactive"}


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
