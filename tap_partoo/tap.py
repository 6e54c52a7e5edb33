"""The tap: its settings, its streams, and what the streams of a run share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.exceptions import FatalSyncError, SingerSDKError
from typing_extensions import override

from tap_partoo import settings
from tap_partoo.api.client import PartooClient
from tap_partoo.api.pacing import Pacer
from tap_partoo.api.session import PartooSession
from tap_partoo.singer.messages import write_text
from tap_partoo.singer.streams import StreamKeys
from tap_partoo.singer.tap import CarefulTap
from tap_partoo.streams import STREAMS
from tap_partoo.streams.ahead import Ahead
from tap_partoo.streams.lists import Lists
from tap_partoo.streams.refusals import Refusals
from tap_partoo.streams.survey import FirstPages, survey, table, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_partoo.streams.base import PartooStream

KEYS = tuple(
    StreamKeys(
        stream.name,
        stream.primary_keys,
        stream.replication_key,
        stream.as_bookmark,
    )
    for stream in STREAMS
)


class TapPartoo(CarefulTap):
    """Extracts the data of a Partoo account (API v2), from stores to API keys."""

    name = "tap-partoo"
    config_jsonschema = settings.SETTINGS
    keys = KEYS
    secrets = settings.SECRETS

    @classmethod
    @override
    def check_settings(
        cls,
        config: dict[str, Any],
        schema: Mapping[str, Any],
    ) -> None:
        settings.check(config, schema)

    @override
    def discover_streams(self) -> list[PartooStream]:
        return [stream(self) for stream in STREAMS]

    # What the streams of a run share.

    @cached_property
    def pacer(self) -> Pacer:
        """The pace of all requests of the tap."""
        return Pacer(self.config["requests_per_minute"], self.logger)

    @cached_property
    def session(self) -> PartooSession:
        """The HTTP session of all streams."""
        agent = f"{self.name}/{self.plugin_version}"
        return PartooSession(
            self.config["api_url"],
            pacer=self.pacer,
            connections=self.config["concurrency"],
            headers={
                "x-APIKey": self.config["api_key"],
                "User-Agent": self.config.get("user_agent", agent),
            },
        )

    @cached_property
    def client(self) -> PartooClient:
        """The API client of all streams."""
        return PartooClient(
            self.session,
            timeout=self.config["request_timeout"],
            logger=self.logger,
        )

    @cached_property
    def lists(self) -> Lists:
        """The lists that several streams of a run need."""
        return Lists(cast("Mapping[str, PartooStream]", self.streams))

    @property
    def workers(self) -> int:
        """How many pages are fetched at a time."""
        # More would only wait for the limit, and longer than a request is retried.
        return int(min(self.config["concurrency"], self.config["requests_per_minute"]))

    @cached_property
    def ahead(self) -> Ahead:
        """The first pages of the streams that follow."""
        streams = cast("Mapping[str, PartooStream]", self.streams)
        return Ahead(list(streams.values()), self.lists, workers=self.workers)

    @cached_property
    def refusals(self) -> Refusals:
        """The streams that Partoo refused."""
        return Refusals()

    @property
    def version(self) -> int:
        """The version of the rows of a FULL_TABLE run: Partoo's time in ms."""
        return int(self.client.now().timestamp() * 1000)

    @override  # type: ignore[misc] # no other hook follows the last stream
    def sync_all(self) -> None:
        """Read all selected streams, then fail if Partoo refused one.

        Raises:
            FatalSyncError: If Partoo refused a stream. If another error ends the run,
                its message names the refused streams, too.
        """
        _ = self.lists  # must know all streams, also parents that are not selected
        # The SDK logs a line for each stream that is not selected.
        self._streams = {name: s for name, s in self.streams.items() if s.selected}
        try:
            super().sync_all()
        except SingerSDKError as error:
            if not self.refusals:
                raise
            failure = FatalSyncError(self.refusals.after(error))
        else:
            if not self.refusals:
                return
            failure = FatalSyncError(str(self.refusals))
        finally:
            self.ahead.close()
        raise failure

    @override  # type: ignore[misc] # as above
    def run_connection_test(self) -> bool:
        """Print which streams the key may read, and how many requests each takes.

        Raises:
            FatalSyncError: If Partoo refuses a stream that is selected.
        """
        streams = cast("Mapping[str, PartooStream]", self.streams)
        self.lists = lists = FirstPages(streams)
        findings = survey(streams.values(), lists)
        write_text(table(findings))
        if failure := verdict(findings):
            raise failure
        return True
