"""Rules of Partoo's numbered pages: what an answer must be, which pages there are.

The envelope is `page`, `max_page`, `count` and a list. The documentation contradicts
itself on whether pages start at 0 or at 1, so that the first page is asked for without
a number, and the answer tells: https://developers.partoo.co/api-reference/apikeys
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import FatalAPIError

from tap_partoo.api.errors import quoted_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Record

    from tap_partoo.errors import NotFoundError

MAX_GROWTH_PAGES = 100
"""How many pages a list may grow by while it is read, and how many of them may be empty
in a row."""


class EnvelopeError(ValueError):
    """An answer that is not a page; another try may help."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    number: int
    max_page: int
    count: int
    """How many resources the whole list has."""
    rows: list[dict[str, Any]]
    counted_at: str
    """What came in after this may not be counted: RFC 3339 in UTC, by the server."""
    elapsed_seconds: float
    """How long the answer took to begin."""


def read_page(
    body: bytes,
    list_key: str,
    *,
    counted_at: str,
    elapsed_seconds: float,
) -> Page:
    """Decode an answer.

    Args:
        body: The body of an answer with status 200.
        list_key: The name of the list in the envelope.
        counted_at: When it was counted.
        elapsed_seconds: How long the answer took to begin.

    Raises:
        EnvelopeError: If it is not a page, which is never read as "no data".
    """
    try:
        envelope = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        kind = "HTML" if body.lstrip()[:1] == b"<" else "text that is not whole JSON"
        msg = f"{kind} instead of a page"
        raise EnvelopeError(msg) from None
    if not isinstance(envelope, dict):
        msg = "JSON that is no object instead of a page"
        raise EnvelopeError(msg)
    rows = envelope.get(list_key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"a page without a list of objects `{list_key}`."
        raise EnvelopeError(f"{msg}{quoted_message(envelope)}".rstrip("."))
    return Page(
        number=_figure(envelope, "page"),
        max_page=_figure(envelope, "max_page"),
        count=_figure(envelope, "count"),
        rows=rows,
        counted_at=counted_at,
        elapsed_seconds=elapsed_seconds,
    )


def _figure(envelope: dict[str, Any], name: str) -> int:
    value = envelope.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        msg = f"a page whose `{name}` is not a number"
        raise EnvelopeError(msg)
    return value


class PageNumbers:
    """Which pages one reading of a list asks for, as the answers tell it."""

    def __init__(self, first: Page) -> None:
        """Start from the answer to the request without a page number.

        Args:
            first: The first page.

        Raises:
            FatalAPIError: If it calls itself neither 0 nor 1.
        """
        if first.number not in {0, 1}:
            msg = f"the first one says that it is page {first.number}"
            raise _senseless(msg)
        self._size = len(first.rows)
        # With pages from 0, `max_page` is the last number or the number of pages: where
        # that many pages of the first one's size hold everything, it is the latter.
        self._surplus = int(
            first.number == 0 and first.max_page * self._size >= first.count
        )
        self._limit = first.max_page + MAX_GROWTH_PAGES
        self._empty = 0
        self._asked = first.number
        self.follow(first, first.number)

    @property
    def last(self) -> int:
        """The number of the last page, as far as it is known."""
        return self._last

    @property
    def ended(self) -> bool:
        """Whether the page followed last is the last one."""
        return self._current >= self._last

    def ask(self) -> int | None:
        """Return the next number to ask for; None where the list ends, so far."""
        if self._asked >= self._last:
            return None
        self._asked += 1
        return self._asked

    def follow(self, page: Page, asked: int) -> None:
        """Take in the answer for a page; the list may have grown or shrunk meanwhile.

        Args:
            page: The answer.
            asked: The number that was asked for.

        Raises:
            FatalAPIError: If it is another page, or if the list grows without end.
        """
        self._current = asked
        self._last = page.max_page - self._surplus
        if self._surplus and asked == self._last and len(page.rows) >= self._size > 0:
            # A last page that is full may not be the last, if `count` is wrong.
            self._last += 1
        self._empty = 0 if page.rows else self._empty + 1
        if page.max_page > self._limit:
            msg = f"while they were read, they became {page.max_page}"
            raise _senseless(msg)
        if self._empty > MAX_GROWTH_PAGES:
            msg = f"more than {MAX_GROWTH_PAGES} in a row are empty"
            raise _senseless(msg)
        # Behind the end of a list that shrank, the last page is as good an answer as
        # an empty one.
        if page.number != asked and not page.number == self._last < asked:
            msg = f"page {asked} says that it is page {page.number}"
            raise _senseless(msg)


def _senseless(what: str) -> FatalAPIError:
    return FatalAPIError(
        f"The pages that Partoo sends make no sense: {what}. The bookmark did not "
        "move: run again, and report it to Partoo if it stays."
    )


class Completeness:
    """Counts what one reading of a list sees against what the list says it has.

    Rows move to other pages when one is deleted meanwhile, so that one may be missed.
    `count` of the last answer does not show it (the deleted one had been seen), and
    no `count` does when as many came in as went. So: all that the first answer counted
    must be seen, and what came in since is not among them.

    What comes into a filtered list without a timestamp, such as a key whose label was
    edited to match `search_text`, cannot be told from the others.
    """

    def __init__(self, first: Page, seen: set[object]) -> None:
        """Start from the first page.

        Args:
            first: The first page of this reading.
            seen: Empty; the keys that this reading sees are added to it.

        `not_found` is set where the reading ended at a page that was not there.
        """
        self.expected = first.count
        self.seen = seen
        self.see = seen.add
        self.not_found: NotFoundError | None = None
        self._counted_at = first.counted_at
        self._doubtful = 0

    def doubt(self, record: Record, entry_keys: Iterable[str]) -> None:
        """Do not count the key seen last, if it may have come in since the start.

        Args:
            record: Its record; not one that an earlier reading has seen.
            entry_keys: The timestamps that tell when it came into the list.
        """
        for name in entry_keys:
            if (record.get(name) or "") >= self._counted_at:
                self._doubtful += 1
                return

    @property
    def found(self) -> int:
        """How many of the expected keys have been seen for certain."""
        return len(self.seen) - self._doubtful

    @property
    def proved(self) -> bool:
        """Whether nothing that was in the list throughout can be missing."""
        return self.found >= self.expected
