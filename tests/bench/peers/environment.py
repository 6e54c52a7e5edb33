"""The environment for the peers that the project itself does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.tap import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
FOLDER = ROOT / ".bench"
PYTHON = FOLDER / "venv" / "bin" / "python"
_BUILT = FOLDER / "built.txt"


def build() -> None:
    """Make the environment, unless it exists with the same requirements."""
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text(encoding='utf-8')}"
    if _BUILT.exists() and _BUILT.read_text(encoding="utf-8") == wanted:
        return
    print(f"Installing the peers in {FOLDER.name}/ ...", flush=True)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n", encoding="utf-8")
    uv = Path(sys.executable).with_name("uv")
    venv = str(FOLDER / "venv")
    _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv)
    where = ("--quiet", "--python", str(PYTHON))
    _run(uv, "pip", "install", *where, "--requirement", str(REQUIREMENTS))
    _BUILT.write_text(wanted, encoding="utf-8")


def versions() -> str:
    """Return which versions are installed there."""
    return _run(
        PYTHON,
        "-c",
        "from importlib.metadata import version as v\n"
        "print(', '.join(f'{n} {v(n)}' for n in ('dlt', 'orjson', 'requests')))",
    )


def _run(program: Path, *args: str) -> str:
    env = {n: v for n, v in os.environ.items() if n != "UV_PROJECT_ENVIRONMENT"}
    command = [str(program), *args]
    ended = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE)
    return ended.stdout.decode().strip()
