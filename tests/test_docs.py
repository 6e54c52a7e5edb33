"""The pages are true: links work, tables match the code, examples run."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from tap_partoo.settings import SETTINGS
from tap_partoo.streams import STREAMS
from tap_partoo.tap import TapPartoo
from tests import pages
from tests.in_process import run_here
from tests.meltano_project import ROOT, Project
from tests.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

    from tests.partoo_api import StandIn

REPOSITORY = re.compile(
    r"https://(?:raw\.githubusercontent\.com/tap-partoo/tap-partoo"
    r"|github\.com/tap-partoo/tap-partoo/(?:blob|tree))/main/(\S+)"
)
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda path: str(path.relative_to(ROOT))
)


def tokens(page: Path) -> Iterator[Token]:
    """The elements of a page as GitHub reads it, inline ones included."""
    parsed = MarkdownIt().enable("table").parse(page.read_text("utf-8"))
    for token in parsed:
        yield token
        yield from token.children or ()


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    found, names = list(tokens(page)), set()
    for opening, inline in pairwise(found):
        if opening.type == "heading_open":
            text = "".join(part.content for part in inline.children or ())
            names.add(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return names


def links(page: Path) -> list[str]:
    values = (token.attrGet("href") or token.attrGet("src") for token in tokens(page))
    return [str(value) for value in values if value]


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if "://" in path:
            assert path.startswith("https://")
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_addresses_of_this_repository_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for path in REPOSITORY.findall(text):
        assert (ROOT / path.rstrip(").,`")).exists(), path


def test_the_readme_leads_to_every_page() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            paths = (
                link.partition("#")[0] for link in links(page) if "://" not in link
            )
            waiting += [
                (page.parent / path).resolve() for path in paths if path.endswith(".md")
            ]
    assert seen >= set(PAGES)


def rows(page: str) -> dict[str, list[str]]:
    """The cells of the rows of a page's tables, by the names in the first cell."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    found = re.findall(r"^\| (`.+?) \| (.*) \|$", text, re.MULTILINE)
    return {
        name: cells.split(" | ")
        for names, cells in found
        for name in re.findall(r"`([a-z]\w+)`", names)
    }


def examples(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    found: list[str] = re.findall(rf"(?ms)^```{language}\n(.*?)^```", text)
    assert found
    return found


def from_yaml(text: str) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe").load(text)
    return content


def test_settings_are_all_told_and_their_defaults_are_true() -> None:
    listed = rows("settings.md")
    schema = copy.deepcopy(SETTINGS)
    TapPartoo.append_builtin_config(schema)
    assert set(listed) == set(schema["properties"])
    words = dict.fromkeys(("required", "all", "none", "tap-partoo/<version>"))
    # The SDK's own, which it adds in place, have a table of two columns.
    own = {name: cells for name, cells in listed.items() if len(cells) > 1}
    assert "api_key" in own
    for name, (cell, _) in own.items():
        expected = schema["properties"][name].get("default")
        if isinstance(expected, bool):
            expected = str(expected).lower()
        default = cell.strip("`")
        assert words.get(default, default) == (expected and str(expected)), name


def test_the_example_of_a_file_is_accepted(api: StandIn) -> None:
    [text] = examples("settings.md", "json")
    config = json.loads(text)
    assert config.keys() <= SETTINGS["properties"].keys()
    run = run_here(api, config=config | {"api_key": api.account.api_key})
    assert run.ids
    assert "WARNING" not in run.stderr


def test_requests_of_streams_are_those_that_are_counted() -> None:
    counted = (ROOT / "docs" / "requests.md").read_text("utf-8")
    for name, rows in (
        ("reviews", "500,000 reviews of three years"),
        ("presence_metrics", "2,000 stores, 18 months"),
    ):
        title = f"First run of `{name}`: {rows}"
        assert f"| {title} | {pages.COSTS[name].full} |" in counted


def test_pages_of_streams_are_those_of_the_code() -> None:
    made = pages.pages()
    assert set((ROOT / "docs" / "columns").glob("*.md")) < set(made)
    for path, text in made.items():
        assert path.read_text("utf-8") == text, "run `python -m tests.pages`"
    for path, parts in pages.blocks().items():
        text = path.read_text("utf-8")
        assert pages.with_blocks(text, parts) == text, "run `python -m tests.pages`"
    assert list(pages.COSTS) == [stream.name for stream in STREAMS]


def test_what_is_said_to_hold_personal_data_exists() -> None:
    for stream in STREAMS:
        paths = {path for path, _, _ in pages.fields(stream.columns.to_dict())}
        assert set(stream.personal_data) <= paths


def test_examples_of_columns_and_mirrors_run(api: StandIn, tmp_path: Path) -> None:
    """One run with what a page adds to the extractor; then the query of another."""
    project = Project(tmp_path)
    yaml, file = YAML(), tmp_path / "meltano.yml"
    content = yaml.load(file)
    [_, metadata] = examples("replication.md", "yaml")
    content["plugins"]["extractors"][0] |= from_yaml(metadata)
    yaml.dump(content, file)
    with postgres() as database:
        key = {
            "TAP_PARTOO_API_KEY": api.account.api_key,
            "TAP_PARTOO_API_URL": api.url,
        }
        run = project.run("el", "tap-partoo", "target-postgres", env=key | database.env)
        assert run.returncode == 0, run.stderr
        assert "api_keys: FULL_TABLE" in run.stderr
        [query] = examples("columns/api_keys.md", "sql")
        with database.connect() as connection:
            unused = connection.execute(query).fetchall()
    now = datetime.now(UTC)
    assert {row[0] for row in unused} == {
        key["id"]
        for key in api.account.records()
        if not key["disabled"]
        and (key["expiration_date"] or "9999") >= now.date().isoformat()
        and not is_recent(key["last_used_at"], now)
    }


def is_recent(use: str | None, now: datetime) -> bool:
    return use is not None and datetime.fromisoformat(use) > now - timedelta(days=90)
