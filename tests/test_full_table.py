"""FULL_TABLE: how it is chosen, and when the target is to drop deleted rows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import tap
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import Account, Fault, StandIn, faults, make_keys

if TYPE_CHECKING:
    from tests.conftest import RunTap

OLD = "2025-06-01T00:00:00+00:00"
STATE = {
    "bookmarks": {
        "api_keys": {"replication_key": "created_at", "replication_key_value": OLD}
    }
}
ACTIVATE = {"emit_activate_version_messages": True}


def catalog_for(entry: str | None = None, **metadata: str) -> dict[str, Any]:
    """A catalog that chooses a method by its entry, by metadata, or by both."""
    catalog = discover_api_keys()
    [stream] = catalog["streams"]
    stream.pop("replication_method", None)
    if entry:
        stream["replication_method"] = entry
    [root] = [m["metadata"] for m in stream["metadata"] if not list(m["breadcrumb"])]
    root.pop("replication-method", None)
    root.pop("forced-replication-method", None)
    root |= {name.replace("_", "-"): value for name, value in metadata.items()}
    return catalog


FULL_TABLE = catalog_for("FULL_TABLE")


@pytest.mark.parametrize(
    ("catalog", "full"),
    [
        pytest.param(FULL_TABLE, True, id="entry"),
        pytest.param(
            catalog_for(replication_method="FULL_TABLE"), True, id="metadata alone"
        ),
        pytest.param(
            catalog_for("INCREMENTAL", replication_method="FULL_TABLE"),
            True,
            id="metadata against an incremental entry",
        ),
        pytest.param(
            catalog_for("FULL_TABLE", replication_method="INCREMENTAL"),
            False,
            id="metadata against a full entry",
        ),
        pytest.param(
            catalog_for("FULL_TABLE", forced_replication_method="INCREMENTAL"),
            True,
            id="entry against what the tap proposes",
        ),
        pytest.param(catalog_for("INCREMENTAL"), False, id="incremental entry"),
        pytest.param(catalog_for(), False, id="nothing chosen"),
        pytest.param(discover_api_keys(), False, id="as discovered"),
        pytest.param(None, False, id="no catalog"),
    ],
)
def test_method_is_chosen(
    *,
    catalog: dict[str, Any] | None,
    full: bool,
    api: StandIn,
) -> None:
    run = run_here(api, catalog=catalog, state=STATE)
    assert len(run.ids) == 287 if full else 0 < len(run.ids) < 100
    if full:
        # No bookmark of its own; one of another time stays for that method's return.
        assert run.bookmark == OLD
        assert run_here(api, catalog=catalog).bookmark is None
    else:
        assert run.bookmark is not None
        assert run.bookmark > OLD


def test_method_that_there_is_not(api: StandIn, run_tap: RunTap) -> None:
    run = run_tap(api, catalog=catalog_for(replication_method="LOG_BASED"))
    assert run.returncode == 1
    [error] = run.errors
    assert "LOG_BASED" in error
    assert "FULL_TABLE" in error
    assert api.requests == []


@pytest.mark.parametrize(
    "catalog",
    [FULL_TABLE, catalog_for(replication_method="FULL_TABLE")],
    ids=["entry", "metadata"],
)
def test_version_is_activated_after_the_last_record(
    catalog: dict[str, Any], api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, config=ACTIVATE, catalog=catalog)
    assert run.returncode == 0
    records = run.of_type("RECORD")
    assert len(records) == 287
    [activation] = run.of_type("ACTIVATE_VERSION")
    assert activation["stream"] == "api_keys"
    assert {record["version"] for record in records} == {activation["version"]}
    kinds = [message["type"] for message in run.messages]
    place = kinds.index("ACTIVATE_VERSION")
    assert "RECORD" not in kinds[place:]
    assert kinds[-1] == "STATE"
    assert "WARNING" not in run.stderr


def test_later_run_activates_a_later_version(api: StandIn, run_tap: RunTap) -> None:
    """The SDK counts versions in seconds."""
    versions = []
    for _ in range(2):
        run = run_tap(api, config=ACTIVATE, catalog=FULL_TABLE)
        versions.append(run.of_type("ACTIVATE_VERSION")[0]["version"])
        time.sleep(1 - time.time() % 1)
    assert versions[0] < versions[1]


def test_no_version_is_activated_for_an_empty_list() -> None:
    """A plan that ended, or a key with fewer rights, looks the same."""
    with StandIn(Account()) as empty:
        run = run_here(empty, config=ACTIVATE, catalog=FULL_TABLE)
    assert run.of_type("ACTIVATE_VERSION") == []
    [warning] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert "api_keys: the list is empty" in warning


def test_version_is_activated_once_when_the_list_is_read_again(api: StandIn) -> None:
    api.faults.add(faults.EMPTY_PAGE, page=2)
    run = run_here(api, config=ACTIVATE, catalog=FULL_TABLE)
    assert len(api.requests) == 6
    kinds = [message["type"] for message in run.messages]
    assert kinds.count("ACTIVATE_VERSION") == 1
    assert kinds.count("RECORD") == 287
    assert "RECORD" not in kinds[kinds.index("ACTIVATE_VERSION") :]


@pytest.mark.parametrize(
    ("config", "catalog"),
    [
        pytest.param({}, FULL_TABLE, id="without the setting"),
        pytest.param(ACTIVATE, catalog_for("INCREMENTAL"), id="incremental"),
        pytest.param(
            ACTIVATE,
            catalog_for("FULL_TABLE", replication_method="INCREMENTAL"),
            id="incremental by metadata",
        ),
        pytest.param(ACTIVATE, None, id="no catalog"),
    ],
)
def test_nothing_is_activated(
    config: dict[str, Any], catalog: dict[str, Any] | None, api: StandIn
) -> None:
    run = run_here(api, config=config, catalog=catalog)
    assert len(run.ids) == 287
    assert run.of_type("ACTIVATE_VERSION") == []
    # A loader would take a version for the news that the table has a new one.
    assert all("version" not in record for record in run.of_type("RECORD"))


@pytest.mark.parametrize(
    ("fault", "page"),
    [("401", 1), ("401", 2), ("401", 3), ("500", 3), ("api_keys missing", 2)],
)
def test_page_that_fails_activates_nothing(
    fault: str, page: int, api: StandIn, run_tap: RunTap
) -> None:
    known: dict[str, Fault] = faults.PERMANENT | faults.TRANSIENT
    api.faults.add(known[fault], page=page, times=None)
    run = run_tap(api, config=ACTIVATE, catalog=FULL_TABLE, command=tap.IMPATIENT)
    assert run.returncode == 1
    assert len(run.errors) == 1
    assert run.of_type("ACTIVATE_VERSION") == []
    assert len(run.ids) <= 100 * (page - 1)


def test_trial_run_activates_nothing(api: StandIn, run_tap: RunTap) -> None:
    run = run_tap(api, "--test", config=ACTIVATE, catalog=FULL_TABLE)
    assert run.returncode == 0
    assert b"ACTIVATE_VERSION" not in run.stdout


FILTERS: list[dict[str, Any]] = [
    {"api_keys_status": "active"},
    {"api_keys_type": "bot"},
    {"api_keys_search_text": "label-7Qx"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=", ".join)
def test_filter_and_activation_are_warned_of(
    filters: dict[str, Any], api: StandIn
) -> None:
    api.account.create(label="label-7Qx")
    run = run_here(api, config=ACTIVATE | filters, catalog=FULL_TABLE)
    [warning] = [line for line in run.stderr.splitlines() if "WARNING" in line]
    assert all(name in warning for name in filters)
    assert "remove" in warning
    assert "label-7Qx" not in run.stderr
    assert len(run.of_type("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"api_keys_status": "active"}, id="filter without activation"),
        pytest.param(
            ACTIVATE | {"api_keys_include_all_permissions": True},
            id="a setting that hides no row",
        ),
        pytest.param(ACTIVATE | {"api_keys_status": ""}, id="filter that is empty"),
    ],
)
def test_what_removes_no_row_is_not_warned_of(
    config: dict[str, Any], api: StandIn
) -> None:
    run = run_here(api, config=config, catalog=FULL_TABLE)
    assert "WARNING" not in run.stderr


def test_keys_that_are_gone_leave_only_by_activation() -> None:
    """The records and the version say together what the table is to hold."""
    account = Account(make_keys(50))
    with StandIn(account) as api:
        first = run_here(api, config=ACTIVATE, catalog=FULL_TABLE)
        account.delete(first.ids[7])
        account.edit(first.ids[8], label="Renamed")
        second = run_here(api, config=ACTIVATE, catalog=FULL_TABLE, state=first.state)
    assert set(second.ids) == set(first.ids) - {first.ids[7]}
    assert {r["label"] for r in second.records} >= {"Renamed"}
