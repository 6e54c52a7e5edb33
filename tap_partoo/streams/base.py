"""What all streams of Partoo share."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from singer_sdk import typing as th
from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

from tap_partoo.errors import (
    RefusedError,
    RejectedError,
    UnreadableResponseError,
)
from tap_partoo.reading.increments import as_datetime, lower_bound
from tap_partoo.reading.pages import Page, Slice
from tap_partoo.reading.reader import Reader
from tap_partoo.reading.slices import DAY, Queries, RangeSlices, Slices, floor
from tap_partoo.records.fitting import Fitter
from tap_partoo.records.timestamps import to_utc
from tap_partoo.singer.output import Output
from tap_partoo.streams.lists import Kept
from tap_partoo.streams.resource import Resource
from tap_partoo.streams.run import Run
from tap_partoo.streams.sdk import SdkStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from singer_sdk.helpers.types import Context, Record

    from tap_partoo.api.pacing import Pacer
    from tap_partoo.reading.pages import Position
    from tap_partoo.tap import TapPartoo


class PartooStream(Resource, SdkStream):
    """Base of all streams: reads a `Resource` at `{api_url}{path}`."""

    _tap: TapPartoo

    @override
    def __init__(self, tap: TapPartoo) -> None:
        schema = self.columns.to_dict()
        del schema["$schema"]  # no target needs it, and some refuse it
        super().__init__(tap, schema=schema)
        self._order_is_dropped = False

    # For the SDK.

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"]).rstrip("/")

    @override
    def _write_record_message(self, record: Record) -> None:
        """Write it, faster than the SDK would."""
        self._output.write(record)

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the records of one run, then conclude it.

        What needs a complete list is sent after the last record only: the bookmark
        (except for ranges, which move it) and ACTIVATE_VERSION, on which a target
        deletes what this run did not send.
        """
        try:
            self._run = Run(self)  # may ask Partoo for the time
            yield from self._read(context)
        except RefusedError as error:
            self._tap.lists.keep(type(self), error)
            self._tap.refusals.add(self, error)
        except UnreadableResponseError as error:
            msg = (
                f"{self.name}: Partoo sent {error}. Run again, or report it to Partoo."
            )
            raise FatalAPIError(msg) from None
        self.forget_sent_state()

    def _read(self, context: Context | None) -> Iterable[Record]:
        self._output = Output(
            self.name,
            self.stream_maps,
            self._run.present,
            self._tap.message_writer,
        )
        try:
            yield from self.request_records(context)
            self._conclude()
        finally:
            self._run.report()
        if self._run.reader.is_slow:
            self._tap.ahead.request_after(self)

    @override
    def request_records(self, context: Context | None) -> Iterable[Record]:
        """Yield each record that is new.

        Raises:
            RefusedError: If Partoo refuses the list.
            FatalAPIError: If the API cannot be read, or its pages are inconsistent.
        """
        with self.get_http_request_counter() as counter:
            for records in self._run.pages():
                counter.increment()
                if self.held_version and self._output.version is None:
                    # Not that of the SDK: by Partoo's clock, which is known now.
                    self.held_version = self._output.version = self._tap.version
                self._output.begin_page()
                self.state_manager.is_flushed = False
                yield from records
                self._output.end_page()

    def _conclude(self) -> None:
        run = self._run
        if run.kept is not None:
            kept = Kept(list(run.kept.values()), run.snapshot_at, run.is_complete)
            self._tap.lists.keep(type(self), kept)
        if run.is_complete and run.is_incremental and self.ranges is None:
            self.move_bookmark(run)
        if self.held_version is None:
            return
        if run.may_activate:
            self.send_activate_version(self.held_version)
        elif run.is_complete and run.emitted == 0:
            self.logger.warning(
                "%s: the list is empty, so no ACTIVATE_VERSION is sent: a plan that "
                "ended, or a key with fewer rights, looks the same as deleted rows",
                self.name,
            )

    def move_bookmark(self, run: Run, end: datetime | None = None) -> None:
        """Move the bookmark to the newest record that this run has emitted.

        It never moves back, nor past `bookmark_cap`.

        Args:
            run: The current run.
            end: Where the range ends that has been read, if it does.
        """
        state = self.get_context_state(None)
        if run.newest:
            caps = [self.bookmark_cap(run), *([end.isoformat()] if end else [])]
            newest = min(run.newest, *map(self.as_bookmark, caps))
            if newest > state.get("replication_key_value", ""):
                state["replication_key"] = self.replication_key
                state["replication_key_value"] = newest
        self.remember(state, run)
        self.state_manager.is_flushed = False

    # Requests.

    @property
    def pacer(self) -> Pacer:
        """The pace of all requests of the tap."""
        return self._tap.pacer

    def get_page(self, part: Slice, position: Position = None) -> Page:
        """Get one page, which may have been requested in advance.

        Args:
            part: The query that it belongs to.
            position: Which of its pages; None is the first, whatever its number.

        Raises:
            FatalAPIError: If the API cannot be read.
        """
        page = self._tap.ahead.take(self, part) if position is None else None
        return page or self.request_page(part, position)

    def request_page(
        self,
        part: Slice,
        position: Position = None,
        per_page: int | None = None,
    ) -> Page:
        """Request one page.

        Args:
            part: The query that it belongs to.
            position: Which of its pages; None is the first, whatever its number.
            per_page: The maximum page size; None is that of the settings.

        Raises:
            FatalAPIError: If the API cannot be read.
        """
        query = {
            **part.params,
            **part.paging.params(position, per_page or self.config.get("per_page")),
        }
        if self._order_is_dropped:
            query.pop("order_by", None)
        try:
            return self._tap.client.get(
                part.path, query, part.paging.read, self.name, self.logger
            )
        except RejectedError as error:
            if "order_by" not in query or "order_by" not in str(error):
                raise
        self._order_is_dropped = True  # the order only saves extra attempts
        return self.request_page(part, position, per_page)

    def whole_list(self) -> Slice:
        """Return the query of the whole list."""
        settings = {**self.filters, **self.options}
        if self.takes_org_id:
            settings["org_id"] = "org_id"
        given = {name: self.config.get(setting) for name, setting in settings.items()}
        # Partoo's default is false everywhere, so only true is sent.
        texts = {n: "true" if v is True else str(v) for n, v in given.items() if v}
        return Slice(self.path, self.paging, {**self.params, **texts})

    def reader(
        self,
        make: Callable[[Slice, list[Record]], list[Record]],
    ) -> Reader:
        """Return a reader for queries of this stream.

        Args:
            make: Makes records from the rows of a page.
        """
        return Reader(
            self.get_page,
            make,
            workers=self._tap.workers,
            primary_keys=self.primary_keys,
            entered_at=self.entered_at,
            time_of=self.time_of,
            name=self.name,
            logger=self.logger,
        )

    # What a stream may override, in addition to its declarations.

    def slices(self, run: Run) -> Slices:
        """Return the queries that make up the list.

        Args:
            run: The current run.
        """
        kept = self._tap.lists.whole(type(self))
        if kept is not None:  # a stream per row of this one has read it
            run.is_complete &= kept.is_complete
            rows = [dict(row) for row in kept.rows]
            return Queries([Slice(self.path, self.paging, known_rows=rows)])
        if self.ranges is None:
            return Queries([self.whole_list()])
        return RangeSlices(
            self.ranges,
            self.whole_list(),
            bounds=lambda: (self.lower_bound(run), self._upper_bound()),
            is_mirror=not run.is_incremental,
            time_of=self._time_of_row,
            name=self.name,
            logger=self.logger,
        )

    def floor(self, run: Run) -> str | None:  # noqa: ARG002 - for overrides
        """Return the time before which no record is emitted, or None.

        Args:
            run: The current run; `start_date` applies to all runs.
        """
        start = self.config.get("start_date")
        return self.as_bookmark(start) if start and self.replication_key else None

    def starts_at(self, run: Run) -> str | None:
        """Return the time from which rows are read or emitted, for the log."""
        if self.ranges or self.history:
            low = self.lower_bound(run)
            return None if low is None else low.isoformat()
        return run.floor

    def bookmark_cap(self, run: Run) -> str:
        """Return the limit of the bookmark: the start of the run by Partoo's clock."""
        return run.snapshot_at

    # What it needs from the state, the clock and other streams.

    def bookmark(self, run: Run) -> str | None:
        """Return the bookmark that the run starts from, if it has one.

        A bookmark in the future does not show what was loaded: it is dropped.
        """
        state = self.get_context_state(None)
        value: str | None = state.get("replication_key_value")
        if value is None or not run.is_incremental:
            return None
        if not self.is_in_future(value):
            return value
        self.logger.warning(
            "%s: the bookmark %s is in the future and is ignored: everything is read "
            "again",
            self.name,
            value,
        )
        for name in ("replication_key", "replication_key_value", "complete_as_of"):
            state.pop(name, None)
        return None

    def is_in_future(self, text: str) -> bool:
        """Return whether a time of the state is in the future, by Partoo's clock."""
        if as_datetime(text) > self.now() and not self._tap.client.knows_clock:
            # Any response tells Partoo's time.
            if self.parent:
                self._tap.lists.of(self.parent)
            else:
                self.request_page(self.whole_list(), per_page=1)
        return as_datetime(text) > self.now()

    def lower_bound(self, run: Run) -> datetime | None:
        """Return the time from which rows are requested; None is the beginning."""
        now = self.now()
        return lower_bound(
            self.bookmark(run),
            self.config[self.lookback] if self.lookback else 0,
            to_utc(self.config["start_date"]) if "start_date" in self.config else None,
            floor(now - self.history, DAY) if self.history else None,
        )

    def now(self) -> datetime:
        """Return the time by Partoo's clock, if it is known."""
        return self._tap.client.now()

    def _upper_bound(self) -> datetime | None:
        """Return where ranges of days end: yesterday. Ranges of times have no end."""
        is_by_day = self.ranges is not None and self.ranges.unit == DAY
        return floor(self.now(), DAY) - DAY if is_by_day else None

    def parents(self, run: Run) -> Kept:
        """Return the rows of the parent stream, which are read once a run.

        Raises:
            RefusedError: If Partoo refuses them.
        """
        kept = self._tap.lists.of(self.parent) if self.parent else Kept([])
        if self.parent and not kept.is_complete:
            run.is_complete = False
            self.logger.warning(
                "%s may be incomplete: `%s` may be, which it needs. The next run "
                "covers the gap",
                self.name,
                self.parent.name,
            )
        return kept

    @property
    def is_kept(self) -> bool:
        """Whether a selected stream needs the rows of this one."""
        return self._tap.lists.is_needed(type(self))

    def read_all(self, part: Slice | None = None) -> Kept:
        """Read a whole list without emitting it.

        Args:
            part: Its query; None is the whole list.

        Raises:
            RefusedError: If Partoo refuses it.
            FatalSyncError: If a row has no primary key.
        """
        key_of = itemgetter(*self.primary_keys)
        times = [self.columns.wrapped[name] for name in self.entered_at]
        fitter = Fitter(self.name, th.PropertiesList(*times), keys=())
        kept: dict[object, Record] = {}

        def make(_: Slice, items: list[Record]) -> list[Record]:
            """Keep what is needed; the reader needs keys and times only."""
            parts = [self.kept_part(item) for item in items]
            kept.update((key_of(part), part) for part in parts)
            entered = fitter.fit_page(
                [{name: item.get(name) for name in self.entered_at} for item in items]
            )
            return [
                at | {key: part[key] for key in self.primary_keys}
                for at, part in zip(entered, parts, strict=True)
            ]

        reader = self.reader(make)
        is_complete = True
        for batch in reader.batches(Queries([part or self.whole_list()])):
            is_complete &= batch.outcome != "incomplete"
        return Kept(list(kept.values()), reader.snapshot_at, is_complete)
