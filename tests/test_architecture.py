"""docs/architecture.md is true as far as the code can tell."""

from __future__ import annotations

import importlib
import re

from tests.meltano_project import ROOT
from tests.test_sdk_seams import METHODS

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "tap_partoo"
MODULES = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}


def first_cells(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    _, found, rest = TEXT.partition(f"\n## {heading}\n")
    assert found
    section, _, _ = rest.partition("\n## ")
    return re.findall(r"^\| `(.+?)` \| \S.* \|$", section, re.MULTILINE)


def test_modules_are_those_that_exist() -> None:
    told = first_cells("The modules of `tap_partoo/`")
    assert len(told) == len(MODULES)
    assert set(told) == MODULES


def test_private_names_are_those_that_are_checked() -> None:
    told = first_cells("What is taken from the SDK")
    assert sorted(told) == sorted(f"{cls.__name__}.{name}" for cls, name in METHODS)


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
