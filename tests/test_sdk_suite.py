"""The SDK's own test suite for taps, and tests of what that suite does not see."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_partoo.streams import STREAMS
from tap_partoo.tap import TapPartoo
from tests.conftest import API_KEY
from tests.in_process import everything, own_signals, run_here
from tests.partoo_api import StandIn, make_keys, whole_account

if TYPE_CHECKING:
    from collections.abc import Iterator

# The suite wants its settings when the class is made; the address is put in when the
# stand-in has one.
_config: dict[str, Any] = {"api_key": API_KEY, "api_url": "http://127.0.0.1:1/v2"}

with own_signals():
    TestTapPartoo = get_tap_test_class(
        TapPartoo,
        config=_config,
        # More than any list has, so that the run comes to its end.
        suite_config=SuiteConfig(max_records_limit=10_000),
        parse_env_config=False,
        catalog=everything(),
    )


@pytest.fixture(scope="class", autouse=True)
def suite_api() -> Iterator[StandIn]:
    """What the suite reads. The suite reads once for a class, before its first test."""
    with (
        own_signals(),
        StandIn(whole_account(keys=287, businesses=30, api_key=API_KEY)) as stand_in,
    ):
        _config["api_url"] = stand_in.url
        yield stand_in


def test_suite_has_its_tests() -> None:
    # A factory that finds no stream makes a class without tests, which passes.
    names = {name for name in vars(TestTapPartoo) if name.startswith("test_")}
    assert names == {
        "test_tap_cli_prints",
        "test_tap_discovery",
        "test_tap_stream_connections",
        "test_tap_valid_final_state",
        "test_tap_stream_transformed_catalog_schema_matches_record",
        "test_tap_stream_record_matches_stream_schema",
        "test_tap_stream_record_schema_matches_transformed_catalog",
        "test_tap_stream_returns_record",
        "test_tap_stream_schema_is_valid",
        "test_tap_stream_primary_keys",
        "test_tap_stream_attribute_is_boolean",
        "test_tap_stream_attribute_is_datetime",
        "test_tap_stream_attribute_is_integer",
        "test_tap_stream_attribute_is_numeric",
        "test_tap_stream_attribute_is_object",
        "test_tap_stream_attribute_not_null",
    }
    tested = {param.id for params in TestTapPartoo.params.values() for param in params}
    assert {stream.name for stream in STREAMS} <= tested
    assert {"api_keys.created_at", "reviews.rating", "businesses.lat"} <= tested


def test_formats_are_checked() -> None:
    # `record_matches_stream_schema` is blind without the packages for the formats, and
    # so would be the tests of this project.
    schema = {
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "on": {"type": "string", "format": "date"},
        }
    }
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    assert not validator.is_valid({"at": "2018-03-12 11:49:03.399475+00"})
    assert not validator.is_valid({"on": "2018-03-32"})
    assert validator.is_valid(
        {"at": "2018-03-12T11:49:03.399475+00:00", "on": "2018-03-12"}
    )


def test_primary_keys_are_unique(suite_api: StandIn) -> None:
    # The suite's test of it compares objects that are never equal.
    for index, key in ((0, 286), (150, 7), (287, 7)):
        suite_api.account.insert(make_keys(287)[key].record, index)
    run = run_here(suite_api)
    assert Counter(run.ids) == Counter(key.record["id"] for key in make_keys(287))


def test_final_state_is_final(suite_api: StandIn) -> None:
    # The suite's test of it looks one level too high.
    run = run_here(suite_api)
    assert run.messages[-1]["type"] == "STATE"
    newest = max(record["created_at"] for record in run.records)
    assert run.bookmark == newest
