"""The views of docs/views: their rows match the account, whatever is loaded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.views import FILES, PAGE, TABLES, Warehouse, page, show, statements
from tests.views import warehouse as load
from tests.views.expected import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

Row = dict[str, Any]

pytestmark = pytest.mark.xdist_group("views")  # loading the account takes long

each_view = pytest.mark.parametrize("view", FILES)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with load() as made:
        yield made


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[psycopg.Connection]:
    """A database of the test's own, with all tables and views."""
    with warehouse.copy().connect() as opened:
        yield opened


def rows(connection: psycopg.Connection, view: str) -> list[Row]:
    """The rows of a view, sorted."""
    cursor = connection.cursor(row_factory=dict_row)
    query = sql.SQL("SELECT * FROM {}").format(sql.Identifier("partoo", view))
    return in_order(cursor.execute(query).fetchall())


def in_order(found: Iterable[Row]) -> list[Row]:
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


def tables(connection: psycopg.Connection) -> set[str]:
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'partoo'"
    )
    return {name for (name,) in found}


def drop_views(connection: psycopg.Connection) -> None:
    for view in FILES:
        name = sql.Identifier("partoo", view)
        connection.execute(sql.SQL("DROP VIEW {}").format(name))


def create(connection: psycopg.Connection, view: str) -> None:
    connection.execute(statements(view).encode())


@pytest.mark.parametrize("zone", ["Europe/Paris", "UTC", "Pacific/Kiritimati"])
def test_rows_are_those_of_the_account_in_every_time_zone(
    warehouse: Warehouse, connection: psycopg.Connection, zone: str
) -> None:
    connection.execute("SELECT set_config('timezone', %s, FALSE)", (zone,))
    assert EXPECTED.keys() == FILES.keys()
    for view, compute in EXPECTED.items():
        expected = compute(warehouse.account)
        assert expected
        assert rows(connection, view) == in_order(expected), view


def test_the_account_has_what_a_view_can_get_wrong(
    connection: psycopg.Connection,
) -> None:
    for table in tables(connection):
        query = sql.SQL("SELECT count(_sdc_deleted_at) FROM {}").format(
            sql.Identifier("partoo", table)
        )
        marked = connection.execute(query).fetchone()
        assert marked
        assert marked[0], f"no row of {table} is marked as deleted"
    for view, column, values in (
        (
            "api_key_findings",
            "finding",
            {
                "never_expires",
                "expires_soon",
                "idle",
                "never_used",
                "no_ip_whitelist",
                "wide_ip_whitelist",
                "unrestricted_permissions",
                "revoked",
            },
        ),
        ("api_key_owner_findings", "finding", {"owner_gone", "owner_disabled"}),
        ("review_facts", "edited_after_reply", {True, False}),
        ("review_facts", "is_deleted", {True, False}),
        ("review_facts", "answered_within_48h", {True, False}),
        ("store_day_visibility", "is_settled", {True, False}),
        ("store_month_keywords", "is_below_threshold", {True, False}),
        ("store_coverage", "missing", {"subscription", "link to Google", "rows", None}),
    ):
        assert {row[column] for row in rows(connection, view)} == values


@each_view
def test_a_view_needs_the_tables_that_its_first_comment_names(
    connection: psycopg.Connection, view: str
) -> None:
    before = rows(connection, view)
    drop_views(connection)
    assert TABLES[view] <= tables(connection)
    for table in tables(connection) - TABLES[view]:
        name = sql.Identifier("partoo", table)
        connection.execute(sql.SQL("DROP TABLE {}").format(name))
    create(connection, view)
    create(connection, view)
    assert rows(connection, view) == before
    used = connection.execute(
        "SELECT table_name FROM information_schema.view_table_usage"
        " WHERE view_schema = 'partoo'"
    )
    assert {name for (name,) in used} == TABLES[view]


def test_marks_of_deleted_rows_may_come_and_go(connection: psycopg.Connection) -> None:
    before = {view: rows(connection, view) for view in FILES}
    for table in tables(connection):
        name = sql.Identifier("partoo", table)
        for statement in (
            "ALTER TABLE {} RENAME _sdc_deleted_at TO kept",
            "UPDATE {} SET kept = NULL WHERE kept IS NULL",
        ):
            connection.execute(sql.SQL(statement).format(name))
    for view in FILES:
        assert rows(connection, view) != before[view], view
    for view in FILES:
        create(connection, view)
    for table in tables(connection):
        name = sql.Identifier("partoo", table)
        for statement in (
            "ALTER TABLE {} ADD COLUMN _sdc_deleted_at timestamp",
            "UPDATE {} SET _sdc_deleted_at = kept",
        ):
            connection.execute(sql.SQL(statement).format(name))
    for view in FILES:
        assert rows(connection, view) == before[view], view


def test_empty_tables_give_no_rows(connection: psycopg.Connection) -> None:
    for table in tables(connection) - {"api_keys", "businesses"}:
        name = sql.Identifier("partoo", table)
        connection.execute(sql.SQL("DELETE FROM {}").format(name))
    # As if users had not been loaded: not all owners are gone.
    assert rows(connection, "api_key_owner_findings") == []
    assert {row["missing"] for row in rows(connection, "store_coverage")} > {"rows"}
    connection.execute("DELETE FROM partoo.api_keys")
    connection.execute("DELETE FROM partoo.businesses")
    for view in FILES:
        assert rows(connection, view) == [], view


@each_view
def test_the_schema_is_named_once(connection: psycopg.Connection, view: str) -> None:
    before = rows(connection, view)
    drop_views(connection)
    connection.execute("ALTER SCHEMA partoo RENAME TO raw")
    text = statements(view)
    assert text.count("partoo") == 1
    connection.execute(text.replace("partoo", "raw").encode())
    connection.execute("ALTER SCHEMA raw RENAME TO partoo")
    assert rows(connection, view) == before


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_now_is_now_in_utc(connection: psycopg.Connection, zone: str) -> None:
    connection.execute("SELECT set_config('timezone', %s, FALSE)", (zone,))
    for view in FILES:
        connection.execute(statements(view, at=None).encode())
    for hours, idle in ((-1, False), (1, True)):
        at = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=90, hours=hours)
        connection.execute(
            "UPDATE partoo.api_keys SET last_used_at = %s, disabled = FALSE,"
            " expiration_date = NULL",
            (at,),
        )
        found = {row["finding"] for row in rows(connection, "api_key_findings")}
        assert ("idle" in found) == idle
    for hours, name in ((47, "1: under 48 hours"), (49, "2: 48 hours to 7 days")):
        at = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=hours)
        connection.execute("UPDATE partoo.reviews SET date = %s", (at,))
        found = {row["age_class"] for row in rows(connection, "open_reviews")}
        assert found == {name}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_day_in_utc(connection: psycopg.Connection, zone: str) -> None:
    connection.execute("SELECT set_config('timezone', %s, FALSE)", (zone,))
    for view in FILES:
        connection.execute(statements(view, at=None).encode())
    connection.execute("DELETE FROM partoo.presence_metrics")
    today, expiring, settled = None, False, {}
    while today != datetime.now(UTC).date():  # again if midnight came
        today = datetime.now(UTC).date()
        connection.execute("UPDATE partoo.api_keys SET expiration_date = %s", (today,))
        found = {row["finding"] for row in rows(connection, "api_key_findings")}
        expiring = "expires_soon" in found
        for days in (5, 6):
            connection.execute(
                "INSERT INTO partoo.presence_metrics (business_id, date)"
                " VALUES ('a', %s) ON CONFLICT DO NOTHING",
                (today - timedelta(days=days),),
            )
        settled = {
            (today - row["day"]).days: row["is_settled"]
            for row in rows(connection, "store_day_visibility")
        }
    assert expiring
    assert settled[5] is False
    assert settled[6] is True
    yesterday = today - timedelta(days=1)
    connection.execute("UPDATE partoo.api_keys SET expiration_date = %s", (yesterday,))
    found = {row["finding"] for row in rows(connection, "api_key_findings")}
    assert found == {"revoked"}


def columns_told(view: str) -> list[str]:
    _, found, rest = PAGE.read_text("utf-8").partition(f"\n## {view}\n")
    assert found
    section = rest.partition("\n## ")[0]
    named = re.search(r"^Tables: (.+)\.$", section, re.MULTILINE)
    assert named
    assert set(re.findall(r"`(\w+)`", named[1])) == TABLES[view]
    return [
        name
        for cell in re.findall(r"^\| (`.+?) \| \S.* \|$", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    ]


@each_view
def test_the_page_tells_the_columns(connection: psycopg.Connection, view: str) -> None:
    assert columns_told(view) == list(rows(connection, view)[0])


def test_the_samples_are_rows(connection: psycopg.Connection) -> None:
    assert PAGE.read_text("utf-8") == page(connection), "run `python -m tests.views`"


@pytest.mark.parametrize("view", ["api_key_findings", "store_month_reputation"])
def test_the_demonstration_shows_rows(warehouse: Warehouse, view: str) -> None:
    database = warehouse.copy()
    names, *lines = show(database, view, 3)
    assert set(names.split()) <= set(columns_told(view))
    assert len(lines) == 3
    with database.connect() as connection:
        connection.execute("DROP SCHEMA partoo CASCADE")
    [line] = show(database, view)
    assert line.startswith("needs ")
