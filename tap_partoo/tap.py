"""The tap: its settings, its streams, and the checks of what it is given."""

from __future__ import annotations

import io
import json
import os
import sys
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, cast

import click
from singer_sdk import Tap
from singer_sdk.exceptions import FatalSyncError, SingerSDKError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase
from singer_sdk.singerlib import Catalog
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_partoo import settings
from tap_partoo.api.client import PartooClient
from tap_partoo.api.pacing import Pacer
from tap_partoo.api.session import PartooSession
from tap_partoo.errors import InputError
from tap_partoo.records.timestamps import to_date, to_utc
from tap_partoo.redaction import redact
from tap_partoo.singer import about  # noqa: F401 - the text of `--about`
from tap_partoo.singer.catalog import (
    as_selected,
    is_selected,
    read_catalog,
    selected_fields,
)
from tap_partoo.singer.config import unknown
from tap_partoo.singer.inputs import (
    InputFile,
    read_config,
    read_environment,
    read_input,
)
from tap_partoo.singer.maps import check_names, warn_of_unknown_streams
from tap_partoo.singer.messages import LineWriter, standard_output
from tap_partoo.singer.state import read_state
from tap_partoo.singer.streams import StreamKeys
from tap_partoo.singer.termination import terminate
from tap_partoo.streams import STREAMS
from tap_partoo.streams.lists import Lists
from tap_partoo.streams.refusals import Refusals
from tap_partoo.streams.survey import FirstPages, survey, table, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput

    from tap_partoo.streams.base import PartooStream

_SPELL = {"date-time": to_utc, "date": to_date}
KEYS = tuple(
    StreamKeys(
        stream.name,
        stream.primary_keys,
        stream.replication_key,
        _SPELL[stream.replication_key_format],
    )
    for stream in STREAMS
)


_IS_TEST = "tap_partoo.test"


class TapPartoo(Tap):
    """Extracts the data of a Partoo account (API v2), from stores to API keys."""

    name = "tap-partoo"
    config_jsonschema = settings.SETTINGS
    message_writer_class = LineWriter
    message_writer: LineWriter

    # Without BATCH: it skips field selection and stream maps, so that fields which were
    # deselected or hashed would leave all the same.
    capabilities = [  # noqa: RUF012 - the SDK declares it as a ClassVar
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.TEST,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @override
    def __init__(
        self,
        *,
        config: Any = None,
        catalog: Any = None,
        parse_env_config: bool = False,
        **kwargs: Any,
    ) -> None:
        if parse_env_config:
            config = {**(config or {}), **self._read_environment()}
        if isinstance(catalog, dict) and not isinstance(catalog, Catalog):
            catalog = read_catalog(catalog, KEYS, self.logger)
        super().__init__(config=config, catalog=catalog, **kwargs)

    @classmethod
    @override
    def print_version(cls, print_fn: Callable[[Any], None] = print) -> None:
        with standard_output():
            super().print_version(print_fn)

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        with standard_output():
            super().print_about(output_format)

    @override
    def run_discovery(self) -> str:
        with standard_output():
            return super().run_discovery()

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
        """What all streams ask."""
        return PartooClient(
            self.session,
            api_url=self.config["api_url"],
            timeout=self.config["request_timeout"],
            logger=self.logger,
        )

    @cached_property
    def lists(self) -> Lists:
        """The lists that several streams of a run need."""
        return Lists(cast("Mapping[str, PartooStream]", self.streams))

    @cached_property
    def refusals(self) -> Refusals:
        """The streams that Partoo refused."""
        return Refusals()

    @property
    def version(self) -> int:
        """The version of the rows of a FULL_TABLE run: milliseconds, Partoo's clock."""
        return int(self.client.now().timestamp() * 1000)

    @override  # type: ignore[misc] # the only place for a verdict
    def sync_all(self) -> None:
        """Read all selected streams, then fail if Partoo refused one.

        Raises:
            FatalSyncError: If Partoo refused a stream. What another error says ends
                with the refused ones, too.
        """
        _ = self.lists  # knows all streams, the parents that are not selected included
        # The SDK has a line for each stream that is not selected.
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
        raise failure

    @override  # type: ignore[misc] # as above
    def run_connection_test(self) -> bool:
        """Print which streams the key may read, and what a run of each costs.

        Raises:
            FatalSyncError: If Partoo refuses a stream that is selected.
        """
        streams = cast("Mapping[str, PartooStream]", self.streams)
        self.lists = lists = FirstPages(streams)
        findings = survey(streams.values(), lists)
        with standard_output():
            sys.stdout.write(table(findings))
        if failure := verdict(findings):
            raise failure
        return True

    # What the tap is given.

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings; the SDK's own messages quote values, secrets included."""
        config, schema = self._config, self.config_jsonschema
        for name in [name for name, value in config.items() if value in (None, "")]:
            del config[name]  # an empty variable of the environment is an unset one
        _keep_secret(config)
        self.append_builtin_config(schema)
        if raise_errors:
            settings.check(config, schema)
            for name in unknown(config, schema):
                self.logger.warning("There is no setting `%s`: it is ignored", name)
        return []

    @classmethod
    def _read_environment(cls) -> dict[str, Any]:
        prefix, schema = cls._env_var_prefix, cls.config_jsonschema
        cls.append_builtin_config(schema)
        for name in settings.SECRETS:
            redact.add(os.environ.get(f"{prefix}{name.upper()}", ""))
        config, lost = read_environment(schema, prefix)
        for variable in lost:
            cls.logger.warning("The variable %s is no setting: it is ignored", variable)
        cls.logger.info("Settings from variables: %s", ", ".join(config) or "none")
        return config

    @override
    def setup_mapper(self) -> None:
        """Set up the stream maps.

        Raises:
            InputError: If they cannot work.
        """
        stream_maps = dict(self.config.get("stream_maps", {}))
        fields = {
            entry.tap_stream_id: selected_fields(entry)
            for entry in self.catalog.streams
            if is_selected(entry)
        }
        try:
            # The SDK's own would register streams that are not selected without their
            # fields: no map would fit them, and `--test`, which selects all, neither.
            PluginBase.setup_mapper(self)
            self.mapper.register_raw_streams_from_catalog(
                Catalog((e.tap_stream_id, as_selected(e)) for e in self.catalog.streams)
            )
        except Exception as error:
            msg = (
                "The setting `flattening_enabled` needs `flattening_max_depth`, which "
                "is 0 or more."
                if "Flattening" in str(error)
                else "The setting `stream_maps` cannot be used: "
                f"{redact.quote(str(error)).rstrip('.')}."
            )
            raise InputError(msg) from error
        warn_of_unknown_streams(stream_maps, [k.name for k in KEYS], self.logger)
        check_names(stream_maps, self.mapper, fields)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state with its bookmarks in canonical form.

        Raises:
            InputError: If this is not a Singer state, or a part of it cannot be read.
        """
        super().load_state(read_state(state, KEYS, self.logger))

    @classmethod
    @override
    def cb_config(
        cls,
        ctx: click.Context,
        param: click.Option,
        value: tuple[str, ...],
    ) -> _ConfigInput:
        """Read the config files.

        Raises:
            InputError: If one cannot be read.
        """
        # Each is read once, for it may be a pipe; the SDK is left the word ENV.
        given = super().cb_config(ctx, param, tuple(v for v in value if v == "ENV"))
        for path in value:
            if path != "ENV":
                config = read_config(path)
                _keep_secret(config)
                given.config |= config
        return given

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Leave `--test` to `invoke`: here, the catalog may not have been read yet.

        Raises:
            BadParameter: If it is not said what to test; the SDK would test all.
        """
        accepted = [option.value for option in CliTestOptionValue]
        if value not in accepted:
            msg = f"{redact.quote(value)!r} is not one of {', '.join(accepted)}."
            raise click.BadParameter(msg, ctx, param)
        if value == CliTestOptionValue.All.value:
            ctx.meta[_IS_TEST] = True
        else:
            super().cb_test(ctx, param, value)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        for param in command.params:
            if param.name in {"state", "catalog"}:
                param.type = InputFile()
        return command

    @classmethod
    @override
    def invoke(
        cls,
        *,
        state: IO[Any] | None = None,
        catalog: IO[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Run the tap, or test what its key may read.

        Raises:
            InputError: If the state or the catalog cannot be read.
        """
        state = state and _again(read_input("state", state))
        catalog = catalog and _again(read_input("catalog", catalog))
        context = click.get_current_context(silent=True)
        if context and context.meta.get(_IS_TEST):
            config = kwargs["config"]
            cls(
                config=config.config,
                catalog=catalog and json.load(catalog),
                parse_env_config=config.parse_env,
            ).run_connection_test()
        else:
            super().invoke(state=state, catalog=catalog, **kwargs)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        terminate(signum, frame)


def _keep_secret(config: Mapping[str, Any]) -> None:
    for name in settings.SECRETS:
        redact.add(config.get(name, ""))


def _again(content: dict[str, Any]) -> IO[str]:
    """Return what was read and checked as a file, which is what the SDK takes."""
    return io.StringIO(json.dumps(content))
