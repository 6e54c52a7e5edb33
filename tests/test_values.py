"""Values of any format and size affect at most their own column."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.every import catalog_of, entry_of, warnings
from tests.in_process import run_here
from tests.partoo_api import Account, Response, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.partoo_api.faults import Exchange
    from tests.tap import Run


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(Account(), counting_seconds=0) as stand_in:
        yield stand_in


def read(api: StandIn, name: str, row: dict[str, Any], **given: Any) -> Run:
    api.account[name].insert(row)
    return run_here(api, **{"catalog": catalog_of(name)} | given)


NOTHING = "nothing fits"

VALUES: list[tuple[str, str, Any, Any]] = [
    ("businesses", "created", 0, "1970-01-01T00:00:00+00:00"),
    ("businesses", "created", 1.25, "1970-01-01T00:00:01.250000+00:00"),
    ("businesses", "created", -1, "1969-12-31T23:59:59+00:00"),
    *(
        ("businesses", "created", value, NOTHING)
        for value in (1e11 * 9, 10**17, -(10**17), 1e300, 10**30, True, "1")
    ),
    ("reviews", "delete_date", "2025-10-01T12:00:00", "2025-10-01T12:00:00+00:00"),
    ("reviews", "delete_date", "2025-10-01 12:00:00+02", "2025-10-01T10:00:00+00:00"),
    ("reviews", "delete_date", "2025-10-01T12:00:00Z", "2025-10-01T12:00:00+00:00"),
    ("reviews", "delete_date", "", None),
    ("reviews", "delete_date", "0001-01-01T00:00:00+02:00", NOTHING),
    ("reviews", "rating", "5", 5),
    ("reviews", "rating", 5.0, 5),
    ("reviews", "rating", 10**40, 10**40),
    ("reviews", "rating", "--5", NOTHING),
    ("reviews", "rating", True, NOTHING),
    ("reviews", "recommended", "false", False),
    ("reviews", "title", 5, "5"),
    ("custom_fields", "min", "1.5", 1.5),
    ("custom_fields", "min", 10**40, 10**40),
    ("custom_fields", "min", "9" * 400, NOTHING),
    ("custom_fields", "min", "1.2.3", NOTHING),
    ("custom_fields", "text_fields", 10**40, str(10**40)),
    ("custom_fields", "text_fields", {"a": [10**40]}, '{"a":[' + str(10**40) + "]}"),
    ("custom_fields", "text_fields", "oui", '"oui"'),
    ("custom_fields", "text_fields", False, "false"),
    ("reviews", "comments", {"id": 1}, [{"id": 1}]),
    ("reviews", "comments", None, []),
]


@pytest.mark.parametrize(("name", "field", "value", "wanted"), VALUES)
def test_a_value_is_converted_where_nothing_is_lost(
    name: str,
    field: str,
    value: Any,  # noqa: ANN401
    wanted: Any,  # noqa: ANN401
    api: StandIn,
) -> None:
    key: Any = "b" if name == "businesses" else 1
    run = read(api, name, {"id": key, "name": "n", field: value})
    [record] = run.records
    assert record[field] == (None if wanted is NOTHING else wanted)
    assert type(record[field]) is type(None if wanted is NOTHING else wanted)
    reported = [line for line in warnings(run) if "do not fit" in line]
    assert len(reported) == (wanted is NOTHING)
    assert all(line.startswith(f"{name}.{field}: 1 value(s)") for line in reported)


@pytest.mark.parametrize("text", ["1e999", "-1e999", r'"\ud83d"', "9" * 5000])
@pytest.mark.parametrize("field", ["name", "max_len", "min", "text_fields"])
def test_what_no_record_can_hold_costs_its_column(
    text: str, field: str, api: StandIn
) -> None:
    def spoil(exchange: Exchange) -> Response:
        body = exchange.right.content().replace(b'"spoilt"', text.encode())
        return Response(200, body, page=exchange.right.page)

    api.faults.add(spoil, path="/custom_fields", times=None)
    api.account["custom_fields"].insert({"id": 2, "slug": "whole"})
    run = read(api, "custom_fields", {"id": 1, "slug": "s", field: "spoilt"})
    assert run.records == [
        {"id": 2, "slug": "whole"},
        {"id": 1, "slug": "s", field: None},
    ]
    [line] = warnings(run)
    assert line.startswith(f"custom_fields.{field}: 1 value(s) do not fit")
    assert json.loads(run.stdout.splitlines()[-1])


TYPES = [
    ("reviews", "delete_date", {"type": "string"}, "2025-10-01T10:00:00+00:00"),
    (
        "reviews",
        "delete_date",
        {"type": ["string", "null"], "format": "date"},
        "2025-10-01",
    ),
    ("reviews", "tags", {"type": ["null", "string"]}, '[{"id":5}]'),
    ("reviews", "update_date", {"type": "string"}, "2025-10-01T10:00:00+00:00"),
    (
        "reviews",
        "update_date",
        {"type": "string", "format": "date"},
        "2025-10-01",
    ),
    ("reviews", "rating", {"type": "string"}, "5"),
]


@pytest.mark.parametrize(("name", "field", "definition", "wanted"), TYPES)
def test_a_type_of_the_catalog_is_the_last_step(
    name: str,
    field: str,
    definition: Any,  # noqa: ANN401
    wanted: str,
    api: StandIn,
) -> None:
    """What is new, and the bookmark, do not depend on it."""
    time = "2025-10-01T12:00:00.000000+02:00"
    row = {"id": 1, "update_date": time, "delete_date": time, "rating": 5}
    row |= {"tags": [{"id": 5}], "state": "treated"}
    catalog = catalog_of(name)
    entry_of(catalog, name)["schema"]["properties"][field] = definition
    run = read(api, name, row, catalog=catalog)
    [record] = run.records
    assert record[field] == wanted
    assert run.state
    bookmark = run.state["bookmarks"][name]["replication_key_value"]
    assert bookmark == "2025-10-01T10:00:00+00:00"
    later = run_here(api, catalog=catalog, state=run.state)
    assert later.state == run.state
    assert len(later.records) == 1
    assert not warnings(later)
