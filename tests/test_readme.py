"""The README is true: its tables are the code's, and its commands run as they stand."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tap_partoo.settings import SETTINGS
from tap_partoo.streams import ApiKeys
from tap_partoo.tap import TapPartoo
from tests.meltano_project import BIN, ROOT, Project, expected_rows, loaded_rows
from tests.postgres import postgres
from tests.tap import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.partoo_api import StandIn

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    _, found, rest = README.partition(f" {title}\n")
    assert found
    return re.split(r"\n#+ ", rest)[0]


def table(title: str) -> dict[str, list[str]]:
    """The cells of the rows of a section's tables, by the names in the first cell."""
    rows = re.findall(r"^\| (`.+?) \| (.*) \|$", section(title), re.MULTILINE)
    return {
        name: cells.split(" | ")
        for names, cells in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def commands(title: str) -> str:
    """The shell commands of a section."""
    [block] = re.findall(r"```sh\n(.*?)```", section(title), re.DOTALL)
    return str(block)


def test_settings_table_is_complete_and_its_defaults_are_true() -> None:
    told = table("Settings")
    schema = copy.deepcopy(SETTINGS)
    TapPartoo.append_builtin_config(schema)
    assert set(told) == set(schema["properties"])
    words = dict.fromkeys(("required", "all", "none", "tap-partoo/<version>"))
    # The SDK's own, which it adds in place, have a table of two columns.
    own = [name for name, cells in told.items() if len(cells) > 1]
    assert "api_key" in own
    for name in own:
        definition = schema["properties"][name]
        default = told[name][0].strip("` ")
        expected = definition.get("default")
        if isinstance(expected, bool):
            expected = str(expected).lower()
        assert words.get(default, default) == (expected and str(expected)), name


def test_columns_are_those_of_the_stream() -> None:
    told = table("Stream `api_keys`")
    assert list(told) == list(ApiKeys.schema["properties"])
    for name, definition in ApiKeys.schema["properties"].items():
        assert told[name][1] == definition["description"]


def test_files_that_it_links_exist() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_meltano_commands_load_the_account(api: StandIn, tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    copied, *rest = commands("With Meltano").splitlines()
    assert copied == "cp .env.example .env"
    shutil.copy(tmp_path / ".env.example", tmp_path / ".env")
    with postgres() as database:
        filled = {"TAP_PARTOO_API_KEY": api.account.api_key, **database.env}
        with (tmp_path / ".env").open("a") as file:  # what the reader is told to do
            file.writelines(f"{name}={value}\n" for name, value in filled.items())
        for _ in range(2):
            subprocess.run(
                ["/bin/bash", "-euc", "\n".join(rest)],
                check=True,
                cwd=tmp_path,
                env={**project.env, "TAP_PARTOO_API_URL": api.url},
                timeout=120,
                stdin=subprocess.DEVNULL,
            )
        assert loaded_rows(database) == expected_rows(api.account)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the tap as `pip install .` puts it there."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    for command in (
        ["venv", "--quiet", "--python", str(BIN / "python"), str(venv)],
        ["pip", "install", "--quiet", "--python", str(venv / "bin" / "python"), "."],
    ):
        subprocess.run([BIN / "uv", *command], check=True, cwd=ROOT, timeout=300)
    return venv


def test_plain_commands_keep_the_state(
    api: StandIn,
    installed: Path,
    tmp_path: Path,
) -> None:
    first, key, *rest = commands("Without Meltano").splitlines()
    assert (first, key) == ("pip install .", "export TAP_PARTOO_API_KEY=...")
    loader = ROOT / ".meltano" / "loaders" / "target-jsonl" / "venv" / "bin"
    env = {
        **environment(),
        "PATH": f"{installed / 'bin'}:{loader}:/usr/bin:/bin",
        "TAP_PARTOO_API_KEY": api.account.api_key,
        "TAP_PARTOO_API_URL": api.url,
    }

    def emitted() -> int:
        return sum(
            len(path.read_text().splitlines()) for path in tmp_path.glob("api_keys*")
        )

    def run(script: list[str]) -> None:
        subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", "\n".join(script)],
            check=True,
            cwd=tmp_path,
            env=env,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    run(rest)
    assert emitted() == len(api.account.records())
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["bookmarks"]["api_keys"]["replication_key"] == "created_at"
    run(rest[1:])  # all but the empty state
    assert emitted() < 2 * len(api.account.records())
