"""The example project of docs/organisations.md: a job for each organisation."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest
from ruamel.yaml import YAML

from tap_partoo.records.timestamps import to_utc
from tests.meltano_project import (
    BIN,
    ROOT,
    Project,
    expected_rows,
    filled_in,
    loaded_rows,
)
from tests.partoo_api import Account, StandIn, make_keys
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.meltano_project import Row

EXAMPLE = ROOT / "docs" / "organisations"
ORGANISATIONS = ("acme", "globex")
WRONG_KEY = "wrong-key-8gQ"


class Example:
    """A copy of the example, with an account for each organisation and a database."""

    def __init__(
        self, directory: Path, apis: Mapping[str, StandIn], database: Database
    ) -> None:
        """Do what the page tells the reader: copy the example and fill in `.env`."""
        urls = {f"{prefix(name)}_API_URL": api.url for name, api in apis.items()}
        self.project = Project(directory, urls, source=EXAMPLE)
        # The tap of this checkout, where the reader has that of PyPI.
        self.edit("pip_url: tap-partoo", "pip_url: -e .")
        self.apis = apis
        self.database = database
        self.fill_in({name: api.account.api_key for name, api in apis.items()})
        # The first command makes Meltano's database, where two at once would collide.
        # The reader's first one is `meltano install`.
        assert self.bookmarks() == {}

    def edit(self, old: str, new: str, *, times: int = 1) -> None:
        """Change `meltano.yml`."""
        path = self.project.directory / "meltano.yml"
        text = path.read_text()
        assert text.count(old) == times
        path.write_text(text.replace(old, new))

    def fill_in(self, keys: Mapping[str, str]) -> None:
        """Write `.env` with these keys."""
        values = {f"{prefix(name)}_API_KEY": key for name, key in keys.items()}
        values |= self.database.env
        lines = filled_in(EXAMPLE / ".env.example", values)
        (self.project.directory / ".env").write_text("\n".join(lines))

    def run(self, *jobs: str) -> dict[str, tuple[int | None, str]]:
        """Run jobs at the same time; return the exit code and the log of each."""
        with contextlib.ExitStack() as stack:
            processes = {
                job: stack.enter_context(self.project.start("run", job)) for job in jobs
            }
            logs = {job: p.communicate(timeout=120)[1] for job, p in processes.items()}
        return {job: (p.returncode, logs[job]) for job, p in processes.items()}

    def rows(self) -> dict[str, dict[int, Row]]:
        """What the schema of each organisation holds."""
        return {name: loaded_rows(self.database, name) for name in self.apis}

    def account_rows(self) -> dict[str, dict[int, Row]]:
        """What it should hold."""
        return {name: expected_rows(api.account) for name, api in self.apis.items()}

    def bookmarks(self) -> dict[str, str]:
        """The bookmarks that Meltano keeps, by state id."""
        listed = self.project.run("state", "list")
        assert listed.returncode == 0, listed.stderr
        return {state_id: self._bookmark(state_id) for state_id in lines_of(listed)}

    def _bookmark(self, state_id: str) -> str:
        state = json.loads(self.project.run("state", "get", state_id).stdout)
        value = state["singer_state"]["bookmarks"]["api_keys"]["replication_key_value"]
        return str(value)

    def account_bookmarks(self) -> dict[str, str]:
        """What they should be, now."""
        return {state_id(name): newest(api) for name, api in self.apis.items()}

    def assert_keys_went_to_their_own_account(self) -> None:
        for api in self.apis.values():
            sent = {request.headers["x-apikey"] for request in api.requests}
            assert sent == {api.account.api_key}
            # Meltano would select all streams.
            assert {request.path for request in api.requests} == {"/v2/api_keys"}


def prefix(organisation: str) -> str:
    return f"TAP_PARTOO__{organisation.upper()}"


def state_id(organisation: str) -> str:
    return f"prod:tap-partoo--{organisation}-to-target-postgres"


def newest(api: StandIn) -> str:
    return max(to_utc(record["created_at"]) for record in api.account.records())


def lines_of(process: subprocess.CompletedProcess[str]) -> list[str]:
    return process.stdout.split()


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    with contextlib.ExitStack() as stack:
        apis = {}
        for number, name in enumerate(ORGANISATIONS):
            # The same ids in both: mixed up, they would overwrite each other.
            keys = make_keys(20 + number, seed=number)
            account = Account(keys, api_key=f"key-of-{name}-x9Q")
            apis[name] = stack.enter_context(StandIn(account))
        database = stack.enter_context(postgres())
        yield Example(tmp_path, apis, database)


@contextlib.contextmanager
def held(api: StandIn) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold the responses for an organisation, so that a run of it lasts.

    Yields two events: one is set when a response is held; set the other to go on.
    """
    asked, release = threading.Event(), threading.Event()

    def hold(_number: int, _query: Mapping[str, str]) -> None:
        asked.set()
        release.wait()

    api.before_response = hold
    try:
        yield asked, release
    finally:
        release.set()


def test_organisations_run_side_by_side_and_apart(example: Example) -> None:
    acme, globex = (example.apis[name] for name in ORGANISATIONS)
    with held(acme) as (asked, release), example.project.start("run", "acme") as first:
        assert asked.wait(60)
        # Meltano itself refuses a second run of the same organisation.
        code, log = example.run("acme")["acme"]
        assert code != 0
        assert "is already running" in log
        code, log = example.run("globex")["globex"]
        assert code == 0, log
        assert first.poll() is None
        assert len(acme.requests) == 1
        release.set()
        _, log = first.communicate(timeout=60)
        assert first.returncode == 0, log
    assert example.rows() == example.account_rows()
    example.assert_keys_went_to_their_own_account()

    # A key that fails only affects its organisation.
    rows, bookmarks = example.rows(), example.account_bookmarks()
    for api in (acme, globex):
        api.account.create()
        # The bookmark stays before the last two seconds by Partoo's clock.
        api.account.clock_offset += timedelta(seconds=10)
    example.fill_in({"acme": WRONG_KEY, "globex": globex.account.api_key})
    runs = example.run(*ORGANISATIONS)
    assert runs["acme"][0] != 0
    assert "Partoo refused the API key" in runs["acme"][1]
    assert runs["globex"][0] == 0, runs["globex"][1]
    assert example.rows() == rows | {"globex": expected_rows(globex.account)}
    assert example.bookmarks() == bookmarks | {state_id("globex"): newest(globex)}


@pytest.mark.engines
def test_machines_that_share_a_database_share_states_and_refusals(
    example: Example, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Example(tmp_path_factory.mktemp("other"), example.apis, example.database)
    shared = example.database.create_database()
    uri = f"{shared.user}:{shared.password}@{shared.host}:{shared.port}/{shared.name}"
    for machine in (example, other):
        machine.project.env["MELTANO_DATABASE_URI"] = f"postgresql+psycopg://{uri}"
    assert example.bookmarks() == {}  # makes the database
    acme = example.apis["acme"]
    with held(acme) as (asked, release), example.project.start("run", "acme") as first:
        assert asked.wait(60)
        code, log = other.run("acme")["acme"]
        assert code != 0
        assert "is already running" in log
        release.set()
        _, log = first.communicate(timeout=60)
        assert first.returncode == 0, log
    assert other.bookmarks() == {state_id("acme"): newest(acme)}


def test_page_shows_what_the_project_has() -> None:
    page = EXAMPLE.with_suffix(".md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    yaml = YAML(typ="safe")
    shown, project = yaml.load(snippet), yaml.load(EXAMPLE / "meltano.yml")
    assert project["jobs"][: len(shown["jobs"])] == shown["jobs"]
    for extractor in shown["plugins"]["extractors"]:
        assert extractor in project["plugins"]["extractors"]
    for named in (f"{prefix('acme')}_API_KEY", state_id("acme")):
        assert f"`{named}`" in page


def test_loader_is_that_of_the_checkout() -> None:
    name = "plugins/loaders/target-postgres--meltanolabs.lock"
    assert (EXAMPLE / name).read_bytes() == (ROOT / name).read_bytes()
    yaml = YAML(typ="safe")
    [loader] = yaml.load(EXAMPLE / "meltano.yml")["plugins"]["loaders"]
    own = yaml.load(ROOT / "meltano.yml")["plugins"]["loaders"]
    assert loader["pip_url"] in {item["pip_url"] for item in own}


class Dagster:
    """The daemon of Dagster on a copy of the example, while its `with` block lasts."""

    def __init__(self, example: Example, programs: Path) -> None:
        """Prepare.

        Args:
            example: The copy.
            programs: Where Dagster is installed.
        """
        self.directory = example.project.directory
        home = self.directory / "orchestrate"
        shutil.copytree(EXAMPLE / "orchestrate", home)
        self._programs = programs
        self._env = example.project.env | {
            "DAGSTER_HOME": str(home),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        }
        self._log = self.directory / "daemon.log"

    def __enter__(self) -> Self:
        """Start it."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command("dagster-daemon", "run"),
                cwd=self.directory,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it with all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _command(self, program: str, *args: str) -> list[str]:
        return [
            str(self._programs / program),
            *args,
            "--python-file=orchestrate/definitions.py",
        ]

    def _output(self, command: list[str]) -> str:
        ended = subprocess.run(
            command,
            check=True,
            cwd=self.directory,
            env=self._env,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=120,
        )
        return ended.stdout

    def launch(self, job: str) -> None:
        """Add a run to the queue, as a person would between two schedules."""
        self._output(self._command("dagster", "job", "launch", f"--job={job}"))

    def stop_schedules(self) -> None:
        """Let no schedule start another run."""
        for name in ORGANISATIONS:
            command = self._command("dagster", "schedule", "stop", f"{name}_schedule")
            self._output(command)

    def runs(self) -> dict[str, list[str]]:
        """The status of each run, by job, the first run first."""
        script = (
            "import dagster, json\n"
            "with dagster.DagsterInstance.get() as instance:\n"
            "    runs = [(r.job_name, r.status.value) for r in instance.get_runs()]\n"
            "print(json.dumps(runs[::-1]))"
        )
        result = defaultdict(list)
        output = self._output([str(self._programs / "python"), "-c", script])
        for job, status in json.loads(output):
            result[job].append(status)
        return result

    def wait_until(self, condition: Callable[[dict[str, list[str]]], Any]) -> None:
        """Wait until the runs are so."""
        limit = time.monotonic() + 180
        while not condition(runs := self.runs()):
            if self._process.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"{dict(runs)}\n{self._log.read_text()}")


@pytest.fixture(scope="session")
def dagster_programs() -> Path:
    """Where Dagster is installed, in the version of the example."""
    venv = ROOT / ".venv" / "engines" / "dagster"
    requirements = EXAMPLE / "orchestrate" / "requirements.txt"
    uv, python = BIN / "uv", venv / "bin" / "python"
    where = ("--quiet", "--python", python)
    for command in (
        (uv, "venv", "--quiet", "--allow-existing", "--python", BIN / "python", venv),
        (uv, "pip", "install", *where, "--requirement", requirements),
    ):
        subprocess.run(command, check=True, cwd=ROOT, timeout=600)
    return venv / "bin"


def all_ended(runs: Mapping[str, list[str]]) -> bool:
    return all({*ended} <= {"SUCCESS", "FAILURE"} for ended in runs.values())


def failed(runs: Mapping[str, list[str]]) -> set[str]:
    return {job for job, statuses in runs.items() if "FAILURE" in statuses}


@pytest.mark.engines
def test_dagster_runs_one_run_of_each_organisation_at_a_time(
    example: Example, dagster_programs: Path
) -> None:
    every_minute = "interval: '* * * * *'"
    example.edit("interval: 0 3 * * *", every_minute, times=len(ORGANISATIONS))
    acme, globex = (example.apis[name] for name in ORGANISATIONS)
    with Dagster(example, dagster_programs) as dagster:
        with held(acme) as (asked, _):
            assert asked.wait(180), dagster.runs()
            dagster.stop_schedules()
            dagster.launch("acme")
            dagster.launch("globex")
            dagster.wait_until(lambda runs: runs["globex"].count("SUCCESS") > 1)
            runs = dagster.runs()["acme"]
            assert runs[0] == "STARTED"
            assert set(runs[1:]) == {"QUEUED"}
            assert len(acme.requests) == 1
        dagster.wait_until(all_ended)
        assert failed(dagster.runs()) == set()
        assert example.rows() == example.account_rows()
        assert example.bookmarks() == example.account_bookmarks()
        example.assert_keys_went_to_their_own_account()

        rows = example.rows()
        acme.account.create()
        globex.account.create()
        acme.account.api_key = "another-key"  # Dagster keeps what it read from `.env`
        dagster.launch("acme")
        dagster.launch("globex")
        dagster.wait_until(all_ended)
        assert failed(dagster.runs()) == {"acme"}
    assert example.rows() == rows | {"globex": expected_rows(globex.account)}
