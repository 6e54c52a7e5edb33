"""The README is true: its commands run as they stand."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tap_partoo.streams import STREAMS
from tests.every import catalog_of
from tests.in_process import run_here
from tests.meltano_project import BIN, ROOT, Project, expected_rows, loaded_rows
from tests.partoo_api import StandIn, faults, whole_account
from tests.postgres import postgres
from tests.tap import environment

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    _, found, rest = README.partition(f" {title}\n")
    assert found
    return re.split(r"\n#+ ", rest)[0]


def commands(title: str) -> str:
    """The shell commands of a section."""
    [block] = re.findall(r"```sh\n(.*?)```", section(title), re.DOTALL)
    return str(block)


def test_meltano_commands_load_the_account(api: StandIn, tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    copied, *rest = commands("From this checkout").splitlines()
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


def test_the_version_of_meltano_is_beside_its_commands() -> None:
    for title in ("In a Meltano project", "From this checkout"):
        assert "Meltano 4 or newer" in section(title)


def bookmark_of(state: dict[str, Any]) -> str:
    entry = state["bookmarks"]["api_keys"]
    assert entry["replication_key"] == "created_at"
    return str(entry["replication_key_value"])


def test_plain_commands_keep_the_state(api: StandIn, tmp_path: Path) -> None:
    tap, target, key, once, *each = commands("Without Meltano").splitlines()
    assert key == "export TAP_PARTOO_API_KEY=..."
    shutil.copytree(ROOT / "tap_partoo", tmp_path / "tap_partoo")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    search = f"{BIN}:/usr/bin:/bin"  # a Python that is new enough
    env = environment({"TAP_PARTOO_API_URL": api.url, "PATH": search})

    def emitted() -> int:
        return sum(
            len(path.read_text().splitlines()) for path in tmp_path.glob("api_keys*")
        )

    def run(*script: str, api_key: str = api.account.api_key) -> dict[str, Any]:
        subprocess.run(
            ["/bin/bash", "-euc", "\n".join(script)],
            check=True,
            cwd=tmp_path,
            env=env | {"TAP_PARTOO_API_KEY": api_key},
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        *_, last = (tmp_path / "states.jsonl").read_text().splitlines()
        state: dict[str, Any] = json.loads(last)
        return state

    api.faults.add(faults.redirect(api.url), page=3)
    assert run(tap, target, once, *each) == {}
    assert emitted() > 0
    for path in tmp_path.glob("api_keys*"):
        path.unlink()

    state = run(*each)
    assert emitted() == len(api.account.records())
    bookmark = bookmark_of(state)
    for api_key in (api.account.api_key, "wrong", api.account.api_key):
        assert bookmark_of(run(*each, api_key=api_key)) == bookmark
    assert emitted() < 2 * len(api.account.records())


def test_one_line_adds_a_stream_and_another_one_tells_about_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with StandIn(whole_account()) as api:
        done = subprocess.run(
            ["/bin/bash", "-euc", commands("Streams")],
            check=True,
            capture_output=True,
            cwd=tmp_path,
            env={
                **project.env,
                "TAP_PARTOO_API_URL": api.url,
                "TAP_PARTOO_API_KEY": api.account.api_key,
                "PATH": f"{BIN}:/usr/bin:/bin",
            },
            timeout=120,
            stdin=subprocess.DEVNULL,
            text=True,
        )
    selected = re.findall(r"^(\w+) +yes {7}yes ", done.stdout, re.MULTILINE)
    assert selected == ["api_keys", "reviews"]


def yaml_of(title: str) -> list[dict[str, Any]]:
    blocks = re.findall(r"```yaml\n(.*?)```", section(title), re.DOTALL)
    return [YAML(typ="safe").load(block) for block in blocks]


def values_at(record: dict[str, Any], path: list[str]) -> list[Any]:
    """The values at a path, through objects and through lists of them."""
    found: list[Any] = [record]
    for name in path:
        flat = [
            x for item in found for x in (item if isinstance(item, list) else [item])
        ]
        found = [item[name] for item in flat if isinstance(item, dict) and name in item]
    return found


def test_exclusions_leave_no_personal_data(tmp_path: Path) -> None:
    project = Project(tmp_path)
    selection, _ = yaml_of("Personal data")
    assert [p for p in selection["select"] if p[0] != "!"] == ["api_keys.*"]
    selection["select"][0] = "*.*"
    file = tmp_path / "meltano.yml"
    content = YAML(typ="safe").load(file)
    content["plugins"]["extractors"][0] |= selection
    YAML().dump(content, file)
    with StandIn(whole_account()) as api:
        key = {
            "TAP_PARTOO_API_KEY": api.account.api_key,
            "TAP_PARTOO_API_URL": api.url,
        }
        done = project.run("el", "tap-partoo", "target-jsonl", env=key)
    assert done.returncode == 0, done.stderr
    assert "no effect" not in done.stderr
    for stream in STREAMS:
        lines = (tmp_path / "output" / f"{stream.name}.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert records
        for path in stream.personal_data:
            seen = [v for record in records for v in values_at(record, path.split("."))]
            assert seen == [], f"{stream.name}.{path}"


def test_the_recipe_hashes_a_column() -> None:
    _, recipe = yaml_of("Personal data")
    pepper = recipe["config"]["stream_map_config"]["pepper"]
    with StandIn(whole_account()) as api:
        run = run_here(api, config=recipe["config"], catalog=catalog_of("reviews"))
        names = {r["id"]: r["author_name"] for r in api.account["reviews"].rows()}
    assert run.records
    for record in run.records:
        name = names[record["id"]]
        hashed = name and hashlib.sha256((pepper + name).encode()).hexdigest()
        assert record["author_name"] == hashed
