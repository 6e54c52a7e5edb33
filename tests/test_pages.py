"""What the pages report about themselves: used where it is plausible."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from singer_sdk.exceptions import FatalAPIError

from tap_partoo.api.client import Response
from tap_partoo.api.decoding import decode
from tap_partoo.errors import UnreadableResponseError
from tap_partoo.reading.numbers import PageNumbers
from tap_partoo.reading.pages import Page
from tap_partoo.reading.paging import NumberedPages
from tap_partoo.reading.walks import MAX_GROWTH_PAGES
from tests.in_process import discover_api_keys, run_here
from tests.partoo_api import Account, Fault, StandIn, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests import partoo_api, tap
    from tests.conftest import RunTap

OLD = "2024-01-01T00:00:00+00:00"
STATE = {
    "bookmarks": {
        "api_keys": {"replication_key": "created_at", "replication_key_value": OLD}
    }
}
BASES: dict[str, dict[str, Any]] = {
    "pages from 1": {"first_page": 1},
    "pages from 0, max_page is the last": {"first_page": 0},
    "pages from 0, max_page is the number": {
        "first_page": 0,
        "max_page_counts_pages": True,
    },
}
bases = pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())


def full_table() -> dict[str, Any]:
    """A catalog that asks for FULL_TABLE; the schema as discovered."""
    catalog = discover_api_keys()
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    return catalog


def warnings(run: tap.Run) -> list[str]:
    return [line for line in run.stderr.splitlines() if "WARNING" in line]


# A `count` that is always wrong.


@pytest.mark.parametrize("state", [None, STATE], ids=["first run", "later run"])
def test_count_that_is_too_high(
    state: dict[str, Any] | None, api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(faults.fields(count=300), times=None)
    run = run_tap(api, state=state)
    assert run.returncode == 0
    assert len(api.requests) == 3 * 3
    assert len(run.ids) == len(set(run.ids))
    assert state or len(run.ids) == 287
    assert run.bookmark == (OLD if state else None)
    [warning] = warnings(run)
    assert "300" in warning
    assert "287" in warning


def test_count_that_is_too_high_activates_nothing(
    api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(faults.fields(count=300), times=None)
    run = run_tap(
        api,
        config={"emit_activate_version_messages": True},
        catalog=full_table(),
    )
    assert run.returncode == 0
    assert len(run.ids) == len(set(run.ids)) == 287
    assert run.of_type("ACTIVATE_VERSION") == []


@bases
@pytest.mark.parametrize("count", [0, 100, 286])
def test_count_that_is_too_low(count: int, base: dict[str, Any], api: StandIn) -> None:
    with StandIn(api.account, **base) as modest:
        modest.faults.add(faults.fields(count=count), times=None)
        run = run_here(modest)
    assert run.ids == [record["id"] for record in api.account.records()]
    assert run.bookmark is not None


# Pages that are empty or short.


@bases
def test_empty_page_is_not_the_end(base: dict[str, Any], api: StandIn) -> None:
    middle = base["first_page"] + 1
    with StandIn(api.account, **base) as gap:
        gap.faults.add(faults.EMPTY_PAGE, page=middle)
        run = run_here(gap)
    # The last page first, then what the empty one should have had.
    records = api.account.records()
    ids = [record["id"] for record in records]
    assert run.ids == ids[:100] + ids[200:] + ids[100:200]
    assert run.bookmark is not None


def test_page_that_stays_empty_holds_the_bookmark(
    api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(faults.EMPTY_PAGE, page=2, times=None)
    run = run_tap(api, state=STATE)
    assert run.returncode == 0
    assert run.bookmark == OLD
    last_page = {record["id"] for record in api.account.records()[200:]}
    assert last_page & set(run.ids)
    [warning] = warnings(run)
    assert "287" in warning
    assert "187" in warning


@pytest.mark.parametrize("empty_max_page", [0, 1])
@pytest.mark.parametrize("first_page", [0, 1])
def test_empty_account(
    first_page: Literal[0, 1], empty_max_page: Literal[0, 1]
) -> None:
    with StandIn(
        Account(), first_page=first_page, empty_max_page=empty_max_page
    ) as nothing:
        run = run_here(nothing)
        assert len(nothing.requests) == 1
    assert run.ids == []
    assert run.of_type("SCHEMA")
    assert run.bookmark is None


# Inconsistent pages.


class Nonsense(NamedTuple):
    """Pages that never come right: on which page, after how many requests, and why."""

    fault: Fault
    page: int | None
    requests: int
    said: str


NONSENSE = {
    "first is page 5": Nonsense(faults.fields(page=5), 1, 1, "is page 5"),
    "wrong page": Nonsense(faults.fields(page=7), 2, 20, "is page 7"),
    "first page again": Nonsense(faults.first_page_always, 2, 20, "is page 1"),
    "max_page grows": Nonsense(faults.growing_max_page(), None, 150, "grew to"),
    "max_page explodes": Nonsense(faults.growing_max_page(9**9), None, 20, "grew to"),
    "pages for ever": Nonsense(faults.fields(max_page=9**9), None, 150, "empty"),
}


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE.keys())
def test_pages_that_make_no_sense(
    nonsense: Nonsense, concurrency: int, api: StandIn, run_tap: RunTap
) -> None:
    api.faults.add(nonsense.fault, page=nonsense.page, times=None)
    run = run_tap(api, state=STATE, config={"concurrency": concurrency})
    assert run.returncode == 1
    [error] = run.errors
    assert nonsense.said in error
    assert "are inconsistent" in error
    assert run.bookmark in {None, OLD}
    assert len(run.ids) == len(set(run.ids))
    assert len(api.requests) <= nonsense.requests


@pytest.mark.parametrize("base", [0, 1])
def test_server_that_numbers_the_first_page_again_and_again(
    base: Literal[0, 1],
) -> None:
    """It reports the requested number, but always lists the same keys."""
    with StandIn(Account(make_keys(60)), first_page=base) as api:

        def same_keys(exchange: faults.Exchange) -> partoo_api.Response:
            number = int(exchange.request.query.get("page", base))
            first = exchange.ask(exchange.request.query | {"page": str(base)})
            return faults.fields(page=number)(
                faults.Exchange(exchange.request, first, exchange.ask)
            )

        api.faults.add(same_keys, times=None)
        run = run_here(api, config={"per_page": 20})
        assert len(api.requests) == 9
    assert len(run.ids) == 20
    assert run.bookmark is None


# The rules themselves, where a server adds nothing.

NOW = "2024-05-01T12:00:00+00:00"


def page(
    number: int = 1,
    max_page: int = 3,
    count: int = 287,
    rows: int = 100,
) -> Page:
    return Page([{}] * rows, NOW, 0.1, count=count, number=number, max_page=max_page)


def numbers_of(first: Page, respond: Callable[[int], Page]) -> list[int]:
    """The pages that one attempt requests after the first."""
    numbers, asked = PageNumbers(first), []
    numbers.follow(first, None, 0)
    while not numbers.ended:
        number = numbers.next_position()
        assert isinstance(number, int)
        asked.append(number)
        numbers.follow(respond(number), number, 0)
    assert numbers.next_position() is None
    return asked


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        pytest.param(page(), [2, 3], id="from 1"),
        pytest.param(page(max_page=1, count=20, rows=20), [], id="one, from 1"),
        pytest.param(page(max_page=0, count=0, rows=0), [], id="none, from 1"),
        pytest.param(page(0, max_page=2), [1, 2], id="from 0, last"),
        pytest.param(page(0, max_page=3), [1, 2, 3], id="from 0, number"),
        pytest.param(page(0, 2, 300), [1, 2], id="from 0, last is full"),
        pytest.param(page(0, 3, 300), [1, 2, 3], id="from 0, number, last is full"),
        pytest.param(page(0, 0, 20, 20), [], id="one, from 0, last"),
        pytest.param(page(0, 1, 20, 20), [1], id="one, from 0, number"),
        pytest.param(page(0, 0, 0, 0), [], id="none, from 0"),
    ],
)
def test_pages_that_are_asked_for(first: Page, asked: list[int]) -> None:
    def respond(number: int) -> Page:
        assert first.max_page is not None
        assert first.count is not None
        return page(number, first.max_page, first.count)

    assert numbers_of(first, respond) == asked


def test_growth_is_followed_so_far() -> None:
    def growing(number: int) -> Page:
        return page(number, min(number + 1, 3 + MAX_GROWTH_PAGES))

    assert numbers_of(page(), growing) == list(range(2, 4 + MAX_GROWTH_PAGES))


def test_growth_has_a_limit() -> None:
    numbers = PageNumbers(page())
    with pytest.raises(FatalAPIError, match="grew to 104"):
        numbers.follow(page(2, 4 + MAX_GROWTH_PAGES), 2, 0)


@pytest.mark.parametrize("number", [0, 1, 3, 4])
def test_another_page_than_asked_for_is_refused(number: int) -> None:
    with pytest.raises(FatalAPIError, match=f"page 2 says that it is page {number}"):
        PageNumbers(page()).follow(page(number), 2, 0)


def test_last_page_of_a_list_that_shrank_is_no_other_page() -> None:
    numbers = PageNumbers(page(max_page=5))
    numbers.follow(page(2, max_page=2), 4, 0)
    assert numbers.ended


@pytest.mark.parametrize("number", [2, 5])
def test_first_page_is_0_or_1(number: int) -> None:
    with pytest.raises(FatalAPIError, match=f"page {number}"):
        PageNumbers(page(number))


ENVELOPE = {"page": 1, "max_page": 3, "count": 287, "api_keys": [{"id": 1}]}


PAGES = NumberedPages("api_keys", per_page=100)


def test_page_is_read() -> None:
    assert PAGES.read(Response(ENVELOPE, NOW, 0.1)) == page_of([{"id": 1}])


def page_of(rows: list[dict[str, Any]]) -> Page:
    return Page(rows, NOW, 0.1, count=287, number=1, max_page=3)


WRONG_FIGURES: tuple[Any, ...] = ("3", -1, 1.5, True, [], {})
WRONG_LISTS: tuple[Any, ...] = ({}, "", 0, [None], [[]], [1])


@pytest.mark.parametrize(
    "body",
    [
        *({k: v for k, v in ENVELOPE.items() if k != name} for name in ENVELOPE),
        *(ENVELOPE | {name: None} for name in ENVELOPE),
        *(
            ENVELOPE | {name: value}
            for name in ("page", "max_page", "count")
            for value in WRONG_FIGURES
        ),
        *(ENVELOPE | {"api_keys": value} for value in WRONG_LISTS),
        {},
        [],
        [ENVELOPE],
        None,
        "page",
        {"error": {"json": "Please try again"}},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_what_is_not_a_page(body: object) -> None:
    with pytest.raises(UnreadableResponseError):
        PAGES.read(Response(body, NOW, 0.1))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html></html>", b'{"page": 1', b"\xff\xfe", b'"\xff"', b"NaN"]
)
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(UnreadableResponseError):
        decode(body)
