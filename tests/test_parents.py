"""Streams that are read per row of another one, or made from one: each row once.

`messages` and `search_keywords`, which have bookmarks, have separate files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import pytest
from singer_sdk.exceptions import FatalSyncError

from tests.in_process import run_here
from tests.partoo_api import Account, Habits, Response, StandIn, faults, whole_account
from tests.selected import (
    QUICK,
    activated,
    asked,
    asked_twice,
    catalog_of,
    records_of,
    warnings_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import RunTap
    from tests.partoo_api import Fault
    from tests.tap import Run

ACTIVATE = {"emit_activate_version_messages": True}
Record = dict[str, Any]


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(whole_account(reviews=0, conversations=0, businesses=26)) as stand_in:
        yield stand_in


def run(api: StandIn, *names: str, **config: Any) -> Run:
    api.requests.clear()
    return run_here(api, config=config, catalog=catalog_of(*names))


def by_key(records: list[Record], *names: str) -> dict[tuple[Any, ...], Record]:
    """Return the records by their key, each of which there is once."""
    found = {tuple(record[name] for name in names): record for record in records}
    assert len(found) == len(records)
    return found


# Publisher states.


def states_of(run: Run) -> dict[tuple[Any, ...], Record]:
    return by_key(records_of(run, "publisher_states"), "business_id", "publisher")


def states(api: StandIn) -> dict[tuple[Any, ...], Record]:
    """The rows of the account as they should arrive."""
    rows = by_key(api.account["publisher_states"].rows(), "business_id", "publisher")
    for row in rows.values():
        if row["error_type"] == "None":
            row["error_type"] = None
    return rows


def cap_at_five(api: StandIn) -> None:
    """Let the server ignore the page size: pages have 5 businesses."""

    def ignore(exchange: faults.Exchange) -> Response:
        query = exchange.request.query
        return exchange.ask({k: query[k] for k in query if k != "per_page"})

    api.faults.add(ignore, path="/publisher_states", times=None)


@pytest.mark.parametrize("past_end", ["empty", "clamp", "not_found"])
@pytest.mark.parametrize("capped", [True, False], ids=["5 a page", "100 a page"])
@pytest.mark.parametrize("missing", [True, False], ids=["one missing", "all there"])
def test_publisher_states_are_complete_however_their_list_ends(
    past_end: Literal["empty", "clamp", "not_found"], *, capped: bool, missing: bool
) -> None:
    account = whole_account(reviews=0, conversations=0, businesses=26)
    with StandIn(account, past_end=past_end) as api:
        if missing:  # of which Partoo has nothing to say
            table = account["businesses"]
            table.insert({"id": "5409c35a97bbc544d8e2ffff"})
        if capped:
            cap_at_five(api)
        mirrored = run(api, "publisher_states", **ACTIVATE)
        assert states_of(mirrored) == states(api)
        assert activated(mirrored) == ["publisher_states"]
        assert warnings_of(mirrored) == []
        # Page 1 may be the first one again.
        requests = 6 + missing if capped else 1 + 2 * missing
        assert len(asked(api, "/publisher_states")) == requests


def test_publisher_states_are_asked_for_by_a_hundred_ids() -> None:
    with StandIn(whole_account(reviews=0, conversations=0, businesses=300)) as api:
        assert states_of(run(api, "publisher_states")) == states(api)
        requests = asked(api, "/publisher_states")
        counts = [len(each.query["business__in"].split(",")) for each in requests]
        assert sorted(counts, reverse=True)[:-1] == [100] * (len(counts) - 1)
        assert sum(counts) == len({business for business, _ in states(api)})
        assert {each.query["per_page"] for each in requests} == {"100"}


def test_stores_without_presence_are_skipped_and_unknown_ones_asked_for(
    api: StandIn,
) -> None:
    table = api.account["businesses"]
    inactive = [
        row["id"]
        for row in table.rows()
        if not row["subscriptions"]["presence_management"]["active"]
    ]
    table.drop(inactive[0], "subscriptions")
    table.edit(inactive[1], subscriptions={"presence_management": None})
    run(api, "publisher_states")
    [ids] = {each.query["business__in"] for each in asked(api, "/publisher_states")}
    assert {*ids.split(",")} == {row["id"] for row in table.rows()} - {*inactive[2:]}
    assert len(inactive) == 3


def test_the_id_of_a_store_is_that_of_the_map(api: StandIn) -> None:
    def drop(entries: dict[str, Record]) -> dict[str, Record]:
        return {
            key: {k: v for k, v in entry.items() if k != "business_id"}
            for key, entry in entries.items()
        }

    api.faults.add(faults.change_list(drop), path="/publisher_states", times=None)
    assert states_of(run(api, "publisher_states")) == states(api)


def test_a_store_without_id_is_an_error_of_businesses(api: StandIn) -> None:
    api.account["businesses"].insert({"name": "No id"})
    with pytest.raises(FatalSyncError, match="`businesses` without a usable `id`"):
        run(api, "publisher_states")


def test_an_incomplete_list_of_stores_forbids_activation(api: StandIn) -> None:
    more = faults.Rewrite(lambda page: page | {"count": page["count"] + 1})
    api.faults.add(more, path="/business/search", times=None)
    mirrored = run(api, "publisher_states", **ACTIVATE)
    assert states_of(mirrored) == states(api)
    assert activated(mirrored) == []


# Sections and groups.


@pytest.mark.parametrize("first_page", [0, 1])
@pytest.mark.parametrize("past_end", ["empty", "clamp", "not_found"])
@pytest.mark.parametrize("counts", [True, False], ids=["counters", "no counters"])
@pytest.mark.parametrize("embeds", [True, False], ids=["embedded", "by section"])
@pytest.mark.parametrize("names", [("groups",), ("sections",), ("groups", "sections")])
def test_sections_and_groups_are_whole_and_asked_for_once(
    names: tuple[str, ...],
    first_page: Literal[0, 1],
    past_end: Literal["empty", "clamp", "not_found"],
    *,
    embeds: bool,
    counts: bool,
) -> None:
    account = Account()
    account.fill("sections", 70)  # three pages of 30
    account.fill("groups", 90)
    habits = Habits(embeds_groups=embeds, counts_sections=counts)
    with StandIn(
        account, habits=habits, past_end=past_end, first_page=first_page
    ) as api:
        both = run(api, *names, requests_per_minute=100_000, **ACTIVATE)
        for name in ("sections", "groups"):
            rows = account[name].rows() if name in names else []
            assert by_key(records_of(both, name), "id") == by_key(rows, "id")
        assert activated(both) == list(names)
        assert asked_twice(api) == []
        details = [each for each in api.requests if each.path.count("/") > 2]
        assert len(details) == (0 if embeds or "groups" not in names else 70)


def test_groups_of_a_section_without_any_are_none(api: StandIn) -> None:
    for row in api.account["groups"].rows():
        api.account["groups"].delete(row["id"])
    mirrored = run(api, "groups", "sections", **ACTIVATE)
    assert records_of(mirrored, "groups") == []
    assert activated(mirrored) == ["sections"]
    [warning] = warnings_of(mirrored)
    assert "groups: the list is empty" in warning


@pytest.mark.parametrize(("status", "sent"), [(403, []), (404, ["groups"])])
def test_a_section_that_is_refused_is_counted(
    api: StandIn, status: int, sent: list[str]
) -> None:
    api.habits = Habits(embeds_groups=False)
    section = api.account["groups"].rows()[0]["section_id"]
    api.account.refuse("sections", status, id=section)
    left = run(api, "groups", **ACTIVATE)
    expected = [
        row for row in api.account["groups"].rows() if row["section_id"] != section
    ]
    assert by_key(records_of(left, "groups"), "id") == by_key(expected, "id")
    [warning] = warnings_of(left)
    assert "groups: Partoo refused 1 of 4 queries" in warning
    assert activated(left) == sent


# Custom roles and permissions.


def roles_of(run: Run) -> dict[tuple[Any, ...], Record]:
    return by_key(records_of(run, "custom_roles"), "org_id", "api_id")


def roles(api: StandIn) -> dict[tuple[Any, ...], Record]:
    """The rows of the account: a null organization is 0."""
    rows = api.account["custom_roles"].rows()
    return by_key(
        [row | {"org_id": row["org_id"] or 0} for row in rows], "org_id", "api_id"
    )


def test_roles_have_their_permissions_and_no_null_organization(api: StandIn) -> None:
    found, expected = roles_of(run(api, "custom_roles")), roles(api)
    assert found.keys() == expected.keys()
    assert {organization for organization, _ in found} == {0, 42}
    for key, role in expected.items():
        # The path names no organization: those that share an id share the response.
        first = next(r for k, r in expected.items() if k[1] == key[1])
        assert found[key] == role | {"permissions": first["permissions"]}
    shared = [api_id for _, api_id in expected]
    assert len(set(shared)) < len(shared)
    assert asked_twice(api) == []
    assert len(asked(api, "/custom_role")) == 1
    assert len(api.requests) == 1 + len(set(shared))


def test_a_role_that_names_no_organization_at_all_has_0(api: StandIn) -> None:
    for row in api.account["custom_roles"].rows():
        if row["org_id"] is None:
            key = row["org_id"], row["api_id"]
            api.account["custom_roles"].drop(key, "org_id")
    assert 0 in {organization for organization, _ in roles_of(run(api, "custom_roles"))}


@pytest.mark.parametrize(("status", "sent"), [(403, []), (404, ["custom_roles"])])
def test_a_role_that_cannot_be_read_has_null_permissions(
    api: StandIn, status: int, sent: list[str]
) -> None:
    api.account.refuse("custom_roles", status, api_id="rôle_6")
    left = run(api, "custom_roles", **ACTIVATE)
    found = roles_of(left)
    assert found.keys() == roles(api).keys()
    assert found[42, "rôle_6"]["permissions"] is None
    assert found[42, "rôle_7"]["permissions"]
    [warning] = warnings_of(left)
    assert "custom_roles: Partoo refused 1 of " in warning
    assert activated(left) == sent


def test_permissions_are_one_row_each(api: StandIn) -> None:
    found = by_key(records_of(run(api, "permissions"), "permissions"), "name")
    expected = by_key(api.account["permissions"].rows(), "name")
    kinds = {type(row["depends_on"]) for row in expected.values()}
    assert kinds == {type(None), str, list}
    for row in expected.values():
        if isinstance(row["depends_on"], str):
            row["depends_on"] = [row["depends_on"]]
    assert found == expected
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"sections": None},
        {"sections": [{"name": "a", "subsections": "none"}]},
        {"sections": [{"name": "a", "subsections": [{"permissions": {"x": 1}}]}]},
    ],
    ids=str,
)
def test_permissions_of_another_shape_are_an_error(
    api: StandIn, run_tap: RunTap, body: Mapping[str, object]
) -> None:
    api.faults.add(Response(200, body), path="/permissions", times=None)
    broken = run_tap(api, catalog=catalog_of("permissions"), command=QUICK)
    assert broken.returncode == 1
    [error] = broken.errors
    assert "permissions: " in error
    assert "not expected" not in error


# Webhooks.


SECRETS = re.compile(
    r"s3cret|token|/path|:8443|user:|X-Auth|custom_headers|https?://hooks"
)
COLUMNS = {"id", "event_type", "org_id", "created_at", "updated_at", "url_host"}


@pytest.mark.parametrize("level", ["info", "debug"])
@pytest.mark.parametrize(
    "fault",
    [None, faults.echo(), Response(403, {"errors": "no"})],
    ids=["", "400", "403"],
)
def test_nothing_of_a_webhook_leaks_but_its_host(
    api: StandIn, run_tap: RunTap, level: str, fault: Fault | None
) -> None:
    table = api.account["webhooks"]
    table.add(url="not a url: s3cret", secret="s3cret-of-its-own", headers=["s3cret"])
    table.add(url="https://[s3cret", id=4711)
    if fault:
        api.faults.add(fault, path="/webhooks", times=None)
    left = run_tap(
        api, catalog=catalog_of("webhooks"), env={"TAP_PARTOO_LOGLEVEL": level}
    )
    records = records_of(left, "webhooks")
    if not fault:
        assert len(records) == len(table)
        assert {record["url_host"] for record in records} == {"hooks.example", None}
    assert {name for record in records for name in record} <= COLUMNS
    schema = next(m for m in left.messages if m["type"] == "SCHEMA")
    assert set(schema["schema"]["properties"]) == COLUMNS
    written = left.stdout.decode() + left.stderr
    assert not SECRETS.findall(written)


# All of them in one run.


def test_nothing_is_asked_for_twice_in_a_run_of_everything() -> None:
    with StandIn(whole_account()) as api:
        everything = [m["tap_stream_id"] for m in catalog_of()["streams"]]
        assert len(everything) == 22
        whole = run(api, *everything, requests_per_minute=100_000)
        assert asked_twice(api) == []
        counted = [
            int(count) for count in re.findall(r", (\d+) requests, ", whole.stderr)
        ]
        # Each stream counts its own requests: with those of its parents, if it reads
        # them, but not those of other streams.
        assert len(counted) == 22
        assert sum(counted) == len(api.requests)
