"""What Partoo refuses, and what fails for a while, of every stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import FatalAPIError, FatalSyncError

from tests.every import (
    INCREMENTAL,
    MIRROR,
    NAMES,
    PARENTS,
    bookmark_of,
    by_key,
    catalog_of,
    expected_records,
    hurry,
    records_of,
    warnings,
)
from tests.in_process import run_here
from tests.partoo_api import RESOURCES, Response, StandIn, faults, whole_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunTap
    from tests.partoo_api import Fault

streams = pytest.mark.parametrize("name", NAMES)
NEEDS = {
    "reviews": "Review Management",
    "reply_templates": "Review Management",
    "presence_metrics": "Presence Management",
    "search_keywords": "Presence Management",
    "publisher_states": "Presence Management",
    "organizations": "a key that may read organisations",
    "posts": "the Posts plan",
    "custom_roles": "the right to manage users",
    "permissions": "the right to manage users",
    "webhooks": "the Webhooks plan",
    "conversations": "the Messages plan",
    "messages": "the Messages plan",
    "feedback_results": "Feedback Management",
    "feedback_forms": "Feedback Management",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def api() -> Iterator[StandIn]:
    account = whole_account(businesses=24, reviews=60, conversations=30)
    with StandIn(account, counting_seconds=0) as stand_in:
        yield stand_in


def listed(name: str) -> str:
    """Give the stream whose list has the rows."""
    return RESOURCES[name].embedded_in or name


# The whole list


@streams
def test_the_command_fails_with_one_line_on_403(
    name: str, run_tap: RunTap, api: StandIn
) -> None:
    other = "feedback_forms" if name == "api_keys" else "api_keys"
    api.account.refuse(listed(name))
    config = {"concurrency": 1}
    run = run_tap(api, catalog=catalog_of(name, other), config=config)
    assert run.returncode == 1
    assert not records_of(run, name)
    assert by_key(other, records_of(run, other)) == expected_records(api.account, other)
    assert other not in INCREMENTAL or bookmark_of(run, other)
    assert bookmark_of(run, name) is None
    needs = f", needs {NEEDS[name]}" if name in NEEDS else ""
    why = "needs `sections`, HTTP 403" if name == "groups" else "HTTP 403"
    [line] = run.errors
    assert line.startswith(
        f"Error: Partoo refused `{name}` ({why}{needs}). Everything else"
    )
    assert f"`meltano select tap-partoo --exclude {name}`" in line
    assert "api_url" not in line
    assert run.stderr.splitlines()[-1] == line


@streams
def test_a_404_of_the_list_is_a_refusal_too(name: str, api: StandIn) -> None:
    if name in {"search_keywords", "messages"}:
        pytest.skip("a query per parent, see below")
    api.account.refuse(listed(name), 404)
    why = "needs `sections`, HTTP 404" if name == "groups" else "HTTP 404"
    with pytest.raises(FatalSyncError, match=rf"refused `{name}` \({why}.*") as error:
        run_here(api, catalog=catalog_of(name), config=MIRROR)
    assert "api_url" in str(error.value)


@pytest.mark.parametrize("child", PARENTS)
def test_a_child_of_what_is_refused_is_named_with_it(child: str, api: StandIn) -> None:
    parent = PARENTS[child]
    api.account.refuse(parent)
    with pytest.raises(FatalSyncError) as error:
        run_here(api, catalog=catalog_of(parent, child))
    assert f"`{parent}` (HTTP 403" in str(error.value)
    assert f"`{child}` (needs `{parent}`" in str(error.value)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("child", PARENTS)
def test_a_child_alone_says_what_it_needs(
    child: str, status: int, api: StandIn
) -> None:
    parent = PARENTS[child]
    api.account.refuse(parent, status)
    with pytest.raises(FatalSyncError) as error:
        run_here(api, catalog=catalog_of(child))
    line = str(error.value)
    needs = f", needs {NEEDS[child]}" if child in NEEDS else ""
    assert f"`{child}` (needs `{parent}`, HTTP {status}{needs})" in line
    assert ("api_url" in line) == (status == 404)


def test_another_failure_names_what_was_refused_too(api: StandIn) -> None:
    api.account.refuse("businesses")
    api.faults.add(faults.PERMANENT["400"], path="/user/search", times=None)
    with pytest.raises(FatalSyncError, match=r"users: .*Partoo refused `businesses`"):
        run_here(api, catalog=catalog_of("businesses", "users"))


# What ends the run


@streams
@pytest.mark.parametrize("status", ["400", "401"])
def test_other_errors_end_the_run_at_once(name: str, status: str, api: StandIn) -> None:
    fault = faults.PERMANENT[status]
    api.faults.add(fault, path=RESOURCES[name].path, times=None)
    match = rf"^{'(sections|groups)' if name == 'groups' else name}: .*400"
    with pytest.raises(FatalAPIError, match=match if status == "400" else "key"):
        run_here(api, catalog=catalog_of(name, "webhooks"))
    asked = [r.path for r in api.requests if r.path == f"/v2{RESOURCES[name].path}"]
    assert len(asked) == 1
    assert name == "webhooks" or "/v2/webhooks" not in {r.path for r in api.requests}


# What passes


@streams
@pytest.mark.parametrize(
    "fault",
    [Response(500), faults.too_many_requests(0), faults.CLOSED, faults.LIST_MISSING],
    ids=["500", "429", "closed", "no list"],
)
def test_what_passes_is_asked_for_again(name: str, fault: Fault, api: StandIn) -> None:
    api.faults.add(fault, path=RESOURCES[name].path, times=2)
    run = run_here(api, catalog=catalog_of(name))
    assert by_key(name, records_of(run, name)) == expected_records(api.account, name)
    assert not warnings(run)
    assert ", 2 retries" in run.stderr


@streams
def test_what_does_not_pass_ends_the_run(name: str, api: StandIn) -> None:
    path = RESOURCES[name].path
    api.faults.add(Response(503), path=path, times=None)
    match = rf"^{'sections' if name == 'groups' else name}: .*HTTP 503.*Gave up after 5"
    with pytest.raises(FatalAPIError, match=match):
        run_here(api, catalog=catalog_of(name))


# One query of many

CHILDREN = {
    "messages": "conversation_id",
    "search_keywords": "business__in",
}


def refuse_some(api: StandIn, name: str, status: int, count: int) -> None:
    """Refuse what is asked for of some parents: the last ones, but for one."""
    rows = api.account[PARENTS[name]].rows()
    if name == "search_keywords":
        known = {row["business_id"] for row in api.account[name].rows()}
        rows = [row for row in rows if row["id"] in known]
    for row in rows[-count - 1 : -1]:
        api.account.refuse(name, status, **{CHILDREN[name]: row["id"]})


@pytest.mark.parametrize("name", CHILDREN)
@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("method", ["FULL_TABLE", "INCREMENTAL"])
def test_a_child_that_is_refused_is_counted(
    name: str, status: int, method: str, api: StandIn
) -> None:
    refuse_some(api, name, status, 3)
    run = run_here(api, catalog=catalog_of(name, method=method), config=MIRROR)
    [line] = warnings(run)
    assert line.startswith(f"{name}: Partoo refused 3 of ")
    field = "conversation_id" if name == "messages" else "business_id"
    wanted = {
        key: record
        for key, record in expected_records(api.account, name).items()
        if not api.account.refusal(
            name, {CHILDREN[name]: str(record[field])}, detail={}
        )
    }
    assert by_key(name, records_of(run, name)) == wanted
    if method == "INCREMENTAL":
        assert bookmark_of(run, name)
    is_mirror = method == "FULL_TABLE" and status == 404
    assert len(run.of_type("ACTIVATE_VERSION")) == is_mirror


@pytest.mark.parametrize("name", CHILDREN)
def test_ten_refused_children_in_a_row_are_the_stream(name: str, api: StandIn) -> None:
    api.account.refuse(name)
    with pytest.raises(FatalSyncError, match=rf"Partoo refused `{name}` \(HTTP 403"):
        run_here(api, catalog=catalog_of(name))
    assert len(api.requests) == 1 + 10


def test_groups_are_asked_for_where_sections_come_without(api: StandIn) -> None:
    api.habits = replace(api.habits, embeds_groups=False)
    [first, *_] = api.account["sections"].rows()
    api.account.refuse("sections", 404, id=first["id"])
    run = run_here(api, catalog=catalog_of("groups"), config=MIRROR)
    rows = expected_records(api.account, "groups").values()
    wanted = [row for row in rows if row["section_id"] != first["id"]]
    assert by_key("groups", run.records) == by_key("groups", wanted)
    assert len(warnings(run)) == len(run.of_type("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_role_that_cannot_be_read_has_no_permissions(
    status: int, api: StandIn
) -> None:
    role = api.account["custom_roles"].rows()[-1]["api_id"]
    api.account.refuse("custom_roles", status, api_id=role)
    run = run_here(api, catalog=catalog_of("custom_roles"), config=MIRROR)
    wanted = expected_records(api.account, "custom_roles")
    for record in wanted.values():
        if record["api_id"] == role:
            record["permissions"] = None
    assert by_key("custom_roles", run.records) == wanted
    assert len(warnings(run)) == 1
    assert len(run.of_type("ACTIVATE_VERSION")) == (status == 404)


def test_all_roles_without_permissions_are_still_a_list(api: StandIn) -> None:
    for row in api.account["custom_roles"].rows()[3:]:
        api.account["custom_roles"].delete((row["org_id"], row["api_id"]))
    for row in api.account["custom_roles"].rows():
        api.account.refuse("custom_roles", 404, api_id=row["api_id"])
    run = run_here(api, catalog=catalog_of("custom_roles"), config=MIRROR)
    assert len(run.records) == 3
    assert len(run.of_type("ACTIVATE_VERSION")) == 1
    [line] = warnings(run)
    assert "refused 3 of 3" in line
