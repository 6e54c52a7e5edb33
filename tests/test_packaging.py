"""What is built is what is meant, and runs on every Python that it names."""

from __future__ import annotations

import email.parser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import tap
from tests.meltano_project import BIN, ROOT, expected_row, expected_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

    from tests.conftest import RunTap
    from tests.partoo_api import StandIn

HOME = "https://github.com/tap-partoo/tap-partoo"
SOURCES = ("pyproject.toml", ".gitignore", "README.md", "CHANGELOG.md", "LICENSE")
CODE = {
    str(path.relative_to(ROOT))
    for path in (ROOT / "tap_partoo").rglob("*")
    if path.suffix == ".py" or path.name == "py.typed"
}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

GIT = shutil.which("git")

needs_git = pytest.mark.skipif(not GIT, reason="there is no git here")


def run(
    command: list[str | Path], cwd: Path, env: Mapping[str, str] | None = None
) -> str:
    """Run a command without what would change a build; return its output."""
    foreign = ("GIT_", "SETUPTOOLS_SCM_", "SOURCE_DATE_EPOCH", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return subprocess.run(
        command,
        check=True,
        cwd=cwd,
        env=kept | dict(env or {}),
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    ).stdout


def uv(
    *args: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> str:
    return run([BIN / "uv", "--no-python-downloads", "--quiet", *args], cwd, env)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this checkout, and the wheel made of it."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--python", sys.executable, "--out-dir", folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [path] = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return email.parser.BytesParser().parsebytes(archive.read(name))


def version_of(built: Path) -> str:
    name, version, *_ = built.name.removesuffix(".tar.gz").split("-")
    assert name == "tap_partoo"
    return version


# What is in them.


def test_sdist_holds_what_a_build_needs(dist: Path) -> None:
    [path] = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    top = path.name.removesuffix(".tar.gz")
    assert sorted(names) == sorted(
        f"{top}/{name}" for name in {*SOURCES, *CODE, "PKG-INFO"}
    )


def test_wheel_holds_the_package_only(wheel: Path) -> None:
    info = f"tap_partoo-{version_of(wheel)}.dist-info"
    about = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "tap_partoo/py.typed" in CODE
    assert sorted(names) == sorted({*CODE, *(f"{info}/{name}" for name in about)})


def test_wheel_of_the_sdist_is_that_of_the_tree(wheel: Path, tmp_path: Path) -> None:
    uv("build", "--wheel", "--python", sys.executable, "--out-dir", tmp_path)
    [direct] = tmp_path.glob("*.whl")
    assert direct.name == wheel.name
    assert direct.read_bytes() == wheel.read_bytes()


def test_metadata_is_complete(metadata: Message) -> None:
    assert metadata["Name"] == "tap-partoo"
    assert metadata["Summary"] == PYPROJECT["project"]["description"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Author"] == "tap-partoo contributors"
    assert metadata["Requires-Python"] == ">=3.11"
    assert len(metadata["Keywords"].split(",")) > 3
    links = dict(link.split(", ") for link in metadata.get_all("Project-URL", []))
    assert links.keys() == {
        "Homepage",
        "Documentation",
        "Changelog",
        "Issues",
        "Source",
    }
    for link in links.values():
        assert link.startswith(HOME)


def test_named_pythons_are_those_that_ci_tests(metadata: Message) -> None:
    named = re.findall(
        r"^Programming Language :: Python :: (3\.\d+)$",
        "\n".join(metadata.get_all("Classifier", [])),
        re.MULTILINE,
    )
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    [matrix] = re.findall(r"python: \[(.*)\]", workflow)
    assert named == re.findall(r"3\.\d+", matrix)


def test_readme_on_pypi_has_no_dead_links(wheel: Path, metadata: Message) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    shown = str(metadata.get_payload())
    source = (ROOT / "README.md").read_bytes().decode()
    files = f"{HOME}/blob/v{version_of(wheel)}/"
    assert shown.replace(files, "") == source
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert f"{files}CHANGELOG.md" in links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


# The version.


def copy(to: Path) -> Path:
    """What git has of the package, as files."""
    shutil.copytree(
        ROOT / "tap_partoo",
        to / "tap_partoo",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in SOURCES:
        shutil.copy(ROOT / name, to)
    return to


def git(tree: Path, *args: str) -> str:
    settings = {
        "user.name": "Test",
        "user.email": "test@example.com",
        "commit.gpgSign": "false",
        "tag.gpgSign": "false",
        "init.defaultBranch": "main",
    }
    given = [word for item in settings.items() for word in ("-c", "=".join(item))]
    assert GIT
    return run([GIT, *given, *args], tree).strip()


def commit(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message=A change")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sources outside of git."""
    (tmp_path / "tree").mkdir()
    return copy(tmp_path / "tree")


@pytest.fixture
def clone(tree: Path) -> Path:
    """The sources as a repository with one commit and no tag."""
    git(tree, "init", "--quiet")
    commit(tree)
    return tree


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with what builds need: an environment for each would take longer."""
    python = tmp_path_factory.mktemp("builder") / "venv" / "bin" / "python"
    uv("venv", "--python", sys.executable, python.parent.parent)
    uv("pip", "install", "--python", python, *PYPROJECT["build-system"]["requires"])
    return python


Build = Callable[..., str]


@pytest.fixture
def build(builder: Path, tmp_path: Path) -> Build:
    """Build a tree with further arguments; return the version of what came out."""

    def run(tree: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
        shared = ("--no-build-isolation", "--python", builder)
        uv("build", *shared, "--out-dir", tmp_path, *args, cwd=tree, env=env)
        [built] = [path for path in tmp_path.glob("tap_partoo-*") if path.is_file()]
        return version_of(built)

    return run


@needs_git
def test_version_is_the_tag_and_stays_in_the_sdist(
    clone: Path, build: Build, tmp_path: Path
) -> None:
    git(clone, "tag", "v0.7.3")
    assert build(clone, "--sdist") == "0.7.3"
    sdist = tmp_path / "tap_partoo-0.7.3.tar.gz"
    run(["tar", "-xzf", sdist], tmp_path)
    sdist.unlink()
    # Also where somebody keeps it in a repository of their own.
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=Theirs")
    git(tmp_path, "tag", "v9.9.9")
    assert build(tmp_path / "tap_partoo-0.7.3", "--wheel") == "0.7.3"


@needs_git
def test_version_after_a_tag_names_the_commit(clone: Path, build: Build) -> None:
    git(clone, "tag", "v0.7.3")
    commit(clone)
    head, _, node = build(clone, "--wheel").partition("+g")
    assert head == "0.7.4.dev1"
    assert len(node) > 5
    assert git(clone, "rev-parse", "HEAD").startswith(node)


@needs_git
def test_version_without_tags_is_before_the_first(clone: Path, build: Build) -> None:
    commit(clone)
    assert build(clone, "--wheel").startswith("0.1.dev2+g")


@needs_git
def test_version_of_a_shallow_clone(clone: Path, build: Build, tmp_path: Path) -> None:
    git(clone, "tag", "v0.7.3")
    commit(clone)
    git(tmp_path, "clone", "--quiet", "--depth=1", clone.as_uri(), "shallow")
    assert build(tmp_path / "shallow", "--wheel").startswith("0.1.dev1+g")


def test_version_of_a_tree_without_git(tree: Path, build: Build) -> None:
    assert build(tree, "--wheel") == "0.0"


@needs_git
def test_version_where_git_is_missing(
    clone: Path, build: Build, tmp_path: Path
) -> None:
    git(clone, "tag", "v0.7.3")
    (tmp_path / "bin").mkdir()
    nothing = {"PATH": str(tmp_path / "bin")}
    assert build(clone, "--wheel", env=nothing) == "0.0"


# Installed where nothing else is.


def interpreter(version: str) -> Path | None:
    """Find a Python, among those of pyenv as well."""
    if version == "{}.{}".format(*sys.version_info):
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    path = map(Path, os.environ["PATH"].split(os.pathsep))
    for place in (*path, *pyenv.glob("versions/*/bin")):
        python = place / f"python{version}"
        # The shims of pyenv exist and fail.
        if (
            python.exists()
            and not subprocess.run(
                [python, "-c", "import venv"],
                check=False,
                capture_output=True,
                timeout=60,
            ).returncode
        ):
            return python
    return None


def bare_environment(folder: Path, version: str) -> Path:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    uv("venv", "--python", python, folder / "venv")
    return folder / "venv" / "bin"


def assert_it_runs(bin_: Path, version: str, api: StandIn, run_tap: RunTap) -> None:
    command = [str(bin_ / "tap-partoo")]
    # As in pyproject.toml: the SDK's notice of the end of a Python's life is no fault.
    warnings = {"PYTHONWARNINGS": "error,once:Python:FutureWarning"}
    about = tap.run("--about", command=command, env=warnings)
    assert about.returncode == 0, about.stderr
    assert f"Version: {version}" in about.stdout.decode()
    sync = run_tap(api, command=command, env=warnings)
    assert sync.returncode == 0, sync.stderr
    rows = {record["id"]: expected_row(record) for record in sync.records}
    assert rows == expected_rows(api.account)
    assert len(sync.records) == len(rows) > 200
    agents = {request.headers["user-agent"] for request in api.requests}
    assert agents == {f"tap-partoo/{version}"}


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_wheel_runs_in_a_bare_environment(
    version: str, wheel: Path, api: StandIn, run_tap: RunTap, tmp_path: Path
) -> None:
    bin_ = bare_environment(tmp_path, version)
    uv("pip", "install", "--python", bin_ / "python", wheel)
    assert_it_runs(bin_, version_of(wheel), api, run_tap)


def test_wheel_runs_with_the_oldest_allowed_dependencies(
    wheel: Path, api: StandIn, run_tap: RunTap, tmp_path: Path
) -> None:
    bin_ = bare_environment(tmp_path, "3.11")
    pip = ("pip", "install", "--python", bin_ / "python")
    uv(*pip, "--resolution=lowest-direct", "--requirements", "pyproject.toml")
    # A lower bound that cannot be installed is wrong.
    frozen = uv("pip", "freeze", "--python", bin_ / "python").splitlines()
    allowed = {
        re.sub(r"\[.*\]|,.*", "", text).replace("~=", "==").replace(">=", "==")
        for text in PYPROJECT["project"]["dependencies"]
    }
    assert allowed <= set(frozen)
    uv(*pip, "--no-deps", wheel)
    assert_it_runs(bin_, version_of(wheel), api, run_tap)
