"""The example of docs/CONTRIBUTING.md becomes a stream that reads its rows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

from tests.meltano_project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
READ = """
import json

from tests.every import catalog_of
from tests.in_process import run_here
from tests.partoo_api import Account, StandIn

account = Account()
account.fill("google_locations", 95)
with StandIn(account) as api:
    run = run_here(api, catalog=catalog_of("google_locations"))
    rows = account["google_locations"].rows()
print(json.dumps([run.records, rows, len(api.requests)]))
"""


def example(place: str) -> str:
    """The code that a step tells to write into a file."""
    _, found, rest = PAGE.partition(f"`{place}`")
    assert found
    code = re.search(r"   ```python\n(.*?)   ```", rest, re.DOTALL)
    assert code
    return textwrap.dedent(code[1])


def register(file: Path, imported: str, name: str, opening: str) -> None:
    """Add what a registry needs: an import, and the name in its list."""
    text = file.read_text(encoding="utf-8")
    assert opening in text
    text = text.replace("\nif TYPE_CHECKING:", f"\n{imported}\n\nif TYPE_CHECKING:", 1)
    file.write_text(text.replace(opening, f"{opening}{name},\n", 1), encoding="utf-8")


def test_the_example_reads_its_rows(tmp_path: Path) -> None:
    for name in ("tap_partoo", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "schemas", "bench")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    resources = "tests/partoo_api/resources"
    for place in ("tap_partoo/streams/locations.py", f"{resources}/locations.py"):
        (tmp_path / place).write_text(example(place), encoding="utf-8")
    register(
        tmp_path / "tap_partoo/streams/__init__.py",
        "from tap_partoo.streams.locations import GoogleLocations",
        "GoogleLocations",
        "STREAMS: tuple[type[PartooStream], ...] = (\n",
    )
    register(
        tmp_path / resources / "__init__.py",
        "from .locations import GOOGLE_LOCATIONS",
        "GOOGLE_LOCATIONS",
        "for resource in (\n",
    )
    done = subprocess.run(
        [sys.executable, "-c", READ],
        check=True,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=60,
    )
    records, rows, requests = json.loads(done.stdout.splitlines()[-1])
    assert records == rows
    assert len(rows) == 95
    assert requests == 4  # pages of 30, and nothing else
