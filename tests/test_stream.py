"""The stream `api_keys`: its messages, its schema, its values, and all of its pages."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests import tap
from tests.in_process import run_here
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunTap
    from tests.partoo_api.paging import PastEnd
    from tests.tap import Run

TIMES = ("last_used_at", "created_at", "revoked_at")
ARRAYS = ("ip_whitelist", "permissions")
BOOLEANS = ("disabled", "has_restricted_permissions")


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(make_keys(287))


@pytest.fixture(scope="module")
def run(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the command over 287 keys."""
    with StandIn(account) as api:
        settings = {"api_key": account.api_key, "api_url": api.url}
        folder = tmp_path_factory.mktemp("settings")
        return tap.run(*tap.arguments(folder, settings))


# Messages


def test_messages_come_in_order(run: Run) -> None:
    assert run.returncode == 0
    kinds = [kind for kind, _ in itertools.groupby(m["type"] for m in run.messages)]
    assert kinds == ["SCHEMA", "RECORD", "STATE"]
    assert len(run.of_type("SCHEMA")) == 1
    assert {m["stream"] for m in run.messages if "stream" in m} == {"api_keys"}


def test_schema_message_has_the_keys(run: Run) -> None:
    [message] = run.of_type("SCHEMA")
    assert message["key_properties"] == ["id"]
    assert message["bookmark_properties"] == ["created_at"]


def test_records_fit_their_schema(run: Run) -> None:
    [message] = run.of_type("SCHEMA")
    validator = Draft202012Validator(message["schema"], format_checker=FormatChecker())
    for record in run.records:
        validator.validate(record)
        assert record.keys() == message["schema"]["properties"].keys()


def test_records_tell_when_they_were_read(run: Run) -> None:
    for message in run.of_type("RECORD"):
        extracted = datetime.fromisoformat(message["time_extracted"])
        assert extracted.utcoffset() is not None
        assert abs(datetime.now(UTC) - extracted).total_seconds() < 600


# Values


def _instant(text: str | None) -> datetime | None:
    """Read Partoo's spelling by hand; the tap must not be its own judge."""
    if text is None:
        return None
    match = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00", text
    )
    assert match, text
    *parts, fraction = match.groups()
    microsecond = int((fraction or "").ljust(6, "0"))
    year, month, day, hour, minute, second = map(int, parts)
    return datetime(year, month, day, hour, minute, second, microsecond, UTC)


def _normalised(record: dict[str, Any]) -> dict[str, Any]:
    return record | {name: _instant(record[name]) for name in TIMES}


def _emitted(record: dict[str, Any]) -> dict[str, Any]:
    return record | {
        name: None if record[name] is None else datetime.fromisoformat(record[name])
        for name in TIMES
    }


def test_every_value_is_the_one_of_the_account(run: Run, account: Account) -> None:
    emitted = [_emitted(record) for record in run.records]
    assert emitted == [_normalised(record) for record in account.records()]


def test_the_account_has_what_real_ones_have(account: Account) -> None:
    # Without this variety the comparison would prove little.
    records = account.records()
    digits = {
        len(record[name].partition(".")[2].removesuffix("+00"))
        for record in records
        for name in TIMES
        if record[name]
    }
    assert digits == set(range(7))
    for name in ("description", "user_id", "user_name", "expiration_date"):
        assert len({record[name] is None for record in records}) == 2
    assert {len(record["ip_whitelist"]) for record in records} >= {0, 1, 2}
    assert {record["permissions"] is None for record in records} == {True, False}
    assert any(not record["label"].isascii() for record in records)


def test_times_leave_as_rfc_3339_in_utc(run: Run) -> None:
    pattern = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")
    values = [record[name] for record in run.records for name in TIMES if record[name]]
    assert len(values) > 287
    assert [value for value in values if not pattern.fullmatch(value)] == []


def test_the_documented_spelling() -> None:
    account = Account()
    account.create(
        created_at="2018-03-12 11:49:03.399475+00", expiration_date="2022-06-05"
    )
    with StandIn(account) as api:
        [record] = run_here(api).records
    assert record["created_at"] == "2018-03-12T11:49:03.399475+00:00"
    assert record["expiration_date"] == "2022-06-05"


def test_days_leave_as_days(run: Run) -> None:
    values = [record["expiration_date"] for record in run.records]
    days = [value for value in values if value]
    assert days == [date.fromisoformat(day).isoformat() for day in days]
    assert len(days) > 50


def test_bookmark_is_the_newest_creation(run: Run, account: Account) -> None:
    newest = max(filter(None, (_instant(r["created_at"]) for r in account.records())))
    assert run.bookmark is not None
    assert datetime.fromisoformat(run.bookmark) == newest


# The schema loads everywhere.


@pytest.fixture(scope="module")
def properties(run: Run) -> dict[str, dict[str, Any]]:
    [message] = run.of_type("SCHEMA")
    result: dict[str, dict[str, Any]] = message["schema"]["properties"]
    return result


def test_only_the_id_is_required(
    run: Run, properties: dict[str, dict[str, Any]]
) -> None:
    [message] = run.of_type("SCHEMA")
    assert message["schema"]["required"] == ["id"]
    nullable = {name for name in properties if "null" in properties[name]["type"]}
    assert properties.keys() - nullable == {"id"}


def test_each_field_has_one_type(properties: dict[str, dict[str, Any]]) -> None:
    # Targets turn columns with several types into text.
    types = {
        name: [kind for kind in definition["type"] if kind != "null"]
        for name, definition in properties.items()
    }
    assert types == (
        {name: ["string"] for name in properties}
        | {name: ["array"] for name in ARRAYS}
        | {name: ["boolean"] for name in BOOLEANS}
        | {"id": ["integer"]}
    )
    formats = {
        name: definition["format"]
        for name, definition in properties.items()
        if "format" in definition
    }
    assert formats == dict.fromkeys(TIMES, "date-time") | {"expiration_date": "date"}


def test_arrays_hold_nullable_texts(properties: dict[str, dict[str, Any]]) -> None:
    for name in ARRAYS:
        assert set(properties[name]["items"]["type"]) == {"string", "null"}


@pytest.mark.parametrize(
    "keyword",
    [
        "enum",
        "const",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "default",
    ],
)
def test_schema_lacks_what_breaks_loads(
    keyword: str, properties: dict[str, dict[str, Any]]
) -> None:
    # New roles and longer names come without notice; unions become columns of text.
    # A property could be called so, hence the definitions only.
    for definition in properties.values():
        assert f'"{keyword}":' not in json.dumps(definition)


def test_new_fields_of_the_api_do_not_break_the_schema(run: Run) -> None:
    [message] = run.of_type("SCHEMA")
    assert message["schema"].get("additionalProperties") is not False


# Pages: every numbering that the documentation allows. In the test's own process, for
# there are more than two hundred runs; the command itself reads pages above and below.

NUMBERINGS = {
    "from 1": {"first_page": 1},
    "from 1, empty list ends at 0": {"first_page": 1, "empty_max_page": 0},
    "from 0": {"first_page": 0},
    "from 0, max_page counts": {"first_page": 0, "max_page_counts_pages": True},
}
PER_PAGE = 4
COUNTS = {
    "no keys": 0,
    "one key": 1,
    "one page": PER_PAGE,
    "one more": PER_PAGE + 1,
    "full pages": 3 * PER_PAGE,
    "a last page of one": 5 * PER_PAGE + 1,
}


@pytest.fixture
def paged_api(numbering: str, past_end: PastEnd, count: int) -> Iterator[StandIn]:
    paging: dict[str, Any] = NUMBERINGS[numbering]
    with StandIn(Account(make_keys(count)), past_end=past_end, **paging) as stand_in:
        yield stand_in


@pytest.mark.parametrize("concurrency", [1, 4], ids="concurrency {}".format)
@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS.keys())
@pytest.mark.parametrize("past_end", ["empty", "clamp", "not_found"])
@pytest.mark.parametrize("numbering", NUMBERINGS)
def test_all_keys_are_read_once(
    paged_api: StandIn, numbering: str, count: int, concurrency: int
) -> None:
    filters = {"api_keys_include_all_permissions": True}
    config = {"per_page": PER_PAGE, "concurrency": concurrency}
    run = run_here(paged_api, config=config | filters)
    assert run.ids == [key.record["id"] for key in make_keys(count)]
    assert "WARNING" not in run.stderr

    queries = [request.query for request in paged_api.requests]
    # Page 0 and page 1 may be the same one: the first is asked for without a number.
    numbers = [query.get("page") for query in queries]
    first = 1 if numbering.startswith("from 1") else 0
    pages = max(1, -(-count // PER_PAGE))
    assert numbers[0] is None
    asked = sorted(map(int, filter(None, numbers)))
    assert asked == list(range(first + 1, first + 1 + len(asked)))
    # Where `max_page` may be either the last number or how many pages there are, a look
    # after the end shows which.
    assert 0 <= len(asked) - (pages - 1) <= ("max_page counts" in numbering)
    for query in queries:
        assert query["per_page"] == str(PER_PAGE)
        assert query["include_all_permissions"] == "true"


@pytest.mark.parametrize("first_page", [0, 1], ids="from {}".format)
def test_command_reads_both_page_bases(
    first_page: Literal[0, 1], run_tap: RunTap
) -> None:
    account = Account(make_keys(250))
    with StandIn(account, first_page=first_page) as api:
        run = run_tap(api)
    assert run.returncode == 0
    assert run.ids == [record["id"] for record in account.records()]


@pytest.mark.parametrize("first_page", [0, 1], ids="from {}".format)
def test_filters_are_sent_with_every_page(first_page: Literal[0, 1]) -> None:
    account = Account(make_keys(287))
    config = {"api_keys_type": "user", "api_keys_status": "active", "per_page": 30}
    with StandIn(account, first_page=first_page) as api:
        run = run_here(api, config=config)
        requests = api.requests
    assert len(requests) == -(-len(run.ids) // 30) > 3
    for request in requests:
        query = dict(request.query)
        query.pop("page", None)
        assert query == {"type": "user", "status": "active", "per_page": "30"}


def test_empty_account_is_no_error(run_tap: RunTap) -> None:
    with StandIn(Account()) as api:
        run = run_tap(api)
    assert run.returncode == 0
    assert [message["type"] for message in run.messages] == ["SCHEMA", "STATE"]
    assert run.bookmark is None
