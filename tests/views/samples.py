"""The samples of docs/views.md: `python -m tests.views` renews them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.meltano_project import ROOT
from tests.views.files import cell

if TYPE_CHECKING:
    import psycopg

PAGE = ROOT / "docs" / "views.md"

_SAMPLE = re.compile(r"(?ms)^(```sql\n(SELECT.+?);\n```\n\n)(?:^\|.*?\n)*")


def page(connection: psycopg.Connection) -> str:
    """Return the page with the rows that its queries return."""

    def with_rows(match: re.Match[str]) -> str:
        cursor = connection.execute(match[2].encode())
        names = [column.name for column in cursor.description or ()]
        lines = [names, ["---"] * len(names)]
        lines += [[cell(value) for value in row] for row in cursor]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return f"{match[1]}{table}"

    return _SAMPLE.sub(with_rows, PAGE.read_text("utf-8"))
