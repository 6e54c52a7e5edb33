"""docs/architecture.md agrees with the code."""

from __future__ import annotations

import ast
import importlib
import re
from typing import TYPE_CHECKING

from tests.meltano_project import ROOT
from tests.test_sdk_seams import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FIRST_DIAGRAM = TEXT.partition("```mermaid\n")[2].partition("```")[0]
PACKAGE = ROOT / "tap_partoo"
MODULES = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}

FLOORS = (
    {"errors", "redaction"},
    {"singer"},
    {"reading", "records", "api"},
    {"settings", "streams"},
    {"tap"},
    {"__main__"},
)
"""The packages by level: each may import those of lower levels only."""
ALONE = {"reading", "records", "singer"}
"""Packages that import only the lowest level."""


def first_cells(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    _, found, rest = TEXT.partition(f"\n## {heading}\n")
    assert found
    section, _, _ = rest.partition("\n## ")
    return re.findall(r"^\| `(.+?)` \| \S.* \|$", section, re.MULTILINE)


def test_modules_are_those_that_exist() -> None:
    listed = first_cells("The modules of `tap_partoo/`")
    assert len(listed) == len(MODULES)
    assert set(listed) == MODULES


def test_private_names_are_those_that_are_checked() -> None:
    listed = first_cells("What the tap uses of the SDK")
    assert sorted(listed) == sorted(f"{cls.__name__}.{name}" for cls, name in METHODS)


def test_figures_are_those_of_the_code() -> None:
    figures = re.findall(r"`([A-Z_]+)` \(([\d.]+)\)", TEXT)
    assert figures
    names = [f"tap_partoo.{name.removesuffix('.py')}" for name in MODULES]
    modules = [
        importlib.import_module(name.replace("/", ".").removesuffix(".__init__"))
        for name in names
    ]
    for name, figure in figures:
        values = {getattr(module, name, None) for module in modules} - {None}
        assert values == {float(figure)}, name


def test_modules_of_the_diagrams_exist() -> None:
    diagrams = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
    named = {
        name
        for diagram in diagrams
        for names in re.findall(r"<i>(.*?)</i>", diagram)
        for name in names.split(", ")
    }
    assert named
    assert {f"{name}.py" for name in named} <= MODULES


def floor(room: str) -> int:
    [number] = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return number


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules that some code imports when it runs, not only for types."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module == "tap_partoo":
        yield from (f"tap_partoo.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def test_imports_go_downwards_only() -> None:
    seen = set()
    for name in MODULES - {"__init__.py"}:
        room = name.partition("/")[0].removesuffix(".py")
        names = imported(ast.parse((PACKAGE / name).read_text(encoding="utf-8")))
        rooms = {n.split(".")[1] for n in names if n.startswith("tap_partoo.")} - {room}
        seen |= {(room, other) for other in rooms}
        assert [other for other in rooms if floor(other) >= floor(room)] == [], name
        assert room not in ALONE or rooms <= FLOORS[0], name
    drawn = set()
    for line in re.findall(r"^    (\w.*) --> (.+)$", FIRST_DIAGRAM, re.MULTILINE):
        froms, tos = (side.replace("main", "__main__").split(" & ") for side in line)
        drawn |= {(f, t) for f in froms for t in tos if t != "ground"}
    assert drawn == {(f, t) for f, t in seen if t not in FLOORS[0]}


def test_only_one_module_knows_the_streams_of_the_sdk() -> None:
    users = {
        name
        for name in MODULES
        if re.search(
            r"\b(RESTStream|singer_sdk\.streams)\b", (PACKAGE / name).read_text()
        )
    }
    assert users == {"streams/sdk.py"}


def test_modules_that_pages_name_exist() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        named = set(re.findall(r"`(\w+/\w+\.py)`", page.read_text(encoding="utf-8")))
        ours = {name for name in named if (PACKAGE / name).parent.is_dir()}
        assert ours <= MODULES, page.name
