"""The API key and the search text appear nowhere, whatever goes wrong."""

from __future__ import annotations

import base64
import json
import socket
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

from tests import tap
from tests.partoo_api import Account, Fault, Response, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.conftest import RunTap
    from tests.partoo_api.faults import Exchange

API_KEY = "kZ7%2B+q'x\"9&=Q\\Zs"
SEARCH_TEXT = 'Zoë %2F+ "Brien\'s"\\\nsecond line&x=1'
DEBUG = {"TAP_PARTOO_LOGLEVEL": "debug", "LOGLEVEL": "debug"}
TEXT = {"Content-Type": "text/plain"}


def spellings(secret: str) -> set[str]:
    """The ways in which servers, logs and libraries encode a text."""
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(secret.encode())[2:-1],
        secret.encode("unicode_escape").decode(),
        secret.replace("%", "%%"),
    }


def traces(secret: str) -> set[str]:
    """What must not be found: also parts of the text, and what nobody would mask."""
    return {
        *spellings(secret),
        *secret.splitlines(),
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    }


def check_silence(run: tap.Run, *secrets: str) -> None:
    """Assert that a run revealed neither these secrets nor those of the account."""
    output = (run.stdout.decode() + run.stderr).casefold()
    for secret in (*secrets, API_KEY, SEARCH_TEXT):
        found = [s for s in traces(secret) if s.casefold() in output]
        assert not found


@pytest.fixture
def secret_api() -> Iterator[StandIn]:
    """A stand-in that finds all its keys by the search text, in their secret values."""
    keys = [
        replace(key, secret=f"{SEARCH_TEXT} {number}")
        for number, key in enumerate(make_keys(400))
    ]
    with StandIn(Account(keys, api_key=API_KEY)) as stand_in:
        yield stand_in


@pytest.fixture
def watched(secret_api: StandIn, run_tap: RunTap) -> Iterator[_Runs]:
    """Run the tap with the secrets and all its log; afterwards search the output."""
    runs = _Runs(secret_api, run_tap)
    yield runs
    assert runs.runs
    for run in runs.runs:
        check_silence(run)


class _Runs:
    def __init__(self, api: StandIn, run_tap: RunTap) -> None:
        self.api = api
        self.runs: list[tap.Run] = []
        self._run_tap = run_tap

    def __call__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        env: Mapping[str, str] | None = None,
    ) -> tap.Run:
        run = self._run_tap(
            self.api,
            config={
                "api_keys_search_text": SEARCH_TEXT,
                "per_page": 10,
                **(config or {}),
            },
            command=tap.IMPATIENT,
            env=DEBUG | dict(env or {}),
        )
        self.runs.append(run)
        return run


# The sweep.


def test_no_fault_that_passes_makes_the_tap_leak(watched: _Runs) -> None:
    passing = [
        *faults.TRANSIENT.values(),
        faults.stall(5),
        faults.stall_in_body(5),
        *(echo(status) for status in (408, 429, 500)),
    ]
    for page, fault in enumerate(passing, 1):
        watched.api.faults.add(fault, page=page)
    run = watched({"request_timeout": 1})
    assert run.returncode == 0, run.stderr
    assert len(run.ids) == 400
    assert run.stderr.count("Trying again") == len(passing)
    # The secrets were in use, and the log was as detailed as it gets.
    for request in watched.api.requests:
        assert request.headers["x-apikey"] == API_KEY
        assert request.query["search_text"] == SEARCH_TEXT
    assert "urllib3.connectionpool" in run.stderr


def echo(status: int, *, key: str = "error") -> Fault:
    """Repeat the secrets in an error, spelled in every way."""

    def fault(exchange: Exchange) -> Response:
        api_key = exchange.request.headers["x-apikey"]
        search_text = exchange.request.query["search_text"]
        return Response(
            status,
            {
                key: {
                    "json": exchange.request.query,
                    api_key: exchange.request.headers,
                    "spelled": sorted(spellings(api_key) | spellings(search_text)),
                }
            },
        )

    return fault


def redirect_back(exchange: Exchange) -> Response:
    """Redirect to an address that holds the secrets."""
    api_key = quote_plus(exchange.request.headers["x-apikey"])
    search_text = quote(exchange.request.query["search_text"])
    return faults.redirect(f"/v2/{api_key}?search_text={search_text}&key={api_key}")


STAYING: dict[str, Fault] = {
    **faults.PERMANENT,
    **{
        name: faults.TRANSIENT[name]
        for name in ("429", "500", "reset", "HTML with 200", "bad encoding")
    },
    "echo with 400": echo(400),
    "echo with 401": echo(401, key="errors"),
    "echo with 200": echo(200),
    "echo with 500": echo(500),
    "echo as text": lambda exchange: Response(403, str(exchange.request.headers), TEXT),
    "echo by the stand-in": faults.echo(422),
    "echo in a redirect": redirect_back,
    "another page": faults.first_page_always,
}


@pytest.mark.parametrize("fault", STAYING)
def test_no_fault_that_stays_makes_the_tap_leak(watched: _Runs, fault: str) -> None:
    watched.api.faults.add(STAYING[fault], page=2, times=None)
    watched.api.faults.add(STAYING[fault], page=3, times=None)
    run = watched()
    assert run.returncode == 1
    assert len(run.errors) == 1
    assert run.records


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_no_network_that_fails_makes_the_tap_leak(watched: _Runs) -> None:
    nowhere = "https://partoo.invalid/v2"
    with closed_port() as port:
        dead = f"127.0.0.1:{port}"
        runs = [
            watched({"api_url": f"http://{dead}/v2"}),
            watched({"api_url": nowhere}),
            watched({"api_url": watched.api.url.replace("http:", "https:")}),
            watched({"api_url": nowhere}, env={"HTTPS_PROXY": f"http://{dead}"}),
        ]
    assert all(len(run.errors) == 1 for run in runs)


# Settings.


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("api_key", 918273645546, ["918273645546"]),
        ("api_key", 918273.645546, ["918273.645546"]),
        ("api_key", ["list-Qx7-secret"], ["list-Qx7-secret"]),
        ("api_key", {"name-Qx7": {"in": "deep-Qx7-secret"}}, ["deep-Qx7-secret"]),
        ("api_key", f"{API_KEY}\n", []),
        ("api_key", f"two-Qx7\r\nlines-Qx7-{API_KEY}", ["two-Qx7", "lines-Qx7"]),
        ("api_key", "Schlüssel-Qx7-secret", ["Schlüssel-Qx7-secret"]),
        ("api_keys_search_text", 918273645546, ["918273645546"]),
        ("api_keys_search_text", ["list-Qx7-secret"], ["list-Qx7-secret"]),
        ("api_keys_search_text", {"in": "deep-Qx7-secret"}, ["deep-Qx7-secret"]),
    ],
)
def test_no_value_that_does_not_fit_makes_the_tap_leak(
    watched: _Runs, name: str, value: object, secrets: list[str]
) -> None:
    run = watched({name: value})
    assert run.returncode == 1
    (line,) = run.errors
    assert f"The setting `{name}`" in line
    check_silence(run, *secrets)
    assert not watched.api.requests


def test_no_other_setting_that_does_not_fit_makes_the_tap_leak(watched: _Runs) -> None:
    run = watched(
        {"per_page": API_KEY, "start_date": SEARCH_TEXT, "api_url": f"{API_KEY}://x"}
    )
    assert run.returncode == 1
    assert len(run.errors) == 1


def test_secrets_in_the_environment_are_not_told(secret_api: StandIn) -> None:
    secret_api.faults.add(echo(401), page=3, times=None)
    run = tap.run(
        "--config",
        "ENV",
        env=DEBUG
        | {
            "TAP_PARTOO_API_KEY": API_KEY,
            "TAP_PARTOO_API_KEYS_SEARCH_TEXT": SEARCH_TEXT,
            "TAP_PARTOO_API_URL": secret_api.url,
        },
    )
    assert len(run.errors) == 1
    assert run.records
    check_silence(run)


# Logs of another kind.


def log_config(folder: Path) -> dict[str, str]:
    """Let everybody log everything, as JSON."""
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {"urllib3": {"level": "DEBUG", "propagate": True}},
        "root": {"level": "DEBUG", "handlers": ["stderr"]},
    }
    path = folder / "logging.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return {"SINGER_SDK_LOG_CONFIG": str(path)}


def test_structured_logs_do_not_leak(watched: _Runs, tmp_path: Path) -> None:
    for page, fault in enumerate((echo(500), faults.RESET, echo(429)), 1):
        watched.api.faults.add(fault, page=page)
    watched.api.faults.add(echo(400), page=4, times=None)
    run = watched(env=log_config(tmp_path))
    logged = [json.loads(line) for line in run.stderr.splitlines()]
    assert logged[-1]["message"].startswith("Error: ")
    assert "urllib3.connectionpool" in {entry["logger_name"] for entry in logged}
    # The traceback of the failure is there, too, and it is silent.
    assert "Traceback" in run.stderr or any(e.get("exception") for e in logged)


def test_a_short_search_text_is_masked_where_it_stands_and_nowhere_else(
    watched: _Runs,
) -> None:
    watched.api.faults.add(
        Response(400, {"error": {"json": "nothing like api or 'api'"}}), page=2
    )
    for key in watched.api.account.records()[:20]:
        watched.api.account.edit(key["id"], label="api")
    run = watched({"api_keys_search_text": "api"})
    assert "search_text=***&" in run.stderr
    assert "search_text=api" not in run.stderr
    assert "Partoo says: json: nothing like *** or '***'." in run.errors[0]
    # Words that contain it stay readable.
    assert "api_keys: INCREMENTAL" in run.stderr
    assert "GET /v2/api_keys?search_text=***&per_page=10" in run.stderr


def test_the_summary_and_the_metrics_do_not_leak(watched: _Runs) -> None:
    run = watched(
        {"api_keys_include_all_permissions": True, "api_keys_status": "active"}
    )
    assert run.returncode == 0
    for name in ("api_keys_search_text", "api_keys_status"):
        assert name in run.stderr  # filters are named, never their values
    assert "METRIC" in run.stderr


# Other processes could read the arguments of one that the tap started.
_AUDITED = """
import os, sys

STARTING = "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.sys"

def report(event, args):
    if event.startswith(STARTING):
        os.write(2, f"STARTED {event} {args}\\n".encode())

sys.addaudithook(report)
from tap_partoo.__main__ import main
main()
"""


def test_no_process_is_started(secret_api: StandIn, run_tap: RunTap) -> None:
    run = run_tap(secret_api, command=(sys.executable, "-c", _AUDITED))
    assert run.returncode == 0
    assert len(run.ids) == 400
    assert "STARTED" not in run.stderr
