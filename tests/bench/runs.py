"""The peers, and how one run of one of them is measured and checked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.bench import measure
from tests.bench.peers import environment
from tests.bench.subjects import API_KEYS
from tests.selected import catalog_of
from tests.tap import ROOT
from tests.tap import environment as clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.bench.subjects import Key, Subject
    from tests.partoo_api import StandIn

API_KEY = "benchmark-key"
UNPACED = 1_000_000
"""More requests per minute than any run makes."""

PEERS = Path(environment.__file__).parent
ENVIRONMENT = {
    # Without compression, like the other peers: it is a little faster.
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DLT_DATA_DIR": str(environment.FOLDER / "dlt"),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}


class BenchmarkError(Exception):
    """A run that failed or did not deliver everything, so it cannot be compared."""


class Item(msgspec.Struct):
    """A record with only its primary key."""

    id: int = 0
    business_id: str = ""
    date: str = ""

    def key(self, subject: Subject) -> Key:
        """Return the primary key."""
        return self.id if subject.has_id else (self.business_id, self.date)


class Line(msgspec.Struct):
    """A Singer message."""

    type: str
    stream: str = ""
    record: Item | None = None


def singer_keys(folder: Path, subject: Subject) -> Iterator[Key]:
    """Yield the keys of the records in Singer messages."""
    decoder = msgspec.json.Decoder(Line)
    for text in _lines(folder / "stdout"):
        line = decoder.decode(text)
        if line.record and line.stream == subject.stream:
            yield line.record.key(subject)


def json_keys(folder: Path, subject: Subject) -> Iterator[Key]:
    """Yield the keys of records as lines of JSON."""
    decoder = msgspec.json.Decoder(Item)
    for text in _lines(folder / "stdout"):
        yield decoder.decode(text).key(subject)


def dlt_keys(folder: Path, subject: Subject) -> Iterator[Key]:
    """Yield the keys of the records in dlt's extracted files: one array per line."""
    decoder = msgspec.json.Decoder(list[Item])
    jobs = f"dlt/bench/normalize/extracted/*/new_jobs/{subject.stream}.*"
    for path in folder.glob(jobs):
        for text in _lines(path):
            yield from (item.key(subject) for item in decoder.decode(text))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from filter(None, map(bytes.strip, file))


@dataclass(frozen=True)
class Peer:
    """Something that reads a list.

    Attributes:
        name: Its name in the tables.
        command: What to run; `--config FILE` is appended.
        keys: Finds the keys of the records that it has written to its folder.
        settings: Its settings, in addition to those that all peers get.
        installed: Whether the project's own environment has everything that it needs.
        takes_catalog: Whether a catalog, rather than the settings, selects the list.
    """

    name: str
    command: Sequence[str]
    keys: Callable[[Path, Subject], Iterator[Key]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    installed: bool = True
    takes_catalog: bool = False


TAP = str(Path(sys.executable).with_name("tap-partoo"))


def ours(concurrency: int | None = None, pace: int | None = UNPACED) -> Peer:
    """Return the tap, with the default concurrency or another one."""
    settings = {"concurrency": concurrency, "requests_per_minute": pace}
    return Peer(
        f"tap-partoo, concurrency {concurrency}" if concurrency else "tap-partoo",
        (TAP,),
        singer_keys,
        {name: value for name, value in settings.items() if value},
        takes_catalog=True,
    )


TEMPLATE = Peer(
    "template tap",
    (sys.executable, "-m", "tests.bench.peers.template_tap"),
    singer_keys,
)
OTHERS = (
    TEMPLATE,
    Peer(
        "template tap, msgspec writer",
        (sys.executable, "-m", "tests.bench.peers.template_tap_msgspec"),
        singer_keys,
    ),
    Peer(
        "dlt, extract only",
        (str(environment.PYTHON), str(PEERS / "dlt_extract.py")),
        dlt_keys,
        installed=False,
    ),
    Peer(
        "bare loop",
        (str(environment.PYTHON), str(PEERS / "bare_loop.py")),
        json_keys,
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
    variables = {
        name: value
        for name, value in clean_environment(ENVIRONMENT).items()
        if not name.startswith("PYTHON")  # may leave out buffers, or compiled modules
    }
    script = (sys.executable, "-I", "-S", measure.__file__)
    files = (str(folder / "stdout"), str(folder / "stderr"))
    measured = subprocess.run(
        [*script, *files, *command],
        check=True,
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
    )
    cost: dict[str, Any] = json.loads(measured.stdout)
    if code := cost.pop("returncode"):
        said = (folder / "stderr").read_text(encoding="utf-8")[-2000:]
        msg = f"{' '.join(command)} ended with exit code {code}:\n{said}"
        raise BenchmarkError(msg)
    return Run(**cost)


def run_peer(
    peer: Peer,
    api: StandIn,
    expected: set[Key],
    per_page: int,
    subject: Subject = API_KEYS,
) -> Run:
    """Run a peer and check what it has delivered.

    Args:
        peer: The peer.
        api: The API to read.
        expected: The keys of all records.
        per_page: How many records a page has.
        subject: The list to read.

    Raises:
        BenchmarkError: If it fails, or its records are not those of the account.
    """
    api.requests.clear()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {
            "api_key": API_KEY,
            "api_url": api.url,
            "per_page": per_page,
            **peer.settings,
            **({} if peer.takes_catalog else {"subject": asdict(subject)}),
        }
        files = {"config": settings}
        if peer.takes_catalog:
            files["catalog"] = catalog_of(subject.stream)
        cost = run_command(folder, [*peer.command, *written(folder, files)])
        delivered = set(peer.keys(folder, subject))
    if delivered != expected:
        msg = (
            f"{peer.name} delivered {len(delivered & expected)} of {len(expected)} "
            f"{subject.plural} and {len(delivered - expected)} others"
        )
        raise BenchmarkError(msg)
    return with_requests(cost, api)


def written(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write files of JSON and return the options that name them."""
    options = []
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        options += [f"--{name}", str(path)]
    return options


def with_requests(cost: Run, api: StandIn) -> Run:
    """Add to what a run has cost what the stand-in has seen of it."""
    arrivals = [request.at for request in api.requests]
    return replace(
        cost,
        requests=len(arrivals),
        refused=sum(request.status == 429 for request in api.requests),
        reading_seconds=arrivals[-1] - arrivals[0],
    )
