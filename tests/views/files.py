"""The files of docs/views: what creates a view, and some of its rows for a reader."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.meltano_project import ROOT
from tests.views.account import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.postgres import Database

FILES = {path.stem: path for path in sorted((ROOT / "docs" / "views").glob("*.sql"))}
TABLES = {
    name: set(re.findall(r"\w+", path.read_text("utf-8").splitlines()[0])[1:])
    for name, path in FILES.items()
}
"""The tables of each view, from its first comment."""


def statements(view: str, *, at: datetime | None = NOW) -> str:
    """Return the SQL that creates a view with a fixed current time."""
    text = FILES[view].read_text("utf-8")
    if at is None:
        return text
    assert text.count("now()") <= 1
    return text.replace("now()", f"TIMESTAMPTZ '{at.isoformat()}'")


_SHOWN = {
    "api_key_findings": (
        "SELECT key_id, severity, finding, left(why, 60) AS why FROM api_key_findings"
        " ORDER BY key_id DESC, severity <> 'high', finding"
    ),
    "store_month_reputation": (
        "SELECT store_code, month, reviews, average_rating, satisfied, dissatisfied,"
        " response_rate, share_within_48h FROM store_month_reputation"
        " ORDER BY month DESC, store_code"
    ),
}


def show(database: Database, view: str, limit: int = 5) -> Iterator[str]:
    """Create a view and give some of its rows, as lines of a table."""
    with database.connect() as connection:
        loaded = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'partoo'"
        ).fetchall()
        if missing := TABLES[view] - {name for (name,) in loaded}:
            yield f"needs {', '.join(sorted(missing))}, which this run did not load"
            return
        connection.execute(statements(view, at=None).encode())
        cursor = connection.execute(f"{_SHOWN[view]} LIMIT {limit}".encode())
        rows = [[column.name for column in cursor.description or ()]]
        rows += [[cell(value) for value in row] for row in cursor]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = map(str.ljust, row, widths)
        yield "  ".join(texts).rstrip()


def cell(value: object) -> str:
    """Write a value for a reader."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value).replace("|", "\\|")
