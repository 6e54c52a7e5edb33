"""Fixtures that most tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tap_partoo.redaction import Redactor, redact
from tests import tap
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

API_KEY = "kZ7-partoo-test-key-x9Q"


class RunTap(Protocol):
    """The type of the fixture `run_tap`."""

    def __call__(  # noqa: PLR0913 - all but the first have defaults
        self,
        api: StandIn,
        *args: str,
        config: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        catalog: Mapping[str, Any] | None = None,
        command: Sequence[str] = tap.COMMAND,
        env: Mapping[str, str] | None = None,
    ) -> tap.Run: ...


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be masked that was a secret in another test of this process."""
    for name, value in vars(Redactor()).items():
        monkeypatch.setattr(redact, name, value)


@pytest.fixture
def api() -> Iterator[StandIn]:
    """A stand-in of the API with an account of 287 keys: three pages of 100."""
    with StandIn(Account(make_keys(287), api_key=API_KEY)) as stand_in:
        yield stand_in


@pytest.fixture
def run_tap(tmp_path: Path) -> RunTap:
    """Run the tap as a process against a stand-in; settings add to those it needs."""

    def run(  # noqa: PLR0913 - as above
        api: StandIn,
        *args: str,
        config: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        catalog: Mapping[str, Any] | None = None,
        command: Sequence[str] = tap.COMMAND,
        env: Mapping[str, str] | None = None,
    ) -> tap.Run:
        settings = {
            "api_key": api.account.api_key,
            "api_url": api.url,
            **(config or {}),
        }
        files = tap.arguments(tmp_path, settings, state, catalog)
        return tap.run(*files, *args, command=command, env=env)

    return run
