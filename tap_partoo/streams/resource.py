"""What a stream declares about a list of Partoo: all that differs between streams."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from singer_sdk import typing as th

from tap_partoo.records.fitting import without_key
from tap_partoo.records.timestamps import to_date, to_utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from tap_partoo.reading.pages import Slice
    from tap_partoo.reading.paging import Paging
    from tap_partoo.reading.slices import Ranges
    from tap_partoo.streams.base import PartooStream
    from tap_partoo.streams.run import Run

    Record = dict[str, Any]


class Resource:
    """Declarations, and rules that depend on nothing else."""

    # What a resource is.

    name: str
    path: str
    primary_keys: Sequence[str]
    replication_key: str | None = None
    columns: ClassVar[th.PropertiesList]
    paging: ClassVar[Paging]
    selected_by_default = False

    needs: ClassVar[str | None] = None
    """The product or right without which Partoo refuses the list."""

    personal_data: ClassVar[tuple[str, ...]] = ()
    """Paths of the columns that contain personal data."""

    left_out: ClassVar[frozenset[str]] = frozenset()
    """Paths of fields that are known and left out without a warning; `*` is all."""

    params: ClassVar[Mapping[str, str]] = {}
    """Query parameters of every request."""

    filters: ClassVar[Mapping[str, str]] = {}
    """Query parameters that choose records, and the settings that they come from."""

    options: ClassVar[Mapping[str, str]] = {}
    """Query parameters that choose what a record contains, and their settings."""

    takes_org_id: ClassVar[bool] = False

    # What is new.

    time_keys: ClassVar[tuple[str, ...]] = ()
    """The first of these that a record has is its time: it moves the bookmark, and
    Partoo filters ranges by it."""

    activity_keys: ClassVar[tuple[str, ...]] = ()
    """A record is emitted if any of these is at or after where the run starts."""

    entered_at: ClassVar[tuple[str, ...]] = ()
    """When a record may have entered the list; by default `time_keys`. Where Partoo
    counts the rows, one that is new does not stand in for one that is missing."""

    replication_key_format: ClassVar[Literal["date", "date-time"]] = "date-time"
    """The format of a bookmark; derived from the columns."""

    ranges: ClassVar[Ranges | None] = None
    """How Partoo filters the list by time, if it can."""

    lookback: ClassVar[str | None] = None
    """The setting that says how many days before the bookmark are read again."""

    history: ClassVar[timedelta | None] = None
    """How far back the first run goes without `start_date`; None: to the beginning."""

    # Which other lists it needs.

    parent: ClassVar[type[PartooStream] | None] = None
    """The parent stream: each of its rows has a query."""

    kept_fields: ClassVar[tuple[str, ...] | None] = None
    """The fields that streams per row of this one need; None: whole rows."""

    def __init_subclass__(cls) -> None:
        """Derive what a stream does not declare."""
        super().__init_subclass__()
        key = cls.__dict__.get("replication_key")
        cls.time_keys = cls.time_keys or ((key,) if isinstance(key, str) else ())
        cls.activity_keys = cls.activity_keys or cls.time_keys
        cls.entered_at = cls.entered_at or cls.time_keys
        if isinstance(key, str) and _is_date(cls.columns.wrapped[key].wrapped):
            cls.replication_key_format = "date"

    @classmethod
    def as_bookmark(cls, time: str) -> str:
        """Return a time in the format of the bookmark, which sorts as text.

        Raises:
            ValueError: If the text is neither a date nor a time.
        """
        return to_date(time) if cls.replication_key_format == "date" else to_utc(time)

    def rows(self, part: Slice, items: list[Record]) -> list[Record]:  # noqa: ARG002 - for those that override it
        """Return the rows of a page.

        Args:
            part: The query.
            items: The items of the page.
        """
        return items

    def is_active(self, record: Record, floor: str) -> bool:
        """Return whether a record has activity at or after a time."""
        return any((record.get(key) or "") >= floor for key in self.activity_keys)

    def remember(self, state: dict[str, Any], run: Run) -> None:
        """Add to the bookmark what else the next run needs to know.

        Args:
            state: The bookmark; changed in place.
            run: A run that is complete so far.
        """

    def time_of(self, record: Record) -> str | None:
        """Return the value of a record that moves the bookmark."""
        for key in self.time_keys:
            if (value := record.get(key)) is not None:
                return str(value)
        return None

    def _time_of_row(self, row: Mapping[str, Any]) -> str | None:
        """Return the same for a row as Partoo sends it, if it can be read."""
        value = self.time_of(dict(row))
        try:
            return to_utc(value) if value else None
        except ValueError:
            return None

    def kept_part(self, row: Record) -> Record:
        """Return the fields of a row that streams per row of this one need.

        Raises:
            FatalSyncError: If it has no usable primary key.
        """
        names = row if self.kept_fields is None else self.kept_fields
        # Not the objects in it: those of the row change until it is emitted.
        part = {name: deepcopy(row[name]) for name in names if name in row}
        for key in self.primary_keys:
            if not isinstance(part.get(key), str | int):
                raise without_key(self.name, key)
        return part


def _is_date(declared: object) -> bool:
    """Return whether a type, passed as a class or an object, is a date."""
    kind = declared if isinstance(declared, type) else type(declared)
    return issubclass(kind, th.DateType)
