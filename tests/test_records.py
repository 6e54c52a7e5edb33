"""An emitted record fits the schema, whatever the API sends.

Most runs are in the test's own process; two at the end show the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from singer_sdk.exceptions import FatalSyncError

from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunTap
    from tests.tap import Run

TEXTS = (
    "label",
    "description",
    "user_id",
    "user_name",
    "user_role",
    "user_type",
    "created_by",
    "created_by_name",
    "revoked_by",
    "revoked_by_name",
)
BOOLEANS = ("disabled", "has_restricted_permissions")
TIMES = ("created_at", "last_used_at", "revoked_at")
DATES = ("expiration_date",)
ARRAYS = ("ip_whitelist", "permissions")
FIELDS = (*TEXTS, *BOOLEANS, *TIMES, *DATES, *ARRAYS)

MARK = "s3cr3t-value"
NUMBER = 90817263544
VALUES: dict[str, Any] = {
    "number": NUMBER,
    "fraction": NUMBER + 0.5,
    "text": MARK,
    "true": True,
    "object": {MARK: MARK},
    "list": [{MARK: MARK}],
    "null": None,
}


@pytest.fixture(scope="module")
def shared_api() -> Iterator[StandIn]:
    with StandIn(Account()) as stand_in:
        yield stand_in


def run_with(api: StandIn, *records: dict[str, Any]) -> Run:
    """Run over an account with these records only."""
    api.account = Account()
    for record in records:
        api.account.insert(record)
    # Without it the stand-in looks into the permissions, which here may be anything.
    run = run_here(api, config={"api_keys_include_all_permissions": True})
    assert_fitting(run)
    return run


def assert_fitting(run: Run) -> None:
    [message] = run.of_type("SCHEMA")
    validator = Draft202012Validator(message["schema"], format_checker=FormatChecker())
    for record in run.records:
        validator.validate(record)


def good_record(key_id: int) -> dict[str, Any]:
    return make_keys(1, start_id=key_id, seed=key_id)[0].record


def warnings(run: Run) -> list[str]:
    return [line for line in run.stderr.splitlines() if line.startswith("WARNING")]


# Wrong types


def fitted(field: str, value: object) -> object:
    """What becomes of a value: itself, a text, or nothing."""
    if field in TEXTS:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) else None
    if field in BOOLEANS:
        return value if isinstance(value, bool) else None
    return None


@pytest.mark.parametrize("field", FIELDS)
def test_wrong_types_are_converted_or_null(field: str, shared_api: StandIn) -> None:
    records = [good_record(100), good_record(101)]
    records += [
        good_record(900 + n) | {field: value} for n, value in enumerate(VALUES.values())
    ]
    run = run_with(shared_api, *records)

    expected = {name: fitted(field, value) for name, value in VALUES.items()}
    assert dict(zip(VALUES, [r[field] for r in run.records[2:]], strict=True)) == (
        expected
    )
    assert [record["id"] for record in run.records] == [r["id"] for r in records]

    lost = [n for n, name in enumerate(VALUES) if expected[name] is None][:-1]
    [warning] = [line for line in warnings(run) if f"api_keys.{field}:" in line]
    assert f" {len(lost)} value" in warning
    assert str(900 + lost[0]) in warning
    assert MARK not in run.stderr
    assert str(NUMBER) not in run.stderr


@pytest.mark.parametrize("field", FIELDS)
def test_null_and_absent_need_no_warning(field: str, shared_api: StandIn) -> None:
    absent = good_record(2)
    del absent[field]
    run = run_with(shared_api, good_record(1) | {field: None}, absent)
    assert run.records[0][field] is None
    assert run.records[1].get(field) is None
    assert [line for line in warnings(run) if f"api_keys.{field}:" in line] == []


def test_record_with_nothing_but_its_id(shared_api: StandIn) -> None:
    assert run_with(shared_api, {"id": 9}).records == [{"id": 9}]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("disabled", "false", False),
        ("disabled", "true", True),
        ("disabled", "False", False),
        ("has_restricted_permissions", "TRUE", True),
        ("id", "3245", 3245),
        ("id", 3245.0, 3245),
        ("id", 2**62, 2**62),
        ("label", 12, "12"),
        ("label", -0.5, "-0.5"),
        ("label", "", ""),
        ("user_id", 5309, "5309"),
        ("ip_whitelist", [None, "10.0.0.0/8"], [None, "10.0.0.0/8"]),
        ("permissions", [1, "two", 2.5, None], ["1", "two", "2.5", None]),
        ("permissions", [], []),
        ("expiration_date", "", None),
        ("created_at", "", None),
        ("last_used_at", "", None),
        ("revoked_at", "", None),
        ("expiration_date", "2022-06-05", "2022-06-05"),
        ("expiration_date", "2022-06-05T23:59:59.9+02:00", "2022-06-05"),
        ("expiration_date", "2022-06-05 00:00:00+00", "2022-06-05"),
        ("last_used_at", "2022-06-05 01:02:03+02", "2022-06-04T23:02:03+00:00"),
        ("last_used_at", "2022-06-05T01:02:03", "2022-06-05T01:02:03+00:00"),
        ("last_used_at", "2022-06-05", "2022-06-05T00:00:00+00:00"),
        ("last_used_at", "2022-06-05T01:02:03.5Z", "2022-06-05T01:02:03.500000+00:00"),
    ],
    ids=repr,
)
def test_nothing_is_lost(
    field: str, value: object, expected: object, shared_api: StandIn
) -> None:
    run = run_with(shared_api, good_record(1) | {field: value})
    [record] = run.records
    assert record[field] == expected
    assert type(record[field]) is type(expected)
    assert [line for line in warnings(run) if f"api_keys.{field}:" in line] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("disabled", "no"),
        ("disabled", 0),
        ("disabled", 1),
        ("permissions", ["one", True]),
        ("permissions", ["one", ["two"]]),
        ("permissions", "one,two"),
        ("expiration_date", "05/06/2022"),
        ("expiration_date", "2022-02-30"),
        ("expiration_date", "never"),
        ("last_used_at", "yesterday"),
        ("last_used_at", "infinity"),
        ("last_used_at", "2022-06-05T25:00:00Z"),
        ("last_used_at", "0001-01-01T00:00:00+14:00"),
        ("last_used_at", 1561335111.681374),
    ],
    ids=repr,
)
def test_what_means_nothing_is_null(
    field: str, value: object, shared_api: StandIn
) -> None:
    run = run_with(shared_api, good_record(1) | {field: value})
    [record] = run.records
    assert record[field] is None
    [warning] = warnings(run)
    assert f"api_keys.{field}: 1 value" in warning
    assert "id 1" in warning


def test_other_fields_of_an_unfit_record_stay(shared_api: StandIn) -> None:
    good = good_record(5)
    [fine] = run_with(shared_api, good).records
    [record] = run_with(shared_api, good | {"user_name": ["x"]}).records
    assert record == fine | {"user_name": None}


def test_one_warning_per_field_and_run(shared_api: StandIn) -> None:
    records = [good_record(n) | {"disabled": 0, "label": {}} for n in range(40, 190)]
    run = run_with(shared_api, good_record(1), *records)
    assert len(run.ids) == 151
    assert len(warnings(run)) == 2
    for field in ("disabled", "label"):
        [warning] = [line for line in warnings(run) if f"api_keys.{field}:" in line]
        assert " 150 value" in warning
        assert "id 40" in warning


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    | st.dates().map(str)
    | st.datetimes().map(str)
    | st.sampled_from(["true", "FALSE", "", "7", "2022-06-05T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.lists(
        st.dictionaries(st.sampled_from([*FIELDS, "new"]), JSON, max_size=20),
        max_size=8,
    )
)
def test_any_json_becomes_fitting_records(
    shared_api: StandIn, rows: list[dict[str, Any]]
) -> None:
    records = [{"id": n} | row for n, row in enumerate(rows)]
    assert run_with(shared_api, *records).ids == list(range(len(rows)))


# Fields that the schema lacks


def test_new_fields_are_left_out_and_named_once(shared_api: StandIn) -> None:
    new = {"last_ip": MARK, "owner": {"name": MARK}}
    run = run_with(
        shared_api,
        good_record(1),
        *(good_record(n) | new for n in range(2, 120)),
        good_record(200) | {"quota": MARK},
    )
    assert run.records[1].keys() == good_record(1).keys()
    [warning] = warnings(run)
    for name in ("last_ip", "owner", "quota"):
        assert name in warning
    assert MARK not in run.stderr
    assert MARK.encode() not in run.stdout


@pytest.mark.parametrize("name", ["api_key", "key", "token"])
@pytest.mark.parametrize("value", [MARK, [MARK], {"value": MARK}], ids=str)
def test_secrets_never_leave(name: str, value: object, shared_api: StandIn) -> None:
    run = run_with(shared_api, good_record(1) | {name: value})
    assert run.ids == [1]
    assert MARK.encode() not in run.stdout
    assert MARK not in run.stderr


def test_secrets_do_not_leave_even_if_a_catalog_names_them(
    shared_api: StandIn,
) -> None:
    catalog = discover_api_keys()
    properties = catalog["streams"][0]["schema"]["properties"]
    properties |= {name: {"type": ["string"]} for name in ("api_key", "key", "token")}
    shared_api.account = Account()
    shared_api.account.insert(good_record(1) | {"token": MARK, "key": MARK})
    run = run_here(shared_api, catalog=catalog)
    assert run.ids == [1]
    assert MARK.encode() not in run.stdout
    assert MARK not in run.stderr


# Records without a key


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"label": MARK}, id="missing"),
        *(
            pytest.param({"id": value, "label": MARK}, id=repr(value))
            for value in (None, "", "abc", "1.5", "--5", "٣", 1.5, True, [1], {"id": 1})
        ),
    ],
)
def test_record_without_an_id_is_an_error(
    record: dict[str, Any], shared_api: StandIn
) -> None:
    with pytest.raises(FatalSyncError, match="without a usable `id`") as error:
        run_with(shared_api, good_record(1), record)
    assert MARK not in str(error.value)


# On the command line


def test_command_survives_a_strange_account(run_tap: RunTap) -> None:
    account = Account()
    account.insert(good_record(1))
    for n, value in enumerate(VALUES.values()):
        account.insert({"id": 100 + n} | dict.fromkeys(FIELDS, value))
    account.insert(good_record(2) | {"token": MARK, "new": MARK, "id": "2"})
    with StandIn(account) as api:
        run = run_tap(api, config={"api_keys_include_all_permissions": True})
    assert run.returncode == 0
    assert run.ids == [1, *range(100, 100 + len(VALUES)), 2]
    assert_fitting(run)
    for field in FIELDS:
        [line] = [ln for ln in run.stderr.splitlines() if f"api_keys.{field}:" in ln]
        assert "WARNING" in line
    assert run.errors == []
    assert MARK not in run.stderr
    # Where it is a text it is one: as the value of a label, not of a token.
    texts = [record["label"] for record in run.records if record["label"] == MARK]
    assert run.stdout.count(MARK.encode()) == len(TEXTS) * len(texts)


def test_command_ends_at_a_record_without_an_id(api: StandIn, run_tap: RunTap) -> None:
    api.account.insert({"label": MARK}, index=250)
    run = run_tap(api)
    assert run.returncode == 1
    [error] = run.errors
    assert "`api_keys`" in error
    assert "`id`" in error
    assert "Traceback" not in run.stderr
    assert MARK not in run.stderr
    assert run.of_type("STATE") == []
