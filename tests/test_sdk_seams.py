"""What the tap uses of the SDK although the SDK does not promise it.

Each private name that the tap overrides or relies on is checked twice: that it has the
form that the tap expects, and that the SDK still calls it where the tap counts on it.
When a new version of the SDK changes one, a test here shows which.
"""

from __future__ import annotations

import inspect
import signal
from inspect import Parameter
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import RESTStream, Tap
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.exceptions import FatalAPIError

from tap_partoo.errors import InputError
from tap_partoo.singer.messages import LineWriter
from tap_partoo.singer.tap import CarefulTap
from tap_partoo.streams.base import PartooStream
from tap_partoo.streams.sdk import SdkStream
from tap_partoo.tap import TapPartoo
from tests.in_process import discover_api_keys, own_signals, run_here
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nobody listens there.
CONFIG = {"api_key": "kZ7-partoo-test-key-x9Q", "api_url": "http://127.0.0.1:1/v2"}
ORDINARY, NAMED = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY

METHODS: dict[tuple[type, str], dict[str, Any]] = {
    (Tap, "_validate_config"): {"self": ORDINARY, "raise_errors": NAMED},
    (Tap, "_handle_termination"): {
        "self": ORDINARY,
        "signum": ORDINARY,
        "frame": ORDINARY,
    },
    (RESTStream, "_write_starting_replication_value"): {
        "self": ORDINARY,
        "context": ORDINARY,
    },
    (RESTStream, "_increment_stream_state"): {
        "self": ORDINARY,
        "latest_record": ORDINARY,
        "context": NAMED,
    },
    (RESTStream, "_write_activate_version_message"): {
        "self": ORDINARY,
        "full_table_version": ORDINARY,
    },
    (RESTStream, "_write_record_message"): {"self": ORDINARY, "record": ORDINARY},
}


@pytest.fixture
def small_api() -> Iterator[StandIn]:
    with StandIn(Account(make_keys(60))) as stand_in:
        yield stand_in


@pytest.mark.parametrize(("owner", "name"), METHODS, ids=str)
def test_private_method_has_the_expected_parameters(owner: type, name: str) -> None:
    parameters = inspect.signature(getattr(owner, name)).parameters
    expected = METHODS[owner, name]
    assert {key: parameter.kind for key, parameter in parameters.items()} == expected


def test_every_overridden_private_name_is_checked_here() -> None:
    overridden = {
        (base, name)
        for child, base in (
            (TapPartoo, Tap),
            (CarefulTap, Tap),
            (PartooStream, RESTStream),
            (SdkStream, RESTStream),
            (LineWriter, MsgSpecWriter),
        )
        for name in vars(child)
        if name.startswith("_") and not name.startswith("__") and hasattr(base, name)
        # Python's own, of abstract and of generic classes.
        if name not in {"_abc_impl", "_is_protocol"}
    }
    assert overridden <= set(METHODS)


# That the SDK calls them.


def test_settings_are_checked_by_the_tap() -> None:
    # `_validate_config`, and `_config` as what `config` shows.
    with own_signals(), pytest.raises(InputError, match="`per_page`"):
        TapPartoo(config=CONFIG | {"per_page": 0})
    with own_signals():
        config = TapPartoo(
            config=CONFIG | {"api_keys_status": "", "api_keys_type": None}
        ).config
    assert "api_keys_status" not in config
    assert "api_keys_type" not in config
    # The SDK's validator puts the defaults in.
    assert config["concurrency"] == 4


def test_settings_are_not_required_to_discover() -> None:
    # `raise_errors` follows `validate_config`.
    assert discover_api_keys()["streams"]


def test_signals_come_to_the_tap() -> None:
    # `_handle_termination`; the tests of interrupted runs show what it does. To call it
    # would end this process, as far as the tap is concerned: the first signal counts.
    name = "_handle_termination"
    with own_signals():
        tap = TapPartoo(config=dict(CONFIG))
        for number in (signal.SIGTERM, signal.SIGINT):
            assert signal.getsignal(number) == getattr(tap, name)
    assert name in vars(CarefulTap)


def test_variables_have_the_prefix_of_the_tap(
    small_api: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `_env_var_prefix`, which names the variable in the message of the tap, is what the
    # SDK reads by.
    prefix = "_env_var_prefix"
    assert getattr(TapPartoo, prefix) == "TAP_PARTOO_"
    monkeypatch.setenv("TAP_PARTOO_API_KEY", small_api.account.api_key)
    monkeypatch.setenv("TAP_PARTOO_PER_PAGE", "77")
    with own_signals():
        tap = TapPartoo(config={}, parse_env_config=True)
    assert tap.config["per_page"] == 77


def test_streams_reach_their_tap(small_api: StandIn) -> None:
    # `_tap` of the stream: the client of the tap has asked.
    config = {"api_key": small_api.account.api_key, "api_url": small_api.url}
    with own_signals():
        tap = TapPartoo(config=config | {"per_page": 7})
        for _ in tap.streams["api_keys"].get_records(None):
            pass
        tap.session.close()
    assert tap.client.knows_clock
    assert len(small_api.requests) == 9
    keys = {request.headers["x-apikey"] for request in small_api.requests}
    assert keys == {small_api.account.api_key}


def test_answers_are_judged_by_the_tap(small_api: StandIn) -> None:
    with pytest.raises(FatalAPIError, match="refused the API key"):
        run_here(small_api, config={"api_key": "wrong-key"})


def test_a_state_follows_the_records_though_it_is_that_of_the_start(
    small_api: StandIn,
) -> None:
    # `_last_emitted_state`, by which the SDK sends no state twice.
    first = run_here(small_api)
    second = run_here(small_api, state=first.state)
    assert second.bookmark == first.bookmark
    kinds = [message["type"] for message in second.messages]
    assert kinds == ["STATE", "SCHEMA", "STATE"]


def test_state_moves_at_the_end_only(small_api: StandIn) -> None:
    # `_increment_stream_state`: the SDK's own would warn of each record without the
    # replication key, and count the bookmark with each record.
    for key in make_keys(60)[:5]:
        small_api.account.edit(key.record["id"], created_at=None)
    run = run_here(small_api)
    [warning] = [ln for ln in run.stderr.splitlines() if ln.startswith("WARNING")]
    assert "5 record" in warning
    assert run.bookmark == max(r["created_at"] or "" for r in run.records)


def test_progress_becomes_the_bookmark_but_not_beyond_the_start(
    small_api: StandIn,
) -> None:
    # The keys of the state, which the SDK passes on as they are.
    small_api.account.create(created_at="2099-01-01 00:00:00+00")
    run = run_here(small_api)
    assert "2099" in run.records[-1]["created_at"]
    assert run.bookmark
    assert "2025" < run.bookmark < "2099"
    assert run.state is not None
    assert run.state["bookmarks"]["api_keys"].keys() == {
        "replication_key",
        "replication_key_value",
        "complete_as_of",
        "filters",
    }


def test_activation_is_held_back(small_api: StandIn) -> None:
    # `_write_activate_version_message`, and `_stream_version` as the version that the
    # records carry.
    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    config = {"emit_activate_version_messages": True}
    run = run_here(small_api, config=config, catalog=catalog)
    kinds = [message["type"] for message in run.messages]
    assert kinds.count("ACTIVATE_VERSION") == 1
    assert kinds.index("ACTIVATE_VERSION") > 60
    [activation] = run.of_type("ACTIVATE_VERSION")
    versions = {message["version"] for message in run.of_type("RECORD")}
    assert versions == {activation["version"]}


def test_records_leave_through_the_tap(small_api: StandIn) -> None:
    # `_write_record_message`: the SDK's own reads the clock for each record.
    run = run_here(small_api, config={"per_page": 30})
    times = {message["time_extracted"] for message in run.of_type("RECORD")}
    assert len(times) == 2


def test_messages_leave_through_the_writer_of_the_tap(small_api: StandIn) -> None:
    # `message_writer_class`, and `format_message` as what makes a line.
    with own_signals():
        tap = TapPartoo(
            config={"api_key": small_api.account.api_key, "api_url": small_api.url}
        )
    assert isinstance(tap.message_writer, LineWriter)
    run = run_here(small_api)
    assert run.stdout.count(b"\n") == len(run.messages) == 62
