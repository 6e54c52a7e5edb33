"""The command `tap-partoo` with other constants; everything else is real.

python -m tests.patched streams.progress.PROGRESS_SECONDS=0.5 -- --config config.json
"""

from __future__ import annotations

import importlib
import sys

from tap_partoo.__main__ import main


def command(**constants: float) -> tuple[str, ...]:
    """Return the command with constants such as `api__retrying__X_SECONDS=0.5`."""
    given = [f"{name.replace('__', '.')}={value}" for name, value in constants.items()]
    return (sys.executable, "-m", "tests.patched", *given, "--")


def patch(assignment: str) -> None:
    """Set a constant; it must exist."""
    name, _, value = assignment.partition("=")
    module_name, _, constant = name.rpartition(".")
    module = importlib.import_module(f"tap_partoo.{module_name}")
    assert hasattr(module, constant), name
    setattr(module, constant, float(value))


if __name__ == "__main__":
    end = sys.argv.index("--")
    for argument in sys.argv[1:end]:
        patch(argument)
    del sys.argv[1 : end + 1]
    main()
