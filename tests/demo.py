"""See the tap at work without a Partoo account or a database: `make demo`."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import requests
from psycopg import sql

from tests.meltano_project import Project, expected_rows, loaded_rows
from tests.partoo_api import Account, StandIn, whole_account
from tests.postgres import postgres
from tests.views import show

if TYPE_CHECKING:
    from tests.postgres import Database

API_KEY = "demo-key"
CHANGES_SECONDS = 3
COMMAND = ("el", "tap-partoo", "target-postgres", "--state-id", "demo")

# What Meltano logs that does not concern this run.
NOISE = (
    "METRIC",
    "Skipping parse",
    "Inserting with SQL",
    "state backend",
    "Transformation skipped",
)

STREAMS = ("api_keys", "businesses", "reviews")
SELECT = """
SELECT 'api_keys' AS stream, id, left(label, 24) AS what,
       CASE WHEN disabled THEN 'revoked' ELSE 'not revoked' END AS state,
       to_char(coalesce(revoked_at, created_at), 'YYYY-MM-DD HH24:MI') AS since
FROM partoo.api_keys WHERE id = ANY(%(api_keys)s)
UNION ALL
SELECT 'reviews', id, rating || ' of 5, replies: ' || cardinality(comments), state,
       to_char(coalesce(delete_date, update_date, date), 'YYYY-MM-DD HH24:MI')
FROM partoo.reviews WHERE id = ANY(%(reviews)s)
ORDER BY 1, 2"""


def say(text: str = "") -> None:
    print(text, flush=True)


def run_meltano(project: Project, *command: str) -> None:
    """Run a command, and show its log meanwhile."""
    with project.start(*command) as process:
        assert process.stderr is not None
        for line in process.stderr:
            # Without the time and the level.
            message = line.rstrip().partition("] ")[2] or line.rstrip()
            if not any(noise in message for noise in NOISE):
                say(f"    {message}")
        code = process.wait()
    if code:
        sys.exit(f"meltano failed with exit code {code}: see above.")


@dataclass(frozen=True)
class Changes:
    """The ids of what changes between the two runs."""

    new: int
    revoked: int
    replied: int
    deleted: int

    def marks(self) -> dict[tuple[str, int], str]:
        """Comments on the rows."""
        return {
            ("api_keys", self.new): "<- new",
            ("api_keys", self.revoked): "<- revoked",
            ("reviews", self.replied): "<- got a reply",
            ("reviews", self.deleted): "<- deleted on Google",
        }


def change_account(api: StandIn) -> Changes:
    """Change keys over HTTP, and reviews as people on Google and in Partoo do."""
    account = api.account
    client = requests.Session()
    client.trust_env = False  # no proxy to this machine
    client.headers["x-APIKey"] = API_KEY
    fields = {"label": "Created by the demo"}
    created = client.post(f"{api.url}/api_keys", json=fields, timeout=10)
    created.raise_for_status()
    used: list[int] = [
        record["id"]
        for record in account.records()
        if record["user_name"] and record["last_used_at"] and not record["disabled"]
    ]
    old = used[-10]
    client.post(f"{api.url}/api_keys/revoke/{old}", timeout=10).raise_for_status()
    reviews = [
        row
        for row in account["reviews"].rows()
        if row["state"] == "not_treated" and row["rating"] and row["update_date"]
        if not row.get("comments")
    ]
    reviews.sort(key=lambda row: datetime.fromisoformat(row["update_date"]))
    oldest, newest = reviews[0]["id"], reviews[-1]["id"]
    account.reply(newest)
    account.mark_deleted(oldest)
    say("Now the account changes, as it would between two nights:")
    say(f"    key {created.json()['id']} is created, key {old} is revoked")
    say(f"    review {newest} gets a reply, which moves no date of the review")
    say(f"    review {oldest}, the oldest one, is deleted on Google")
    return Changes(created.json()["id"], old, newest, oldest)


def extracted_since(database: Database, sequences: dict[str, int]) -> dict[str, int]:
    """Count the rows that reached each table after `sequences`, and update these."""
    counts = {}
    with database.connect() as connection:
        for name in STREAMS:
            table = sql.Identifier("partoo", name)
            query = sql.SQL(
                "SELECT count(*), max(_sdc_sequence) FROM {} WHERE _sdc_sequence > %s"
            ).format(table)
            since = sequences.get(name, 0)
            [(counts[name], last)] = connection.execute(query, (since,)).fetchall()
            sequences[name] = last or since
    return counts


def described(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def show_rows(database: Database, changes: Changes) -> list[tuple[object, ...]]:
    """Print the rows that changed."""
    marks = changes.marks()
    ids = {
        name: [number for stream, number in marks if stream == name]
        for name in ("api_keys", "reviews")
    }
    with database.connect() as connection:
        cursor = connection.execute(SELECT, ids)
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    lines = [[*names, ""]]
    lines += [[*map(cell, row), marks[row[0], row[1]]] for row in rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [
            value + " " * (wide - width(value))
            for value, wide in zip(line, widths, strict=True)
        ]
        say(f"    {'  '.join(padded)}".rstrip())
    return rows


def cell(value: object) -> str:
    return "-" if value is None else str(value)


def width(text: str) -> int:
    """Columns of a terminal: Chinese and Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "FW" else 1 for c in text)


def demonstrate(directory: Path) -> None:
    account = whole_account(keys=287, businesses=40, reviews=1200, api_key=API_KEY)
    with StandIn(account) as api, postgres() as database:
        sizes = described({name: len(account[name].rows()) for name in STREAMS})
        say(f"A stand-in of the Partoo API with made-up rows ({sizes}): {api.url}")
        say(f"A throwaway PostgreSQL: {database.host}:{database.port}")
        project = Project(
            directory,
            database.env
            | {"TAP_PARTOO_API_KEY": API_KEY, "TAP_PARTOO_API_URL": api.url},
        )
        say()
        say("Selected are the API keys. Two lines add two streams:")
        for name in STREAMS[1:]:
            say(f'meltano select tap-partoo {name} "*"')
            run_meltano(project, "select", "tap-partoo", name, "*")
        say()
        say(f"Run 1: meltano {' '.join(COMMAND)}")
        run_meltano(project, *COMMAND)
        sequences: dict[str, int] = {}
        say(f"=> run 1 loaded {described(extracted_since(database, sequences))}")

        say()
        changes = change_account(api)
        # As between two nights: it is not certain whether Partoo has counted what has
        # just changed, so the list would be read twice.
        time.sleep(CHANGES_SECONDS)

        say()
        say("Run 2: the same command. Meltano kept the state of run 1.")
        run_meltano(project, *COMMAND)
        say(f"=> run 2 loaded {described(extracted_since(database, sequences))}:")
        say("   keys that are new, used or revoked; all businesses, which are few")
        say(
            "   requests; reviews of the last 30 days once more, for their replies, and"
        )
        say("   the deleted ones. They are written over themselves.")

        say()
        say("What changed, as it is in the tables now, times in UTC:")
        rows = show_rows(database, changes)

        say()
        check(database, account, rows, changes)
        show_views(database)


def show_views(database: Database) -> None:
    """Create views on what was loaded and print some of their rows."""
    for view in ("api_key_findings", "store_month_reputation"):
        say()
        say(f"Some rows of the view docs/views/{view}.sql:")
        for line in show(database, view):
            say(f"    {line}")


def check(
    database: Database,
    account: Account,
    rows: list[tuple[object, ...]],
    changes: Changes,
) -> None:
    """End with an error unless the tables are the account."""
    loaded, expected = loaded_rows(database), expected_rows(account)
    states = {(row[0], row[1]): row[3] for row in rows}
    wanted = {
        ("api_keys", changes.new): "not revoked",
        ("api_keys", changes.revoked): "revoked",
        ("reviews", changes.replied): "treated",
        ("reviews", changes.deleted): "deleted",
    }
    with database.connect() as connection:
        [(reviews,)] = connection.execute(
            "SELECT count(*) FROM partoo.reviews"
        ).fetchall()
    if loaded != expected or states != wanted or reviews != len(account["reviews"]):
        wrong = [key for key in expected if loaded.get(key) != expected[key]]
        sys.exit(
            f"FAILED: the account has {len(expected)} keys, the table {len(loaded)} "
            f"rows; keys that differ or are missing: {wrong}; the table has {reviews} "
            f"reviews; what changed is {states}"
        )
    say(
        f"Checked: {len(loaded)} rows for {len(expected)} keys, every column equal to "
        f"the account's, and {reviews} rows for {len(account['reviews'])} reviews."
    )


def stop(number: int, _frame: object) -> NoReturn:
    """Exit, so that everything that was started is stopped."""
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
