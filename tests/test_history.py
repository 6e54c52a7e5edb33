"""How far back a run reads, and what it reports if that is less than requested."""

from __future__ import annotations

import pytest

from tests.every import catalog_of
from tests.in_process import run_here
from tests.partoo_api import StandIn, whole_account

SAID = "Partoo lists nothing before it"


@pytest.mark.parametrize("name", ["reviews", "presence_metrics", "messages"])
def test_history_that_is_shorter_than_start_date_is_named(name: str) -> None:
    catalog = catalog_of(name)
    with StandIn(whole_account()) as api:
        config = {"start_date": "2010-01-01"}
        first = run_here(api, catalog=catalog, config=config)
        [line] = [line for line in first.stderr.splitlines() if SAID in line]
        key = {"reviews": "update_date"}.get(name, "date")
        times = [record[key] or record["date"] for record in first.records]
        assert line == (
            f"INFO {name}: the oldest record is from {min(times)[:10]}, although "
            f"`start_date` is 2010-01-01: {SAID}"
        )
        second = run_here(api, catalog=catalog, config=config, state=first.state)
        assert SAID not in second.stderr

        middle = {"start_date": sorted(times)[len(times) // 2]}
        assert SAID not in run_here(api, catalog=catalog, config=middle).stderr
        assert SAID not in run_here(api, catalog=catalog).stderr
