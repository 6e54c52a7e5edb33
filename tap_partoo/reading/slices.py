"""Which queries make up a list: the whole list, or ranges of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from singer_sdk.exceptions import FatalAPIError

from tap_partoo.errors import NotFoundError
from tap_partoo.reading.pages import Division, Range, Slice

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_partoo.reading.pages import Page, Position

    Fetch = Callable[[Slice, Position], Page]

MAX_PAGES = 100
"""A range with more pages than that is divided."""
PART_PAGES = 60
"""How many pages each part should have, if the rows were spread evenly."""
MAX_PARTS = 1000
"""How many parts are made at once; one that is too large is divided again."""

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Slices(Protocol):
    """The queries of one run, in the order in which they are read."""

    @property
    def total(self) -> int | None:
        """The number of queries; None if progress is measured by pages instead."""

    def __iter__(self) -> Iterator[Slice]:
        """Yield them; each is taken when the previous ones are being read."""

    def divide(self, part: Slice, first: Page, fetch: Fetch) -> list[Slice] | None:
        """Return the queries to read instead of one, or None to keep it.

        Args:
            part: The query.
            first: Its first page.
            fetch: Gets another page.
        """


class Queries:
    """Queries that are never divided."""

    def __init__(self, slices: Iterable[Slice], total: int | None = None) -> None:
        """Store them.

        Args:
            slices: The queries, which may be made when they are needed.
            total: Their number; None if progress is measured by pages instead.
        """
        self.total = total
        self._slices = slices

    def __iter__(self) -> Iterator[Slice]:
        """See `Slices`."""
        return iter(self._slices)

    def divide(
        self,
        part: Slice,  # noqa: ARG002 - as `Slices`
        first: Page,  # noqa: ARG002
        fetch: Fetch,  # noqa: ARG002
    ) -> None:
        """See `Slices`."""
        return


@dataclass(frozen=True)
class Ranges:
    """How Partoo filters a list by time, as its stream declares it.

    Attributes:
        low_param: The query parameter of the lower bound, which is included.
        high_param: The query parameter of the upper bound, which is included, too.
        unit: The smallest range: a second, or a day.
        passes: Further queries of every run, without dates, after the ranges.
    """

    low_param: str
    high_param: str
    unit: timedelta
    passes: tuple[Mapping[str, str], ...] = ()


class RangeSlices:
    """The ranges of one run, oldest first; one with too many pages is divided.

    Small lists stay whole. Large ones are read in parts, with a bookmark after each, so
    that a first run can be resumed; this takes 1 to 2 % more requests.
    """

    total = None

    def __init__(  # noqa: PLR0913 - what differs between runs
        self,
        declared: Ranges,
        whole: Slice,
        *,
        bounds: Callable[[], tuple[datetime | None, datetime | None]],
        is_mirror: bool,
        time_of: Callable[[Mapping[str, Any]], str | None],
        name: str,
        logger: logging.Logger,
    ) -> None:
        """Prepare the range.

        Args:
            declared: What the stream declares.
            whole: The list without bounds.
            bounds: Returns where the range begins and where it ends; None is no bound.
            is_mirror: Whether this run must also read the rows that leave the range
                because they change meanwhile.
            time_of: Returns the time by which Partoo filters a row, as RFC 3339 or as
                `YYYY-MM-DD`, or None.
            name: The name of the stream, for messages.
            logger: Logs them.
        """
        self._declared = declared
        self._whole = whole
        self._bounds = bounds
        self._is_mirror = is_mirror
        self._time_of = time_of
        self._name = name
        self._logger = logger
        self._warned = False
        self._day_is_known = declared.unit != DAY

    def __iter__(self) -> Iterator[Slice]:
        """See `Slices`."""
        yield self._whole_range()
        for number, params in enumerate(self._declared.passes, 1):
            yield replace(
                self._whole,
                params={**self._whole.params, **params},
                label=f"pass {number}: "
                + ", ".join(f"{key}={value}" for key, value in params.items()),
                waits=True,
            )

    def divide(self, part: Slice, first: Page, fetch: Fetch) -> list[Slice] | None:
        """See `Slices`.

        Raises:
            FatalAPIError: If Partoo ignores the bounds.
        """
        if part.range is None or first.max_page is None:
            return None
        if not self._day_is_known:
            # Until the first response, the day was that of this machine's clock.
            self._day_is_known = True
            if (whole := self._whole_range()).range != part.range:
                return [whole]
        self._check(part.range, first)
        if _pages(first) <= MAX_PAGES:
            return None
        return self._parts(part, part.range, first, fetch)

    def _parts(
        self,
        part: Slice,
        whole: Range,
        first: Page,
        fetch: Fetch,
    ) -> list[Slice] | None:
        low, high = whole.low, whole.high
        start = floor(datetime.fromisoformat(first.snapshot_at), self._declared.unit)
        pages, tail = _pages(first), []
        if high is None:
            high = start
            after = replace(self._range(start, None), waits=True)
            tail = [after] if self._is_mirror else []
            if low is None and not self._all_have_a_date(first, start, fetch):
                return None
        if low is None and whole.division is None:
            low = self._oldest(part, first, fetch)
        begin = low or EPOCH
        if high - begin < 2 * self._declared.unit:
            return None
        division = Division(first.count or 0)
        edges = self._edges(begin, high, -(-pages // PART_PAGES))
        parts = [self._range(*edge, division) for edge in edges]
        if whole.low is None:  # and everything older
            parts[0] = self._range(None, edges[0][1], division)
        return parts + tail

    def _whole_range(self) -> Slice:
        low, high = self._bounds()
        return self._range(low and floor(low, self._declared.unit), high)

    def _range(
        self,
        low: datetime | None,
        high: datetime | None,
        division: Division | None = None,
    ) -> Slice:
        bounds = {self._declared.low_param: low, self._declared.high_param: high}
        texts = {name: as_bound(at) for name, at in bounds.items() if at is not None}
        return replace(
            self._whole,
            params={**self._whole.params, **texts},
            label=" to ".join(texts.values()),
            range=Range(low, high, division),
            moves_bookmark=True,
        )

    def _all_have_a_date(self, first: Page, start: datetime, fetch: Fetch) -> bool:
        """Return whether bounds would hide no rows, because all have a date."""
        dated = fetch(self._range(None, start), None)
        if (dated.count or 0) >= (first.count or 0):
            return True
        dated = fetch(self._range(EPOCH, None), None)
        if (dated.count or 0) >= (first.count or 0):
            return True
        self._logger.warning(
            "%s: %d rows have no date. They are read with all others this time, in "
            "one piece; incremental runs miss such rows: use FULL_TABLE to get them",
            self._name,
            (first.count or 0) - (dated.count or 0),
        )
        return False

    def _oldest(self, part: Slice, first: Page, fetch: Fetch) -> datetime:
        """Return the oldest time: the last page has it, if Partoo sorts the rows."""
        last = first.max_page or 0
        for number in (last, last - 1):  # pages from 0 may end before `max_page`
            try:
                page = fetch(part, number)
            except NotFoundError:
                continue
            if times := [text for row in page.rows if (text := self._time_of(row))]:
                return floor(_parse(min(times)), self._declared.unit)
        return EPOCH

    def _edges(
        self,
        low: datetime,
        high: datetime,
        parts: int,
    ) -> list[tuple[datetime, datetime]]:
        """Divide a range into equal parts.

        Stored times have fractions of a second: neighbours share their boundary second,
        or rows between them would be missed. Days need no overlap.
        """
        unit = self._declared.unit
        overlap = 0 if unit == DAY else 1
        units = (high - low) // unit + 1 - overlap
        parts = min(parts, units, MAX_PARTS)
        starts = [units * number // parts for number in range(parts + 1)]
        return [
            (low + begin * unit, low + (end - 1 + overlap) * unit)
            for begin, end in pairwise(starts)
        ]

    def _check(self, asked: Range, first: Page) -> None:
        """Check that Partoo does not ignore the bounds."""
        low = asked.low or datetime.min.replace(tzinfo=UTC) + DAY
        high = asked.high or datetime.max.replace(tzinfo=UTC) - 2 * DAY
        times = [_parse(at) for row in first.rows if (at := self._time_of(row))]
        outside = [at for at in times if not low <= at < high + self._declared.unit]
        # A day of tolerance: a server may take the bounds for its local time.
        far = [at for at in outside if not low - DAY <= at < high + 2 * DAY]
        reported = first.count or 0
        if asked.division:
            asked.division.reported += reported
            reported = asked.division.reported - 2 * asked.division.count - 1000
        if (times and len(far) == len(times)) or (asked.division and reported > 0):
            msg = (
                f"{self._name}: Partoo ignores `{self._declared.low_param}` and "
                f"`{self._declared.high_param}`: it also sends rows outside of the "
                "range, so that a long list cannot be read in parts. Report it to "
                "Partoo."
            )
            raise FatalAPIError(msg)
        if outside and not self._warned:
            self._warned = True
            self._logger.warning(
                "%s: %d of %d rows are outside of the requested range",
                self._name,
                len(outside),
                len(times),
            )


def _pages(first: Page) -> int:
    """Return how many pages a list has, as far as its figures agree."""
    by_count = -(-(first.count or 0) // max(len(first.rows), 1))
    return min(first.max_page or 0, by_count)


def _parse(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def floor(at: datetime, unit: timedelta = SECOND) -> datetime:
    """Return the beginning of the second or day that holds an instant."""
    return EPOCH + (at - EPOCH) // unit * unit


def as_bound(at: datetime) -> str:
    """Return a bound in the form that Partoo expects: UTC, without an offset."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")
