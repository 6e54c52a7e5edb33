"""Runs one command and prints its cost.

It is a small process of its own, because on Linux, the peak memory of a command is at
least that of the process that starts it.

`python -I -S measure.py STDOUT STDERR COMMAND...`
"""

from __future__ import annotations

import json
import os
import sys
import time

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Run the command with its output in files."""
    stdout, stderr, *command = sys.argv[1:]
    files = [
        (os.POSIX_SPAWN_OPEN, 1, stdout, FLAGS, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, FLAGS, 0o600),
    ]
    started = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=files)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - started
    cost = {
        "returncode": os.waitstatus_to_exitcode(status),
        "wall_seconds": wall,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss_mb": usage.ru_maxrss * RSS_UNIT / 1e6,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
