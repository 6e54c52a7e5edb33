"""One run of one stream: what it reads, what is new, and whether it is complete."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_partoo.errors import NotFoundError
from tap_partoo.records.fitting import Fitter
from tap_partoo.records.presenting import Presenter
from tap_partoo.streams.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_partoo.reading.pages import Slice
    from tap_partoo.streams.base import PartooStream

    Record = dict[str, Any]


class Run:
    """Reads the queries of a stream once, and decides whether they are complete."""

    def __init__(self, stream: PartooStream) -> None:
        """Find out where the run starts, and prepare to read.

        Args:
            stream: The stream.
        """
        self.emitted = self.unchanged = self.undated = 0
        self.newest = ""
        """The largest time of the records that were emitted."""
        self.oldest = ""
        """The smallest time of all records read."""
        self.is_complete = True
        self._is_from_start_date = False
        self.is_incremental = stream.replication_method == REPLICATION_INCREMENTAL
        self.floor = stream.floor(self)
        self.kept: dict[object, Record] | None = {} if stream.is_kept else None
        """The fields that streams per row of this one need, by primary key."""
        self.reader = reader = stream.reader(self._make)
        self._stream = stream
        self._key = itemgetter(*stream.primary_keys)
        self._has_gap = False
        self._fitter = Fitter(
            stream.name,
            stream.columns,
            keys=stream.primary_keys,
            left_out=stream.left_out,
            watched=stream.activity_keys,
        )
        self.present = Presenter(
            stream.name,
            stream.schema,
            stream.effective_schema,
            lambda breadcrumb: stream.mask[breadcrumb],
            self._fitter.note_unfit,
            keys=stream.primary_keys,
        ).present
        progress = Progress(stream.name, stream.pacer, stream.logger)
        reader.on_page = progress.report

    @property
    def snapshot_at(self) -> str:
        """When the first response was made, by Partoo's clock."""
        return self.reader.snapshot_at

    @property
    def may_activate(self) -> bool:
        """Whether a target may remove what this run did not send."""
        return (
            self.is_complete
            and self.emitted > 0
            and all(isinstance(error, NotFoundError) for error in self.reader.refused)
        )

    def pages(self) -> Iterator[list[Record]]:
        """Yield the records that are new, a page at a time.

        Raises:
            RefusedError: If Partoo refuses the list.
            FatalAPIError: If it cannot be read, or its pages contradict each other.
        """
        self._announce()
        for batch in self.reader.batches(self._stream.slices(self)):
            if not batch.outcome:
                yield [record for record in batch.records if self._is_new(record)]
            elif batch.outcome == "incomplete":
                self.is_complete = False
                self._has_gap |= batch.part.moves_bookmark
            elif (
                batch.part.moves_bookmark and self.is_incremental and not self._has_gap
            ):
                limits = batch.part.range
                self._stream.move_bookmark(self, limits.high if limits else None)
                self._stream.write_state()

    def _make(self, part: Slice, items: list[Record]) -> list[Record]:
        if self.kept is not None:
            for kept in map(self._stream.kept_part, items):
                self.kept[self._key(kept)] = kept
        rows = self._stream.rows(part, items)
        if part.fill:
            for row in rows:
                row.update({k: v for k, v in part.fill.items() if row.get(k) is None})
        return self._fitter.fit_page(rows)

    def _is_new(self, record: Record) -> bool:
        """Return whether a record is emitted, by its values before `Presenter`.

        Activity that could not be read counts as activity.
        """
        value = self._stream.time_of(record)
        if value is None:
            self.undated += 1
        elif not self.oldest or value < self.oldest:
            self.oldest = value
        if not (
            self.floor is None
            or value is None
            or self._stream.is_active(record, self.floor)
            or id(record) in self._fitter.unreadable
        ):
            self.unchanged += 1
            return False
        if value is not None and value > self.newest:
            self.newest = value
        self.emitted += 1
        return True

    # What is logged.

    def _announce(self) -> None:
        stream = self._stream
        start = stream.starts_at(self)
        filters = [name for name in stream.filters.values() if stream.config.get(name)]
        bookmark = stream.get_context_state(None).get("replication_key_value")
        self._is_from_start_date = not (self.is_incremental and bookmark)
        stream.logger.info(
            "%s: %s, %s, filters: %s",
            stream.name,
            stream.replication_method,
            f"active since {start}" if start else "from the beginning",
            ", ".join(filters) or "none",
        )
        if self.is_incremental or not stream.emit_activate_version_messages:
            return
        if self.floor:
            filters.append("start_date")
        if filters:
            stream.logger.warning(
                "%s: %s set, and ACTIVATE_VERSION is on: the target will remove all "
                "other rows",
                stream.name,
                f"{', '.join(filters)} {'is' if len(filters) == 1 else 'are'}",
            )

    def report(self) -> None:
        """Log what was read, and what was wrong with it."""
        stream, reader = self._stream, self.reader
        self._fitter.report(stream.logger)
        if self.undated and self.is_incremental:
            stream.logger.warning(
                "%s: %d record(s) without `%s`, which do not move the bookmark",
                stream.name,
                self.undated,
                stream.replication_key,
            )
        if self._is_from_start_date and self.floor and self.oldest > self.floor:
            stream.logger.info(
                "%s: the oldest record is from %s, although `start_date` is %s: Partoo "
                "lists nothing before it",
                stream.name,
                self.oldest[:10],
                self.floor[:10],
            )
        if reader.refused:
            first = reader.refused[0]
            is_gone = isinstance(first, NotFoundError)
            stream.logger.warning(
                "%s: Partoo refused %d of %d queries, the first with: %s",
                stream.name,
                len(reader.refused),
                len(reader.refused) + reader.ended,
                "HTTP 404, as for what was deleted meanwhile" if is_gone else first,
            )
        # A list that is read for this stream is counted here, too.
        names = [stream.name, *([stream.parent.name] if stream.parent else [])]
        counts = stream.pacer.take_counts(*names)
        stream.logger.info(
            "%s: %d pages, %d records read, %d emitted, %d unchanged, %d repeats "
            "dropped, %d extra attempts, %d requests, %d retries, %.1f s waited",
            stream.name,
            reader.pages,
            reader.read,
            self.emitted,
            self.unchanged,
            reader.repeats,
            reader.extra_attempts,
            counts.requests,
            counts.retries,
            counts.waited_seconds,
        )
