"""What is wrong with the user's stream maps, before and while records come."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import CustomStreamMap

from tap_partoo.errors import InputError
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterator, Mapping

    from singer_sdk.mapper import PluginMapper

NO_FAKER = "needs Faker, which is not installed: install `tap-partoo[faker]`"
_OPTIONS = {"__alias__", "__else__", "__key_properties__", "__source__"}
_GIVEN = {"_", "record", "config", "self", "__stream_name__"} | {
    "__original_stream_name__",
    "True",
    "False",
    "None",
}


def is_faker_missing() -> bool:
    """Return whether stream maps cannot use `fake`."""
    return find_spec("faker") is None


def warn_of_unknown_streams(
    stream_maps: Mapping[str, Any],
    streams: Collection[str],
    logger: logging.Logger,
) -> None:
    """Warn of stream maps for streams that the tap does not have.

    Args:
        stream_maps: The setting.
        streams: The names of all streams of the tap.
        logger: Logs the warning.
    """
    lost = [
        redact.quote(key)
        for key, value in stream_maps.items()
        if not key.startswith("__")
        and not any(fnmatch(name, _source(key, value)) for name in streams)
    ]
    if lost:
        logger.warning(
            "`stream_maps` has no effect for streams that the tap does not have: %s",
            ", ".join(lost),
        )


def check_names(
    stream_maps: Mapping[str, Any],
    mapper: PluginMapper,
    fields: Mapping[str, Collection[str]],
) -> None:
    """Check the names in the expressions of stream maps.

    The SDK looks them up only when a record comes, and fails if one is missing.

    Args:
        stream_maps: The setting.
        mapper: The SDK's mapper, which has read the setting.
        fields: The names of the selected fields, by selected stream.

    Raises:
        InputError: If an expression uses a name that no record has.
    """
    for stream in fields:
        for key, value in stream_maps.items():
            if isinstance(value, dict) and fnmatch(stream, _source(key, value)):
                maps = mapper.stream_maps[stream]
                custom = next(m for m in maps if isinstance(m, CustomStreamMap))
                for column, expression in value.items():
                    if isinstance(expression, str) and column not in _OPTIONS:
                        names = {*fields[stream], *custom.functions, *_GIVEN}
                        _check(expression, f"{key}.{column}", names, custom)


def _source(key: str, value: object) -> str:
    return str(value.get("__source__", key)) if isinstance(value, dict) else key


def _check(
    expression: str, path: str, known: set[str], custom: CustomStreamMap
) -> None:
    if expression == "__NULL__":
        return
    tree = ast.parse(expression)
    for name in _names(tree):
        if name == "fake" and not custom.fake:
            msg = f"The stream map `{redact.quote(path)}` {NO_FAKER}."
            raise InputError(msg)
        if name not in known and name != "fake":
            msg = (
                f"The stream map `{redact.quote(path)}` uses `{redact.quote(name)}`, "
                "which is not a field of the stream, or is deselected."
            )
            raise InputError(msg)
    for name in _config_keys(tree):
        if name not in custom.map_config:
            msg = (
                f"The stream map `{redact.quote(path)}` uses "
                f"`config[{redact.quote(name)!r}]`, which the setting "
                "`stream_map_config` does not have."
            )
            raise InputError(msg)


def _names(tree: ast.AST) -> Iterator[str]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    yield from (node.id for node in nodes if node.id not in made)


def _config_keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id == "config"
            and isinstance(node.slice, ast.Constant)
        ):
            yield str(node.slice.value)


def error_of_map(stream: str, error: Exception) -> InputError:
    """Return the error for a failed expression, without the value that it failed on.

    Args:
        stream: The name of the stream.
        error: What the SDK raised while it computed the expression.
    """
    column = expression = ""
    trace = error.__traceback__
    while trace is not None:  # the SDK's error does not name the column
        names = trace.tb_frame.f_locals
        if "property_name" in names and "expr" in names:
            column, expression = names["property_name"] or "__filter__", names["expr"]
        trace = trace.tb_next
    cause = type(error.__cause__ or error).__name__
    return InputError(
        f"The setting `stream_maps` fails for `{stream}.{column}`: "
        f"{redact.quote(str(expression))} raises {cause}. Allow for null values, as in "
        "`md5(user_name) if user_name else None`, and for deselected columns."
    )


def unwritable(stream: str, error: Exception) -> InputError:
    """Return the error of an expression whose result is no JSON.

    Args:
        stream: The name of the stream.
        error: Why it cannot be written; its text may hold the value.
    """
    return InputError(
        f"The setting `stream_maps` gives `{stream}` a value that cannot be written as "
        f"JSON ({type(error).__name__})."
    )
