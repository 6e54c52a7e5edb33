"""What any careful tap adds to the SDK's tap: it reads and checks its inputs."""

from __future__ import annotations

import io
import json
import os
from abc import abstractmethod
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase
from singer_sdk.singerlib import Catalog
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_partoo.errors import InputError
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
from tap_partoo.singer.messages import LineWriter, standard_output, write_text
from tap_partoo.singer.state import read_state
from tap_partoo.singer.termination import terminate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput

    from tap_partoo.singer.streams import StreamKeys

_IS_TEST = "tap_partoo.test"


class CarefulTap(Tap):
    """A tap that reads each input once, and names what is wrong with it."""

    keys: ClassVar[tuple[StreamKeys, ...]]
    """The keys of all streams."""

    secrets: ClassVar[tuple[str, ...]]
    """The settings that are masked in all messages."""

    message_writer_class = LineWriter
    message_writer: LineWriter

    # Without BATCH: it skips field selection and stream maps, so that fields would be
    # emitted even if deselected, and unhashed.
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

    @classmethod
    @abstractmethod
    def check_settings(
        cls,
        config: dict[str, Any],
        schema: Mapping[str, Any],
    ) -> None:
        """Check the settings, and fill in the defaults.

        Args:
            config: The settings; changed in place.
            schema: JSON schema of all settings, those of the SDK included.

        Raises:
            InputError: If a setting is missing or not acceptable.
        """

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
            catalog = read_catalog(catalog, self.keys, self.logger)
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
        text = self.catalog_json_text
        write_text(f"{text}\n")
        return text

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings; the SDK's own messages quote values, secrets included."""
        config, schema = self._config, self.config_jsonschema
        for name in [name for name, value in config.items() if value in (None, "")]:
            del config[name]  # an empty environment variable counts as unset
        self._keep_secret(config)
        self.append_builtin_config(schema)
        if raise_errors:
            self.check_settings(config, schema)
            for name in unknown(config, schema):
                self.logger.warning("There is no setting `%s`: it is ignored", name)
        return []

    @classmethod
    def _read_environment(cls) -> dict[str, Any]:
        prefix, schema = cls._env_var_prefix, cls.config_jsonschema
        cls.append_builtin_config(schema)
        for name in cls.secrets:
            redact.add(os.environ.get(f"{prefix}{name.upper()}", ""))
        config, lost = read_environment(schema, prefix)
        for variable in lost:
            cls.logger.warning(
                "The variable %s is not a setting: it is ignored", variable
            )
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
            # The SDK's tap would register streams that are not selected without their
            # fields: maps of them would fail, and so would `--test`, which selects all.
            PluginBase.setup_mapper(self)
            self.mapper.register_raw_streams_from_catalog(
                Catalog((e.tap_stream_id, as_selected(e)) for e in self.catalog.streams)
            )
        except Exception as error:
            setting = "stream_maps" if stream_maps else "flattening_enabled"
            msg = (
                "The setting `flattening_enabled` needs `flattening_max_depth`, which "
                "is 0 or more."
                if "Flattening" in str(error)
                else f"The setting `{setting}` cannot be used: "
                f"{redact.quote(str(error)).rstrip('.')}."
            )
            raise InputError(msg) from error
        warn_of_unknown_streams(stream_maps, [k.name for k in self.keys], self.logger)
        check_names(stream_maps, self.mapper, fields)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Load the state, with its bookmarks in canonical form.

        Raises:
            InputError: If this is not a Singer state, or a part of it cannot be read.
        """
        super().load_state(read_state(state, self.keys, self.logger))

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
        # Each is read once, since it may be a pipe; the SDK only gets the word ENV.
        given = super().cb_config(ctx, param, tuple(v for v in value if v == "ENV"))
        for path in value:
            if path != "ENV":
                config = read_config(path)
                cls._keep_secret(config)
                given.config |= config
        return given

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Leave `--test` to `invoke`: here, the catalog may not have been read yet.

        Raises:
            BadParameter: If the value is not accepted; the SDK would test everything.
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
        state = state and _as_file(read_input("state", state))
        catalog = catalog and _as_file(read_input("catalog", catalog))
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

    @classmethod
    def _keep_secret(cls, config: Mapping[str, Any]) -> None:
        for name in cls.secrets:
            redact.add(config.get(name, ""))


def _as_file(content: dict[str, Any]) -> IO[str]:
    """Return an input that was read and checked as a file, as the SDK expects it."""
    return io.StringIO(json.dumps(content))
