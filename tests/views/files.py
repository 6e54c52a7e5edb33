"""The files of docs/views: what creates a view, and some of its rows for a reader."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg import sql

from tests.meltano_project import ROOT
from tests.views.account import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.postgres import Database

FILES = {path.stem: path for path in sorted((ROOT / "docs" / "views").glob("*.sql"))}
TABLES = {
    name: set(re.findall(r"\w+", path.read_text("utf-8").splitlines()[0])[1:])
    for name, path in FILES.items()
}
"""The tables of each view, as its first comment names them."""


def statements(view: str, *, at: datetime | None = NOW) -> str:
    """Give what creates a view, for which it is always the same time."""
    text = FILES[view].read_text("utf-8")
    if at is None:
        return text
    assert text.count("now()") <= 1
    return text.replace("now()", f"TIMESTAMPTZ '{at.isoformat()}'")


def show(
    database: Database, view: str, columns: Sequence[str], limit: int
) -> list[str]:
    """Create a view of docs/views and give some of its rows, as lines of a table."""
    with database.connect() as connection:
        connection.execute(statements(view, at=None).encode())
        query = sql.SQL("SELECT {} FROM {} ORDER BY 1 DESC, 2, 3 LIMIT {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(view),
            limit,
        )
        rows = connection.execute(query).fetchall()
    lines = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            text.ljust(wide) for text, wide in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def cell(value: object) -> str:
    """Write a value for a reader."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value).replace("|", "\\|")
