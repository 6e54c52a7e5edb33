"""Run the real Meltano on this checkout's `meltano.yml`, with its own state."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.partoo_api import Account
    from tests.postgres import Database

Row = dict[str, object]

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

# Variables of the caller's own project, account or database.
_FOREIGN = ("MELTANO_", "TAP_PARTOO_", "TARGET_", "POSTGRES_", "PG", "XDG_STATE_HOME")


class Project:
    """A copy of the Meltano project that shares only the installed plugins."""

    def __init__(
        self,
        directory: Path,
        env: Mapping[str, str] | None = None,
        source: Path = ROOT,
    ) -> None:
        """Make the copy.

        Args:
            directory: An empty directory for it.
            env: What a user would have in the shell.
            source: The project to copy.
        """
        self.directory = directory
        for name in ("extractors", "loaders"):
            installed = ROOT / ".meltano" / name
            if not installed.is_dir():
                msg = "The plugins of meltano.yml are not installed. Run: make setup"
                raise RuntimeError(msg)
            (directory / ".meltano").mkdir(exist_ok=True)
            (directory / ".meltano" / name).symlink_to(installed)
        shutil.copy(source / "meltano.yml", directory)
        shutil.copytree(source / "plugins", directory / "plugins")
        (directory / "output").mkdir()
        self.env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(_FOREIGN)
                and not name.lower().endswith("_proxy")  # all is on this machine
            },
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            # Meltano makes a directory for logs outside the project.
            "XDG_STATE_HOME": str(directory / "state"),
            **(env or {}),
        }

    def run(
        self, *args: str, env: Mapping[str, str] | None = None, timeout: float = 180
    ) -> subprocess.CompletedProcess[str]:
        """Run `meltano` to its end, whatever its exit code."""
        with self.start(*args, env=env) as process:
            stdout, stderr = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(args, process.returncode, stdout, stderr)

    @contextlib.contextmanager
    def start(
        self, *args: str, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Start `meltano`; leaving the block early ends it with tap and loader."""
        with subprocess.Popen(
            [BIN / "meltano", *args],
            cwd=self.directory,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def filled_in(example: Path, values: Mapping[str, str]) -> list[str]:
    """The lines of an `.env.example` with these values; each must have its line."""
    rest = dict(values)
    lines = []
    for line in example.read_text(encoding="utf-8").splitlines():
        name = line.partition("=")[0]
        lines.append(f"{name}={rest.pop(name)}" if name in rest else line)
    assert not rest, "variables that .env.example does not name"
    return lines


def loaded_rows(database: Database, schema: str = "partoo") -> dict[int, Row]:
    """The table's rows by id, without the loader's own columns."""
    table = sql.Identifier(schema, "api_keys")
    with database.connect() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        rows = cursor.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
    return {
        row["id"]: {
            column: value
            for column, value in row.items()
            if not column.startswith("_sdc_")
        }
        for row in rows
    }


def expected_rows(account: Account) -> dict[int, Row]:
    """The expected rows of the account's keys, computed without the tap's code."""
    return {record["id"]: expected_row(record) for record in account.records()}


def expected_row(record: Mapping[str, object]) -> Row:
    """One expected row, also from a record of the tap."""
    row = dict(record)
    for column in ("created_at", "last_used_at", "revoked_at"):
        # The loader's columns have no time zone; they should contain UTC.
        text = row[column]
        row[column] = (
            datetime.fromisoformat(str(text)).astimezone(UTC).replace(tzinfo=None)
            if text
            else None
        )
    day = row["expiration_date"]
    row["expiration_date"] = date.fromisoformat(str(day)) if day else None
    return row
