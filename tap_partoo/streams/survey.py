"""What can this key read? The table of `tap-partoo --test`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, FatalSyncError, RetriableAPIError
from typing_extensions import override

from tap_partoo.errors import (
    NotFoundError,
    RefusedError,
    UnauthorizedError,
    UnreachableError,
    UnreadableResponseError,
)
from tap_partoo.reading.paging import CursorPages, NumberedPages
from tap_partoo.reading.reader import MAX_REFUSED_CHILDREN
from tap_partoo.streams.lists import Kept, Lists, ParentRefusedError
from tap_partoo.streams.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_partoo.reading.pages import Page, Slice
    from tap_partoo.reading.paging import Paging
    from tap_partoo.streams.base import PartooStream

HEADINGS = ("stream", "selected", "readable", "needs", "personal data", "requests")
NOTE = "requests: about as many as a first or FULL_TABLE run takes"


class FirstPages(Lists):
    """The first page of each parent's list: enough to request one child."""

    def __init__(self, streams: Mapping[str, PartooStream]) -> None:
        """Start without any page.

        Args:
            streams: All streams of the tap, by name.
        """
        super().__init__(streams)
        self._needed = set()  # no stream keeps rows, or uses kept ones
        self.pages: dict[str, Page] = {}

    @override
    def of(self, parent: type[PartooStream]) -> Kept:
        stream = self._streams[parent.name]
        if parent.name not in self.pages:
            try:
                self.pages[parent.name] = stream.request_page(stream.whole_list())
            except RefusedError as error:
                raise ParentRefusedError(parent.name) from error
        page = self.pages[parent.name]
        return Kept([stream.kept_part(row) for row in page.rows], page.snapshot_at)


@dataclass(frozen=True)
class Finding:
    """The result for one stream."""

    stream: PartooStream
    problem: str = ""
    requests: int | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        about = "" if self.problem else str(self.requests or "unknown")
        return (
            self.stream.name,
            "yes" if self.stream.selected else "",
            self.problem or "yes",
            self.stream.needs or "",
            "yes" if self.stream.personal_data else "",
            about,
        )


def survey(streams: Iterable[PartooStream], lists: FirstPages) -> list[Finding]:
    """Request one record of each stream.

    Selected streams come first: what is wrong with all of them shows at once.

    Args:
        streams: The streams.
        lists: Returns the parents' rows.

    Raises:
        FatalAPIError: If the key is wrong, or a selected stream cannot be read for
            another reason than missing rights.
    """
    ordered = sorted(streams, key=lambda stream: not stream.selected)
    return [_find(stream, lists) for stream in ordered]


def table(findings: Iterable[Finding]) -> str:
    """Return the findings as text."""
    rows = [HEADINGS, *(finding.cells() for finding in findings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join([*(line.rstrip() for line in lines), "", NOTE, ""])


def verdict(findings: Iterable[Finding]) -> FatalSyncError | None:
    """Return the error for selected streams that cannot be read, if there are any."""
    failed = [f for f in findings if f.problem and f.stream.selected]
    if not failed:
        return None
    named = ", ".join(
        f"`{f.stream.name}` ({f.problem.removeprefix('no: ')}"
        f"{f', needs {f.stream.needs}' if f.stream.needs else ''})"
        for f in failed
    )
    more = "" if len(failed) == 1 else ", and so on for each"
    return FatalSyncError(
        f"This key cannot read {named}. Check its rights and those of its user, or "
        "leave out what it may not read: `meltano select tap-partoo --exclude "
        f"{failed[0].stream.name}`{more}."
    )


def _find(stream: PartooStream, lists: FirstPages) -> Finding:
    try:
        return Finding(stream, requests=_requests(stream, lists))
    except (UnauthorizedError, UnreachableError):
        raise  # the same for every stream
    except ParentRefusedError as error:
        return Finding(stream, f"no: needs `{error.parent}`")
    except RefusedError as error:
        return Finding(
            stream, f"no: HTTP {404 if isinstance(error, NotFoundError) else 403}"
        )
    except (FatalAPIError, FatalSyncError, RetriableAPIError) as error:
        failure: Exception = error
    except UnreadableResponseError as error:  # of what is embedded in the parents
        failure = FatalAPIError(f"{stream.name}: Partoo sent {error}.")
    if stream.selected:
        raise failure
    stream.logger.warning("%s", failure)
    return Finding(stream, "no: see the warning")


def _requests(stream: PartooStream, lists: FirstPages) -> int | None:
    """Request one record, and return about how many requests the stream takes."""
    cap = stream.config.get("per_page")
    queries = stream.slices(Run(stream))
    each = _requests_of_first(stream, queries, cap)
    if queries.total is None:
        passes = len(stream.ranges.passes) if stream.ranges else 0
        return each and each + passes
    if stream.parent is None:
        return 1 + queries.total
    parents = lists.pages[stream.parent.name]
    listed = _pages(parents, stream.parent.paging, cap)
    if listed is None or each is None:
        return None
    # It is assumed that the other pages of the parents' list are like the first.
    share = 1.0 if listed == 1 else (parents.count or 0) / max(len(parents.rows), 1)
    return listed + ceil(share * queries.total * each)


def _requests_of_first(
    stream: PartooStream,
    queries: Iterable[Slice],
    cap: int | None,
) -> int | None:
    """Request one record of the first query, and return how many requests it takes.

    As in a run, a stream is refused if its first ten children are.
    """
    refused = None
    for part in islice(queries, MAX_REFUSED_CHILDREN):
        if part.known_rows is not None:
            return 0
        try:
            page = stream.request_page(part, per_page=1)
        except RefusedError as error:
            if not part.is_child:
                raise
            refused = error
        else:
            return _pages(page, part.paging, cap)
    if refused:
        raise refused
    return 0


def _pages(page: Page, paging: Paging, cap: int | None) -> int | None:
    """Return how many pages a list has, judged by one of them."""
    if isinstance(paging, CursorPages):
        is_total = page.count is not None and page.count > len(page.rows)
        rows = page.count if is_total else None if page.next_cursor else len(page.rows)
    elif isinstance(paging, NumberedPages):
        if paging.per_page is None:
            return page.max_page and max(page.max_page, 1)
        rows = page.count
    else:
        return 1
    if rows is None or paging.per_page is None:
        return None
    return max(ceil(rows / min(paging.per_page, cap or paging.per_page)), 1)
