"""A target's copy of the reviews never loses a row that Partoo still has."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.every import MIRROR, catalog_of, expected_records, hurry, warnings
from tests.in_process import run_here
from tests.partoo_api import Habits, LoggedRequest, StandIn
from tests.reviews import NAME, Mirror, account_with, ids_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.partoo_api import Account

both_lists = pytest.mark.parametrize("lists_deleted", [True, False])
workers = pytest.mark.parametrize("concurrency", [1, 8])
sizes = pytest.mark.parametrize("size", ["undivided", "divided"])
after = pytest.mark.parametrize("before", [(), ("api_keys",)], ids=["alone", "later"])

SIZES = {"undivided": (60, 6), "divided": (42, 3)}
"""How many reviews, and how many on a page."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    # A tenth of the real sizes, which test_reviews_ranges.py has.
    monkeypatch.setattr("tap_partoo.reading.slices.MAX_PAGES", 10)
    monkeypatch.setattr("tap_partoo.reading.slices.PART_PAGES", 6)
    monkeypatch.setattr("tap_partoo.reading.queue.MAX_PAGES", 10)
    monkeypatch.setattr("tap_partoo.reading.queue.SLOW_SECONDS", 0.002)


def served(account: Account, concurrency: int, *, lists_deleted: bool) -> StandIn:
    """Serve an account; responses are slow where the tap is to fetch pages ahead."""
    return StandIn(
        account,
        habits=Habits(lists_deleted=lists_deleted),
        counting_seconds=0.01 if concurrency > 1 else 0,
    )


def at_requests(
    numbers: dict[int, Callable[[], None]],
) -> Callable[[LoggedRequest, int], None]:
    """Let something happen before the n-th request for reviews from now on."""
    seen = 0

    def before(request: LoggedRequest, _: int) -> None:
        nonlocal seen
        if request.path == "/v2/reviews":
            seen += 1
            if action := numbers.pop(seen, None):
                action()

    return before


def mirrored(
    api: StandIn,
    per_page: int,
    concurrency: int,
    actions: Callable[[int], dict[int, Callable[[], None]]],
    before: tuple[str, ...] = (),
) -> Mirror:
    """Load everything, then again while things happen.

    Args:
        api: The stand-in.
        per_page: Reviews on a page.
        concurrency: How many pages are fetched at a time.
        actions: Takes the first run's number of requests; returns what happens when.
        before: The streams that are read earlier in the same run.
    """
    mirror = Mirror()
    catalog = catalog_of(NAME, *before, method="FULL_TABLE")
    config = MIRROR | {"per_page": per_page, "concurrency": concurrency}
    mirror.load(run_here(api, catalog=catalog, config=config))
    assert set(mirror.rows) == set(ids_of(api.account))
    count = sum(request.path == "/v2/reviews" for request in api.requests)
    api.before_list = at_requests(actions(count))
    run = run_here(api, catalog=catalog, config=config)
    api.before_list = None
    assert all(line.startswith(f"{NAME} may be incomplete") for line in warnings(run))
    assert len(run.of_type("ACTIVATE_VERSION")) + bool(warnings(run)) >= 1
    mirror.load(run)
    return mirror


def changes_of(account: Account, rng: random.Random) -> Callable[[], None]:
    """Return something that happens to one review."""
    review_id = rng.choice(ids_of(account))
    change: Any = rng.choice(
        [account.edit_review, account.mark_deleted, account.edit_review, account.reply]
    )
    return lambda: change(review_id)


@both_lists
@workers
@sizes
@after
@pytest.mark.parametrize("seed", range(3))
def test_what_happens_meanwhile_removes_no_row(
    lists_deleted: bool,  # noqa: FBT001
    concurrency: int,
    size: str,
    before: tuple[str, ...],
    seed: int,
) -> None:
    rng = random.Random(seed)
    count, per_page = SIZES[size]
    account = account_with(count)
    with served(account, concurrency, lists_deleted=lists_deleted) as api:
        mirror = mirrored(
            api,
            per_page,
            concurrency,
            lambda total: {
                rng.randrange(1, total): changes_of(account, rng) for _ in range(3)
            },
            before,
        )
        assert set(mirror.rows) == set(ids_of(account))
        mirror.load(run_here(api, catalog=catalog_of(NAME, method="FULL_TABLE")))
    assert mirror.rows == expected_records(account, NAME)


@both_lists
@workers
@sizes
@after
@pytest.mark.parametrize("change", ["edit_review", "mark_deleted"])
@pytest.mark.parametrize("place", [0.0, 1.0], ids=["oldest", "newest"])
def test_a_change_right_before_a_row_is_read_removes_it_not(  # noqa: PLR0913, PLR0917
    lists_deleted: bool,  # noqa: FBT001
    concurrency: int,
    size: str,
    before: tuple[str, ...],
    change: str,
    place: float,
) -> None:
    """It comes while half of the rows are still to be read, or few of them."""
    count, per_page = SIZES[size]
    account = account_with(count, state="treated")
    rows = sorted(account[NAME].rows(), key=lambda row: str(row["date"]))
    review_id = rows[int(place * (count - 1))]["id"]

    def act() -> None:
        getattr(account, change)(review_id)

    for share in (0.4, 0.9):
        with served(account, concurrency, lists_deleted=lists_deleted) as api:
            mirror = mirrored(
                api,
                per_page,
                concurrency,
                lambda total, share=share: {max(int(total * share), 2): act},  # type: ignore[misc]
                before,
            )
            assert set(mirror.rows) == set(ids_of(account))
