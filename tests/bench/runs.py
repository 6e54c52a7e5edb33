"""The peers, and how one run of one of them is measured and checked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.bench import measure
from tests.bench.peers import environment
from tests.tap import ROOT
from tests.tap import environment as clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.partoo_api import StandIn

API_KEY = "benchmark-key"
UNPACED = 1_000_000
"""Requests per minute that no run gets near."""

PEERS = Path(environment.__file__).parent
ENVIRONMENT = {
    # As the other peers, without compression: it is a little faster.
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DLT_DATA_DIR": str(environment.FOLDER / "dlt"),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}


class BenchmarkError(Exception):
    """A run that failed or did not deliver everything: nothing to compare."""


class Item(msgspec.Struct):
    """A record, of which only the id is looked at."""

    id: int


class Line(msgspec.Struct):
    """A Singer message."""

    type: str
    record: Item | None = None


def singer_ids(folder: Path) -> Iterator[int]:
    """Yield the ids of the records in Singer messages."""
    decoder = msgspec.json.Decoder(Line)
    for text in _lines(folder / "stdout"):
        if record := decoder.decode(text).record:
            yield record.id


def json_ids(folder: Path) -> Iterator[int]:
    """Yield the ids of records as lines of JSON."""
    decoder = msgspec.json.Decoder(Item)
    for text in _lines(folder / "stdout"):
        yield decoder.decode(text).id


def dlt_ids(folder: Path) -> Iterator[int]:
    """Yield the ids of the records in dlt's extracted files: arrays, one a line."""
    decoder = msgspec.json.Decoder(list[Item])
    for path in folder.glob("dlt/bench/normalize/extracted/*/new_jobs/api_keys.*"):
        for text in _lines(path):
            yield from (item.id for item in decoder.decode(text))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from filter(None, map(bytes.strip, file))


@dataclass(frozen=True)
class Peer:
    """Something that reads the list of keys.

    Attributes:
        name: Its name in the tables.
        command: What to run; `--config FILE` is appended.
        ids: Finds the ids of the records that it has left in its folder.
        settings: Besides those that all peers get.
        installed: Whether the project's own environment has all that it needs.
    """

    name: str
    command: Sequence[str]
    ids: Callable[[Path], Iterator[int]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    installed: bool = True


TAP = str(Path(sys.executable).with_name("tap-partoo"))


def ours(concurrency: int | None = None, pace: int | None = UNPACED) -> Peer:
    """Return the tap, with the default concurrency or another one."""
    settings = {"concurrency": concurrency, "requests_per_minute": pace}
    return Peer(
        f"tap-partoo, concurrency {concurrency}" if concurrency else "tap-partoo",
        (TAP,),
        singer_ids,
        {name: value for name, value in settings.items() if value},
    )


TEMPLATE = Peer(
    "template tap",
    (sys.executable, "-m", "tests.bench.peers.template_tap"),
    singer_ids,
)
OTHERS = (
    TEMPLATE,
    Peer(
        "template tap, msgspec writer",
        (sys.executable, "-m", "tests.bench.peers.template_tap_msgspec"),
        singer_ids,
    ),
    Peer(
        "dlt, extract only",
        (str(environment.PYTHON), str(PEERS / "dlt_extract.py")),
        dlt_ids,
        installed=False,
    ),
    Peer(
        "bare loop",
        (str(environment.PYTHON), str(PEERS / "bare_loop.py")),
        json_ids,
        installed=False,
    ),
)


@dataclass(frozen=True)
class Run:
    """What one run of a whole process has cost.

    Attributes:
        wall_seconds: From its start to its end.
        cpu_seconds: Of the process, in user and system mode; not of the stand-in.
        peak_rss_mb: The most memory it held, in 1,000,000 bytes.
        requests: How many requests the stand-in has seen.
        refused: How many of them it answered with 429.
        reading_seconds: From the first request to the last.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    requests: int = 0
    refused: int = 0
    reading_seconds: float = 0.0


def run_command(folder: Path, command: Sequence[str]) -> Run:
    """Run any command; its output goes to files in the folder.

    Raises:
        BenchmarkError: If it fails.
    """
    script = (sys.executable, "-I", "-S", measure.__file__)
    files = (str(folder / "stdout"), str(folder / "stderr"))
    measured = subprocess.run(
        [*script, *files, *command],
        check=True,
        cwd=ROOT,
        env=clean_environment(ENVIRONMENT),
        stdout=subprocess.PIPE,
    )
    cost: dict[str, Any] = json.loads(measured.stdout)
    if code := cost.pop("returncode"):
        said = (folder / "stderr").read_text(encoding="utf-8")[-2000:]
        msg = f"{' '.join(command)} ended with exit code {code}:\n{said}"
        raise BenchmarkError(msg)
    return Run(**cost)


def run_peer(peer: Peer, api: StandIn, expected: set[int], per_page: int) -> Run:
    """Run a peer and check what it has delivered.

    Args:
        peer: The peer.
        api: The API to read.
        expected: The ids of all keys.
        per_page: How many keys a page has.

    Raises:
        BenchmarkError: If it fails, or its ids are not those of the account.
    """
    api.requests.clear()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "config.json"
        settings = {"api_key": API_KEY, "api_url": api.url, "per_page": per_page}
        config.write_text(json.dumps(settings | dict(peer.settings)), encoding="utf-8")
        cost = run_command(folder, [*peer.command, "--config", str(config)])
        delivered = set(peer.ids(folder))
    if delivered != expected:
        msg = (
            f"{peer.name} delivered {len(delivered & expected)} of {len(expected)} keys"
            f" and {len(delivered - expected)} others"
        )
        raise BenchmarkError(msg)
    arrivals = [request.at for request in api.requests]
    return Run(
        cost.wall_seconds,
        cost.cpu_seconds,
        cost.peak_rss_mb,
        requests=len(arrivals),
        refused=sum(request.status == 429 for request in api.requests),
        reading_seconds=arrivals[-1] - arrivals[0],
    )
