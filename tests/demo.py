"""See the tap at work without a Partoo account or a database: `make demo`."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import requests

from tests.meltano_project import Project, expected_rows, loaded_rows
from tests.partoo_api import Account, StandIn, make_keys
from tests.postgres import postgres
from tests.views import show

if TYPE_CHECKING:
    from tests.postgres import Database

API_KEY = "demo-key"
CHANGES_SECONDS = 3
COMMAND = ("el", "tap-partoo", "target-postgres", "--state-id", "demo")

# What Meltano logs that says nothing about this run.
NOISE = (
    "METRIC",
    "Skipping parse",
    "Inserting with SQL",
    "state backend",
    "Transformation skipped",
)

SELECT = """
SELECT id, left(label, 20) AS label, left(user_name, 18) AS user_name, user_role,
       to_char(created_at, 'YYYY-MM-DD HH24:MI') AS created_at,
       to_char(last_used_at, 'YYYY-MM-DD HH24:MI') AS last_used_at,
       to_char(revoked_at, 'YYYY-MM-DD HH24:MI') AS revoked_at, disabled
FROM partoo.api_keys
ORDER BY id = ANY(%s) DESC, id DESC
LIMIT 8"""


def say(text: str = "") -> None:
    print(text, flush=True)


def run_meltano(project: Project) -> None:
    """Run the pipeline, showing what it logs as it goes."""
    with project.start(*COMMAND) as process:
        assert process.stderr is not None
        for line in process.stderr:
            # Without the time and the level.
            message = line.rstrip().partition("] ")[2] or line.rstrip()
            if not any(noise in message for noise in NOISE):
                say(f"    {message}")
        code = process.wait()
    if code:
        sys.exit(f"meltano failed with exit code {code}: see above.")


def change_account(api: StandIn) -> tuple[int, int]:
    """Create a key and revoke another, over HTTP; returns their ids."""
    client = requests.Session()
    client.trust_env = False  # no proxy between us and this machine
    client.headers["x-APIKey"] = API_KEY
    fields = {"label": "Created by the demo"}
    created = client.post(f"{api.url}/api_keys", json=fields, timeout=10)
    created.raise_for_status()
    new: int = created.json()["id"]
    used: list[int] = [
        record["id"]
        for record in api.account.records()
        if record["user_name"] and record["last_used_at"] and not record["disabled"]
    ]
    old = used[-10]
    client.post(f"{api.url}/api_keys/revoke/{old}", timeout=10).raise_for_status()
    say("Now the account changes, as it would between two nights:")
    say(f"    POST /v2/api_keys              creates key {new}")
    say(f"    POST /v2/api_keys/revoke/{old}  revokes key {old}")
    return new, old


def extracted_since(database: Database, sequence: int) -> tuple[list[int], int]:
    """The keys that reached the table after `sequence`, and the latest sequence."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT id, _sdc_sequence FROM partoo.api_keys "
            "WHERE _sdc_sequence > %s ORDER BY id",
            (sequence,),
        ).fetchall()
    return [row[0] for row in rows], max((row[1] for row in rows), default=sequence)


def show_table(database: Database, marks: dict[int, str]) -> None:
    """Print the marked rows, and some of the others."""
    with database.connect() as connection:
        cursor = connection.execute(SELECT, (list(marks),))
        names = [column.name for column in cursor.description or ()]
        rows = sorted(cursor.fetchall())
    lines = [names] + [[cell(value) for value in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        padded = [
            value + " " * (wide - width(value))
            for value, wide in zip(line, widths, strict=True)
        ]
        mark = marks.get(rows[number - 1][0], "") if number else ""
        say(f"    {'  '.join(padded)}  {mark}".rstrip())


def cell(value: object) -> str:
    return "-" if value is None else str(value)


def width(text: str) -> int:
    """Columns of a terminal: Chinese and Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "FW" else 1 for c in text)


def demonstrate(directory: Path) -> None:
    keys = make_keys(287)
    with (
        StandIn(Account(keys, api_key=API_KEY)) as api,
        postgres() as database,
    ):
        say(f"A stand-in of the Partoo API, {len(keys)} made-up API keys: {api.url}")
        say(f"A throwaway PostgreSQL: {database.host}:{database.port}")
        project = Project(
            directory,
            database.env
            | {"TAP_PARTOO_API_KEY": API_KEY, "TAP_PARTOO_API_URL": api.url},
        )
        say()
        say(f"Run 1: meltano {' '.join(COMMAND)}")
        run_meltano(project)
        first, sequence = extracted_since(database, 0)
        say(f"=> run 1 extracted {len(first)} keys")

        say()
        new, old = change_account(api)
        # As between two nights: of what has just changed nobody can tell whether Partoo
        # has counted it, so that the list would be read twice.
        time.sleep(CHANGES_SECONDS)

        say()
        say("Run 2: the same command. Meltano kept the state of run 1.")
        run_meltano(project)
        second, _ = extracted_since(database, sequence)
        say(f"=> run 2 extracted {len(second)} keys: the new one, the revoked one,")
        say("   and those active since the bookmark of run 1, which come again and are")
        say("   written over themselves")

        say()
        say("Some rows of the table partoo.api_keys, times in UTC:")
        show_table(database, {new: "<- new", old: "<- revoked"})

        say()
        check(database, api.account, changed={new, old} <= set(second))
        show_views(database)


def show_views(database: Database) -> None:
    """Create views on what was loaded and print some of their rows."""
    for view in ("api_key_findings", "store_month_reputation"):
        say()
        say(f"Some rows of the view docs/views/{view}.sql:")
        for line in show(database, view):
            say(f"    {line}")


def check(database: Database, account: Account, *, changed: bool) -> None:
    """End with an error unless the table is the account."""
    loaded, expected = loaded_rows(database), expected_rows(account)
    if loaded != expected or not changed:
        wrong = [key for key in expected if loaded.get(key) != expected[key]]
        sys.exit(
            f"FAILED: the account has {len(expected)} keys, the table {len(loaded)} "
            f"rows; keys that differ or are missing: {wrong}"
        )
    say(
        f"Checked: {len(loaded)} rows for {len(expected)} keys, every column equal to "
        "the account's."
    )


def stop(number: int, _frame: object) -> NoReturn:
    """Unwind, so that everything started is stopped."""
    sys.exit(128 + number)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with tempfile.TemporaryDirectory(prefix="tap-partoo-demo-") as directory:
        demonstrate(Path(directory))
    say("Both servers are stopped and their data removed.")
    say("What to do next: README.md, under 'Use it with your own key'.")


if __name__ == "__main__":
    main()
