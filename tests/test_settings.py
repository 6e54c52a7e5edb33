"""Each setting does what its description says, or is refused in one clear line."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.errors import InputError
from tap_partoo.tap import TapPartoo
from tests import tap
from tests.in_process import run_here
from tests.partoo_api import Account, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import RunTap

SECRET = "s3cr3t-of-the-organisation"


@pytest.fixture(scope="module")
def shared_api() -> Iterator[StandIn]:
    """A stand-in that no test changes."""
    with StandIn(Account(make_keys(60), api_key=SECRET)) as stand_in:
        yield stand_in


@pytest.fixture
def small_api(shared_api: StandIn) -> StandIn:
    """The shared stand-in, with no request yet."""
    shared_api.requests.clear()
    return shared_api


# What is set reaches the request; what is not set is not sent.

EVERYTHING: dict[str, Any] = {
    "api_keys_status": "active",
    "api_keys_type": "user",
    "api_keys_search_text": "店舗 & more",
    "api_keys_include_all_permissions": True,
    "per_page": 7,
    "user_agent": "warehouse/1.0 (data@example.com)",
}


def assert_everything_arrived(api: StandIn) -> None:
    [request] = api.requests
    assert request.method == "GET"
    assert request.path == "/v2/api_keys"
    assert request.headers["x-apikey"] == api.account.api_key
    assert request.headers["user-agent"] == "warehouse/1.0 (data@example.com)"
    assert request.query == {
        "status": "active",
        "type": "user",
        "search_text": "店舗 & more",
        "include_all_permissions": "true",
        "per_page": "7",
    }


def test_settings_of_a_file_reach_the_request(
    small_api: StandIn, run_tap: RunTap
) -> None:
    assert run_tap(small_api, config=EVERYTHING).returncode == 0
    assert_everything_arrived(small_api)


def test_settings_of_the_environment_reach_the_request(small_api: StandIn) -> None:
    settings = EVERYTHING | {
        "api_key": small_api.account.api_key,
        "api_url": small_api.url,
        "api_keys_include_all_permissions": "true",
        # Empty ones are unset ones, whatever their type is.
        "start_date": "",
        "request_timeout": "",
        "emit_activate_version_messages": "",
    }
    env = {f"TAP_PARTOO_{name.upper()}": str(value) for name, value in settings.items()}
    run = tap.run("--config", "ENV", env=env)
    assert run.errors == []
    assert run.returncode == 0
    assert_everything_arrived(small_api)


def test_environment_is_not_read_unless_asked_for(
    small_api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(small_api, env={"TAP_PARTOO_API_KEYS_STATUS": "expired"})
    assert run.returncode == 0
    assert len(run.ids) == 60


def test_what_is_unset_is_not_sent(small_api: StandIn) -> None:
    run_here(small_api)
    [request] = small_api.requests
    assert request.query == {"per_page": "100"}
    assert request.headers["user-agent"] == f"tap-partoo/{version('tap-partoo')}"


UNSETTABLE = (
    "org_id",
    "start_date",
    "api_keys_status",
    "api_keys_type",
    "api_keys_search_text",
    "api_keys_include_all_permissions",
    "reviews_lookback_days",
    "presence_metrics_lookback_days",
    "categories_language",
    "per_page",
    "requests_per_minute",
    "concurrency",
    "user_agent",
    "request_timeout",
    "emit_activate_version_messages",
)


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
@pytest.mark.parametrize("name", UNSETTABLE)
def test_null_and_empty_mean_unset(
    name: str, nothing: str | None, small_api: StandIn
) -> None:
    run = run_here(small_api, config={name: nothing})
    assert len(run.ids) == 60
    [request] = small_api.requests
    assert request.query == {"per_page": "100"}
    assert request.headers["user-agent"] == f"tap-partoo/{version('tap-partoo')}"


def test_false_is_the_default_of_the_api_and_not_sent(small_api: StandIn) -> None:
    run_here(small_api, config={"api_keys_include_all_permissions": False})
    [request] = small_api.requests
    assert "include_all_permissions" not in request.query


def test_address_may_end_in_a_slash(small_api: StandIn) -> None:
    run_here(small_api, config={"api_url": f"{small_api.url}/"})
    [request] = small_api.requests
    assert request.path == "/v2/api_keys"


def test_page_size_of_one_reads_all(small_api: StandIn) -> None:
    run = run_here(small_api, config={"per_page": 1})
    assert len(run.ids) == 60
    assert len(small_api.requests) == 60


# The filters select what they say, by the account's own data.


def _expired(record: dict[str, Any]) -> bool:
    date = record["expiration_date"]
    return date is not None and date <= datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("config", "passes"),
    [
        pytest.param(
            {"api_keys_status": "active"},
            lambda key: not key["disabled"] and not _expired(key),
            id="active",
        ),
        pytest.param(
            {"api_keys_status": "inactive"},
            lambda key: key["disabled"] or _expired(key),
            id="inactive",
        ),
        pytest.param(
            {"api_keys_status": "disabled"}, lambda key: key["disabled"], id="disabled"
        ),
        pytest.param({"api_keys_status": "expired"}, _expired, id="expired"),
        pytest.param(
            {"api_keys_type": "bot"}, lambda key: key["user_type"] == "bot", id="bots"
        ),
        pytest.param(
            {"api_keys_type": "user"},
            lambda key: key["user_type"] == "user",
            id="users",
        ),
        pytest.param(
            {"api_keys_search_text": "données"},
            lambda key: "données" in key["label"].lower(),
            id="search in the label",
        ),
        pytest.param(
            {"api_keys_status": "disabled", "api_keys_type": "user"},
            lambda key: key["disabled"] and key["user_type"] == "user",
            id="two filters",
        ),
    ],
)
def test_filter_selects(
    config: dict[str, Any],
    passes: Callable[[dict[str, Any]], bool],
    small_api: StandIn,
) -> None:
    run = run_here(small_api, config=config | {"per_page": 5})
    expected = [key["id"] for key in small_api.account.records() if passes(key)]
    assert 0 < len(expected) < 60
    assert run.ids == expected


def test_search_finds_the_secret_of_a_key(small_api: StandIn) -> None:
    key = make_keys(60)[41]
    run = run_here(small_api, config={"api_keys_search_text": key.secret})
    assert run.ids == [key.record["id"]]
    assert key.secret.encode() not in run.stdout
    assert key.secret not in run.stderr


def test_all_permissions_are_listed_when_asked_for(small_api: StandIn) -> None:
    account = small_api.account
    narrowed = run_here(small_api)
    whole = run_here(small_api, config={"api_keys_include_all_permissions": True})
    assert [key["permissions"] for key in narrowed.records] == [
        key["permissions"] for key in account.records()
    ]
    assert [key["permissions"] for key in whole.records] == [
        account.record(key_id, include_all_permissions=True)["permissions"]
        for key_id in whole.ids
    ]
    assert narrowed.records != whole.records


# Where a first run starts.


@pytest.mark.parametrize(
    "start_date",
    [
        "2024-01-31",
        "2024-01-31T00:00:00",
        "2024-01-31T00:00:00Z",
        "2024-01-31T01:30:00+01:30",
        "2024-01-30 16:00:00.000000-08",
    ],
)
def test_start_date_is_utc_unless_it_says_otherwise(start_date: str) -> None:
    account = Account()
    before = account.create(created_at="2024-01-30 23:59:59.999999+00")["id"]
    after = account.create(created_at="2024-01-31 00:00:00+00")["id"]
    used = account.create(
        created_at="2019-05-05 05:05:05+00", last_used_at="2024-02-01 12:00:00.5+00"
    )["id"]
    revoked = account.create(
        created_at="2019-05-05 05:05:05+00", revoked_at="2024-01-31 00:00:00.000001+00"
    )["id"]
    with StandIn(account) as api:
        run = run_here(api, config={"start_date": start_date})
    assert before not in run.ids
    assert run.ids == [after, used, revoked]


def test_start_date_does_not_depend_on_the_time_zone_of_the_machine(
    run_tap: RunTap,
) -> None:
    account = Account()
    account.create(created_at="2024-01-30 23:59:59.999999+00")
    after = account.create(created_at="2024-01-31 00:00:00+00")["id"]
    with StandIn(account) as api:
        config = {"start_date": "2024-01-31"}
        run = run_tap(api, config=config, env={"TZ": "Asia/Tokyo"})
    assert run.ids == [after]


def test_request_timeout_ends_a_silent_request(api: StandIn, run_tap: RunTap) -> None:
    api.faults.add(faults.stall(20))
    run = run_tap(api, config={"request_timeout": 1}, command=tap.IMPATIENT)
    assert run.returncode == 0
    assert len(run.ids) == 287
    # One more than there are pages: the first request was given up and made again.
    assert len(api.requests) == 4


# What is not accepted.

LIMITS = "a whole number from 1 to 500"
STATUSES = "active, inactive, disabled or expired"
ADDRESS = "https address"

BAD_SETTINGS = [
    ("api_key", None, "missing"),
    ("api_key", "", "missing"),
    ("api_key", f"{SECRET}\n", "line break"),
    ("api_key", f"{SECRET} ", "space"),
    ("api_key", f"{SECRET}é", "accent"),
    ("api_key", f"{SECRET}\x00", "character"),
    ("api_key", 90817263544, "text"),
    ("api_key", [SECRET], "text"),
    ("api_key", {"key": SECRET}, "text"),
    ("api_key", True, "text"),
    ("api_keys_search_text", [SECRET], "text"),
    ("api_keys_search_text", 90817263544, "text"),
    ("api_url", "not a url", ADDRESS),
    ("api_url", "api.partoo.co/v2", ADDRESS),
    ("api_url", "ftp://api.partoo.co/v2", ADDRESS),
    ("api_url", "https://", ADDRESS),
    ("api_url", "https://[::1/v2", ADDRESS),
    ("api_url", "https://api.partoo.co:port/v2", ADDRESS),
    ("api_url", "https://api.partoo.co/{version}", ADDRESS),
    ("api_url", "https://api.partoo.co/v2 ", ADDRESS),
    ("api_url", "http://api.partoo.co/v2", "must begin with https"),
    ("api_url", f"https://user:{SECRET}@api.partoo.co/v2", "no user"),
    ("api_url", f"https://api.partoo.co/v2?api_key={SECRET}", "query"),
    ("api_url", "https://api.partoo.co/v2#top", "fragment"),
    ("api_url", 7, "text"),
    ("start_date", "garbage", "a date such as 2024-01-31"),
    ("start_date", "2024-02-30", "a date such as 2024-01-31"),
    ("start_date", "6 months ago", "a date such as 2024-01-31"),
    ("start_date", "31.01.2024", "a date such as 2024-01-31"),
    ("start_date", 1706659200, "a date such as 2024-01-31"),
    ("api_keys_status", "enabled", STATUSES),
    ("api_keys_status", "ACTIVE", STATUSES),
    ("api_keys_status", ["active"], STATUSES),
    ("api_keys_type", "human", "bot or user"),
    ("api_keys_include_all_permissions", "yes", "true or false"),
    ("api_keys_include_all_permissions", 1, "true or false"),
    ("per_page", 0, LIMITS),
    ("per_page", 501, LIMITS),
    ("per_page", "50", LIMITS),
    ("per_page", True, LIMITS),
    ("per_page", 2.5, LIMITS),
    ("per_page", [50], LIMITS),
    ("org_id", 0, "a whole number, at least 1"),
    ("org_id", "12", "a whole number, at least 1"),
    ("reviews_lookback_days", -1, "a whole number from 0 to 365"),
    ("reviews_lookback_days", 366, "a whole number from 0 to 365"),
    ("presence_metrics_lookback_days", 366, "a whole number from 0 to 365"),
    ("presence_metrics_lookback_days", "10", "a whole number from 0 to 365"),
    ("categories_language", ["en"], "text"),
    ("requests_per_minute", 0, "a whole number, at least 1"),
    ("requests_per_minute", "fast", "a whole number, at least 1"),
    ("concurrency", 0, "a whole number from 1 to 16"),
    ("concurrency", 17, "a whole number from 1 to 16"),
    ("request_timeout", 0, "a whole number, at least 1"),
    ("request_timeout", "60s", "a whole number, at least 1"),
    ("user_agent", "two\r\nlines", "ASCII"),
    ("user_agent", "Zoë", "ASCII"),
    ("user_agent", 1, "text"),
    ("emit_activate_version_messages", "true", "true or false"),
]


# In the test's own process, as there are so many; below are some on the command line.
@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    BAD_SETTINGS,
    ids=[f"{name} {value!r}".replace(SECRET, "...") for name, value, _ in BAD_SETTINGS],
)
def test_bad_setting_is_refused(name: str, value: object, accepted: str) -> None:
    good = {"api_key": "another-good-key", "api_url": "https://api.partoo.co/v2"}
    with pytest.raises(InputError) as refusal:
        TapPartoo(config=good | {name: value})
    message = str(refusal.value)
    assert f"`{name}`" in message
    assert accepted in message
    assert SECRET not in message
    assert "90817263544" not in message
    assert message.isprintable()
    assert "`api_key`" not in message or name == "api_key"


def test_each_bad_setting_is_named() -> None:
    with pytest.raises(InputError) as refusal:
        TapPartoo(config={"per_page": 0, "api_keys_status": "on", "concurrency": "x"})
    for name in ("api_key", "per_page", "api_keys_status", "concurrency"):
        assert str(refusal.value).count(f"`{name}`") == 1


@pytest.mark.parametrize(
    ("changed", "accepted"),
    [
        pytest.param({"api_key": None}, "is missing", id="missing key"),
        pytest.param({"api_key": f"{SECRET}\n"}, "line break", id="key with newline"),
        pytest.param({"api_key": [SECRET]}, "text", id="key in a list"),
        pytest.param({"per_page": 0}, LIMITS, id="per_page"),
        pytest.param({"api_keys_status": "enabled"}, STATUSES, id="status"),
        pytest.param({"start_date": "garbage"}, "2024-01-31", id="start_date"),
        pytest.param({"api_url": "not a url"}, ADDRESS, id="api_url"),
    ],
)
def test_bad_setting_is_one_line_on_the_command_line(
    changed: dict[str, Any], accepted: str, small_api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(small_api, config=changed)
    assert_one_line(run, next(iter(changed)), accepted)
    assert SECRET not in run.stderr
    assert small_api.requests == []


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        pytest.param("per_page", "abc", "a whole number", id="integer"),
        pytest.param(
            "api_keys_include_all_permissions", "flase", "true or false", id="boolean"
        ),
    ],
)
def test_bad_variable_is_one_line(
    name: str, value: str, accepted: str, small_api: StandIn
) -> None:
    settings = {"api_key": SECRET, "api_url": small_api.url, name: value}
    env = {f"TAP_PARTOO_{name.upper()}": value for name, value in settings.items()}
    assert_one_line(tap.run("--config", "ENV", env=env), name, accepted)
    assert small_api.requests == []


def assert_one_line(run: tap.Run, name: str, accepted: str) -> None:
    assert run.returncode == 1
    assert run.stdout == b""
    [error] = run.errors
    assert run.stderr.splitlines()[-1] == error
    assert f"`{name}`" in error
    assert accepted in error
    assert "Traceback" not in run.stderr
    assert "ERROR" not in run.stderr


@pytest.mark.parametrize(
    "url",
    ["http://localhost:1/v2", "http://127.0.0.1:1/v2", "http://[::1]:1/v2"],
)
def test_plain_http_is_for_loopback(url: str) -> None:
    assert TapPartoo(config={"api_key": SECRET, "api_url": url}).config["api_url"]


def test_unknown_setting_is_named_and_ignored(small_api: StandIn) -> None:
    run = run_here(small_api, config={"per_pgae": 5, "apikey": SECRET})
    assert len(run.ids) == 60
    for name in ("per_pgae", "apikey"):
        [line] = [line for line in run.stderr.splitlines() if name in line]
        assert line.startswith("WARNING")
    assert SECRET not in run.stderr


def test_known_settings_cause_no_warning(small_api: StandIn) -> None:
    config = EVERYTHING | {
        "start_date": "2018-01-01",
        "org_id": 42,
        "reviews_lookback_days": 0,
        "presence_metrics_lookback_days": 365,
        "categories_language": "fr",
        "requests_per_minute": 200,
        "concurrency": 2,
        "request_timeout": 30,
        "emit_activate_version_messages": False,
        "stream_maps": {},
        "flattening_enabled": False,
    }
    assert "WARNING" not in run_here(small_api, config=config).stderr


def test_defaults() -> None:
    config = TapPartoo(config={"api_key": SECRET}).config
    assert {name: config[name] for name in config if name != "api_key"} == {
        "api_url": "https://api.partoo.co/v2",
        "api_keys_include_all_permissions": False,
        "reviews_lookback_days": 30,
        "presence_metrics_lookback_days": 10,
        "categories_language": "en",
        "requests_per_minute": 240,
        "concurrency": 4,
        "request_timeout": 60,
        "emit_activate_version_messages": False,
    }
