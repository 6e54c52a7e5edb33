"""What all streams of Partoo share: requests, retries, complete reading, bookmarks."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import backoff
from singer_sdk import RESTStream
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams.rest import PageContext
from typing_extensions import override

from tap_partoo.api.errors import address, failure_of_answer, retry_after_seconds
from tap_partoo.api.pacing import ANNOUNCED_SECONDS
from tap_partoo.errors import UnreachableError
from tap_partoo.reading.paging import EnvelopeError, Page, read_page
from tap_partoo.reading.reader import ListReader
from tap_partoo.records.fitting import Fitter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    import requests
    from backoff.types import Details
    from singer_sdk.helpers.types import Context, Record

    from tap_partoo.tap import TapPartoo

MAX_PER_PAGE = 100

MAX_RETRY_SECONDS = 300
"""How long one request is tried again. Partoo's limit is per 60 seconds: long enough
for several such windows to pass."""

BACKOFF_FACTOR_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 30.0
MAX_JITTER_SECONDS = 1.0
UNREACHABLE_MAX_TRIES = 3

CLOCK_MARGIN = timedelta(seconds=2)
"""How far the clocks of Partoo's servers may differ."""


class PartooStream(RESTStream[int | None]):
    """Base of all streams: lists in pages, at `{api_url}{path}`."""

    _tap: TapPartoo

    name: str
    primary_keys: Sequence[str]
    replication_key: str

    replication_key_format: ClassVar[Literal["date", "date-time"]] = "date-time"
    """That of the replication key in the schema: how its bookmark is spelled."""

    records_key: ClassVar[str]
    """The name of the list in the envelope."""

    filters: ClassVar[Mapping[str, str]] = {}
    """Query parameters that choose records, with the settings that they come from."""

    options: ClassVar[Mapping[str, str]] = {}
    """Query parameters that choose what a record holds: likewise."""

    activity_keys: ClassVar[tuple[str, ...]] = ()
    """Timestamps that show a change. Incremental runs emit the records of which any is
    not before the bookmark: where Partoo has no filter for it, the tap has."""

    entry_keys: ClassVar[tuple[str, ...]] = ()
    """Timestamps of what brings a record into the list: they tell those that came in
    while the list was read."""

    # A header of our own survives a redirect, `Authorization` would not: follow none.
    allow_redirects = False
    # `Fitter` does it, without turning the string "false" into true.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    _held_version: int | None = None

    # Requests.

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"]).rstrip("/")

    @cached_property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(key="x-APIKey", value=self.config["api_key"])

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self._tap.session

    @cached_property
    @override
    def user_agent(self) -> str:
        default = f"{self.tap_name}/{self._tap.plugin_version}"
        return str(self.config.get("user_agent", default))

    @property
    @override
    def timeout(self) -> int:
        return int(self.config["request_timeout"])

    @override
    def get_url_params(
        self,
        context: Context | None,
        next_page_token: int | None,
    ) -> dict[str, Any]:
        """Return the query: the page, its size, and the filters that are set."""
        settings = {
            parameter: self.config.get(name)
            for parameter, name in (*self.filters.items(), *self.options.items())
        }
        return {
            "page": next_page_token,
            "per_page": min(self.config.get("per_page", MAX_PER_PAGE), MAX_PER_PAGE),
            # Partoo's default is false everywhere, so that only true is sent.
            **{name: "true" if v is True else v for name, v in settings.items() if v},
        }

    @override
    def validate_response(self, response: requests.Response) -> None:
        """Raise what is wrong with an answer.

        Raises:
            RetriableAPIError: If another try can help.
            FatalAPIError: If none can.
        """
        if failure := failure_of_answer(response):
            raise failure

    def _fetch(self, number: int | None) -> Page:
        """Get one page, in one try.

        Args:
            number: The page; None asks for the first, whatever its number is.
        """
        page = PageContext[int | None](stream_context=None, next_page_token=number)
        wanted = self.get_http_request(page=page)
        request = self.build_prepared_request(
            method=wanted.method,
            url=wanted.url,
            params=wanted.encode_params(),
            headers=wanted.headers,
        )
        response = self._request(request, None)
        try:
            return read_page(
                response.content,
                self.records_key,
                counted_at=_counted_at(response),
                elapsed_seconds=response.elapsed.total_seconds(),
            )
        except EnvelopeError as error:
            failure = RetriableAPIError(
                f"{address(wanted.url)} sent {error}. Check `api_url`, or run again "
                "later."
            )
        raise failure

    @override
    def request_decorator(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Try again what can get better, for a limited time."""
        on_exception = partial(
            backoff.on_exception,
            self.backoff_wait_generator,
            jitter=None,
            logger=None,  # its lines hold the arguments of the call
            on_backoff=self.backoff_handler,
            on_giveup=self._give_up,
        )
        few = on_exception(exception=UnreachableError, max_tries=UNREACHABLE_MAX_TRIES)
        many = on_exception(exception=RetriableAPIError, max_time=MAX_RETRY_SECONDS)
        return many(few(func))

    @override
    def backoff_wait_generator(self) -> Generator[float, Any, None]:
        """Yield as long as Partoo asks for, else exponential waits with jitter."""
        exponential = backoff.expo(
            factor=BACKOFF_FACTOR_SECONDS, max_value=BACKOFF_MAX_SECONDS
        )
        next(exponential)
        wait = 0.0
        while True:
            error = yield wait
            asked = _retry_after(error)
            jitter = random.uniform(0, MAX_JITTER_SECONDS)  # noqa: S311 - no secret
            # "0 seconds" of a server in trouble would be a tight loop.
            wait = asked or next(exponential) + jitter

    @override
    def backoff_handler(self, details: Details) -> None:
        """Announce a wait; one that Partoo asks for holds all other requests, too."""
        error, wait = details["exception"], details["wait"]
        self._tap.pacer.note_retry(wait, for_all=_retry_after(error) is not None)
        self.logger.log(
            logging.INFO if wait > ANNOUNCED_SECONDS else logging.DEBUG,
            "%s Trying again in %.0f s (try %d failed)",
            error,
            wait,
            details["tries"],
        )

    def _give_up(self, details: Details) -> None:
        tries, error = details["tries"], details["exception"]
        if tries > 1:
            msg = f"{error} Gave up after {tries} tries in {details['elapsed']:.0f} s."
            raise FatalAPIError(msg) from None

    # Reading the whole list.

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the records of one run, then conclude it.

        What depends on a complete list leaves after the last record only: the bookmark
        and ACTIVATE_VERSION, on which a loader deletes what this run did not send.
        """
        self._start_run(context)
        try:
            yield from self.request_records(context)
        finally:
            self._fitter.report(self.logger)
        if self._reader.complete:
            self._conclude(context)
        # The SDK sends no state twice: none would follow the records where nothing is
        # new, and some loaders tell a state only if no record follows it.
        self._tap.state_writer._last_emitted_state = None  # noqa: SLF001 - no public way
        self._log_summary()

    @override
    def request_records(self, context: Context | None) -> Iterable[Record]:
        """Yield each record of the list once.

        Raises:
            FatalAPIError: If the API cannot be read, or its pages make no sense.
        """
        with self.get_http_request_counter() as counter:
            for records in self._reader.page_records():
                counter.increment()
                extracted_at = datetime.now(UTC).isoformat()
                self._record_extras["time_extracted"] = extracted_at
                yield from records
                self._tap.message_writer.flush()

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Return None: BATCH would skip the selection of fields and the stream maps."""

    @override
    def generate_child_contexts(
        self,
        record: Record,
        context: Context | None,
    ) -> Iterable[Context | None]:
        """Return nothing where no stream needs a context, and save its making."""
        return (
            super().generate_child_contexts(record, context)
            if self.child_streams
            else ()
        )

    # What a run starts from and leaves behind.

    def _start_run(self, context: Context | None) -> None:
        self._emitted = self._unchanged = self._undated = 0
        self._record_extras: dict[str, Any] = {}
        if self._stream_version is not None:
            self._record_extras["version"] = self._stream_version
        self._is_incremental = self.replication_method == REPLICATION_INCREMENTAL
        declared = self.effective_schema["properties"]
        # All that this version knows: what a catalog leaves out can show activity.
        known = {**self.schema["properties"], **declared}
        self._left_out = [
            name
            for name in known
            if name not in declared or not self.mask["properties", name]
        ]
        self._fitter = Fitter(self.name, known, keys=self.primary_keys)
        self._reader = ListReader(
            self.request_decorator(self._fetch),
            self._fitter.fit,
            # More would only queue for the limit, longer than a request is tried again.
            workers=min(self.config["concurrency"], self.config["requests_per_minute"]),
            primary_keys=self.primary_keys,
            entry_keys=self.entry_keys,
            logger=self.logger,
        )
        self._floor = None
        self._newest = ""
        if self._is_incremental:
            floor = self.get_starting_timestamp(context)
            self._floor = floor.astimezone(UTC).isoformat() if floor else None
        filters = [name for name in self.filters.values() if self.config.get(name)]
        self.logger.info(
            "%s: %s, %s, filters: %s",
            self.name,
            self.replication_method,
            f"active since {self._floor}" if self._floor else "from the beginning",
            ", ".join(filters) or "none",
        )
        if self._held_version is not None and filters:
            self.logger.warning(
                "%s: the filters %s are set, and activation is on: the loader will "
                "remove the rows that lie outside of them",
                self.name,
                ", ".join(filters),
            )

    @override
    def post_process(
        self,
        row: Record,
        context: Context | None = None,
    ) -> Record | None:
        """Drop what shows no activity since the bookmark; it has been emitted before.

        Canonical times compare as text like the instants that they name.
        """
        floor = self._floor
        if (
            floor is None
            or row.get(self.replication_key) is None
            or any((row.get(key) or "") >= floor for key in self.activity_keys)
        ):
            self._emitted += 1
            return row
        self._unchanged += 1
        return None

    @override
    def _write_record_message(self, record: Record) -> None:
        """Leave out what is not selected, apply the stream maps, and write.

        As the SDK does, less its walk through the selection of each value, its
        conformance (`Fitter` did it), and the making of objects and of the time: a
        quarter of the run.
        """
        for name in self._left_out:
            record.pop(name, None)
        for stream_map in self.stream_maps:
            mapped = stream_map.transform(record)
            if mapped is not None:
                self._tap.message_writer.write_record(
                    {
                        "type": "RECORD",
                        "stream": stream_map.stream_alias,
                        "record": mapped,
                        **self._record_extras,
                    }
                )
        self.state_manager.is_flushed = False

    @override
    def _increment_stream_state(
        self,
        latest_record: Record,
        *,
        context: Context | None = None,
    ) -> None:
        """Remember the newest; the state moves only when the run proves complete."""
        value = latest_record.get(self.replication_key)
        if value is None:
            self._undated += 1
        elif value > self._newest:
            self._newest = value

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Hold the message back: the SDK sends it first, before anything is known."""
        self._held_version = full_table_version

    def _conclude(self, context: Context | None) -> None:
        state = self.get_context_state(context)
        # Not past the start of the run, by Partoo's clock; the SDK looks at ours.
        newest = min(self._newest, self._reader.started)
        if self._is_incremental and newest > state.get("replication_key_value", ""):
            # In this form the SDK makes it the bookmark.
            state["progress_markers"] = {
                "replication_key": self.replication_key,
                "replication_key_value": newest,
            }
        if self._held_version is not None:
            super()._write_activate_version_message(self._held_version)

    def _log_summary(self) -> None:
        if self._undated and self._is_incremental:
            self.logger.warning(
                "%s: %d record(s) without `%s`, which do not move the bookmark",
                self.name,
                self._undated,
                self.replication_key,
            )
        reader, pacer = self._reader, self._tap.pacer
        self.logger.info(
            "%s: %d pages, %d records read, %d emitted, %d unchanged, %d repeats "
            "dropped, %d extra readings, %d requests, %d retries, %.1f s waited",
            self.name,
            reader.pages,
            reader.read,
            self._emitted,
            self._unchanged,
            reader.repeats,
            reader.readings - 1,
            pacer.requests,
            pacer.retries,
            pacer.waited_seconds,
        )


def _retry_after(error: object) -> float | None:
    response = getattr(error, "response", None)
    return None if response is None else retry_after_seconds(response.headers)


def _counted_at(response: requests.Response) -> str:
    """Return when the server may have counted at the earliest."""
    try:
        sent = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, TypeError, ValueError):
        sent = datetime.now(UTC)
    return (sent - response.elapsed - CLOCK_MARGIN).astimezone(UTC).isoformat()
