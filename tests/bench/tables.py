"""Medians, ranges and Markdown tables."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.bench.runs import Run


def spread(values: Iterable[float], digits: int) -> str:
    """Return the median, and the minimum and the maximum if they differ."""
    numbers = sorted(values)
    middle, least, greatest = (
        f"{number:.{digits}f}" for number in (median(numbers), numbers[0], numbers[-1])
    )
    if least == greatest:
        return middle
    return f"{middle} ({least} to {greatest})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def wall_seconds(run: Run) -> float:
    """Return how long the run took."""
    return run.wall_seconds


def cpu_seconds(run: Run) -> float:
    """Return how much processor time it took."""
    return run.cpu_seconds


def ratios(
    runs: Sequence[Run],
    base: Sequence[Run],
    cost: Callable[[Run], float],
) -> list[float]:
    """Return, for each round, how many times the base a run has cost."""
    return [cost(run) / cost(b) for run, b in zip(runs, base, strict=True)]


def comparison(
    results: Mapping[str, Sequence[Run]],
    base: str,
    count: int,
    rows: str = "keys",
) -> str:
    """Return what each peer needs to read a number of rows.

    Args:
        results: By the name of the peer, its run of each round.
        base: The peer whose speed is 1.
        count: How many rows each run has read.
        rows: What they are called.
    """
    return table(
        (
            f"{count:,} {rows}",
            f"speed ({base} = 1)",
            "wall, s",
            f"{rows} per s",
            "CPU, s",
            f"CPU ({base} / this)",
            "peak RSS, MB",
        ),
        [
            (
                name,
                spread(ratios(results[base], runs, wall_seconds), 2),
                spread(map(wall_seconds, runs), 2),
                f"{count / median(map(wall_seconds, runs)):,.0f}",
                spread(map(cpu_seconds, runs), 2),
                spread(ratios(results[base], runs, cpu_seconds), 2),
                spread([run.peak_rss_mb for run in runs], 1),
            )
            for name, runs in results.items()
        ],
    )
