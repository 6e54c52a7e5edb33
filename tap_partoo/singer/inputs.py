"""The files and variables that the command is given: each is read once, and checked."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from typing_extensions import override

from tap_partoo.errors import InputError
from tap_partoo.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_SHORT = 12
"""Characters that a name may have without looking like the path of a file."""


def read_config(path: str) -> dict[str, Any]:
    """Return the settings in a config file.

    Raises:
        InputError: If it cannot be read, or holds something else.
    """
    if path.lstrip().startswith(("{", "[", '"')):
        msg = "--config takes the path of a file, and was given JSON instead."
        raise InputError(msg)
    return json_object("config", path, Path(path).read_bytes)


def json_object(what: str, name: str, read: Callable[[], bytes]) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Args:
        what: What the file is to the tap: config, state or catalog.
        name: The name of the file.
        read: Reads it.

    Raises:
        InputError: If it cannot be read, or holds something else.
    """
    try:
        content = json.loads(read().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        problem = (
            f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        )
    except UnicodeDecodeError:
        problem = "cannot be read: it is not UTF-8 text"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError):
        problem = "cannot be read: a number is too long, or the nesting too deep"
    else:
        if isinstance(content, dict):
            return content
        problem = "must hold a JSON object"
    msg = f"The {what} file {shown(name)} {problem}."
    raise InputError(msg)


def shown(name: str) -> str:
    """Return as much of a name as is sure to be one, and neither content nor a key."""
    if not name:
        return "''"
    path = Path(name)
    is_path = (
        re.fullmatch(r"\.\w{1,5}", path.suffix)
        or name.startswith(("/", "./", "../", "~/"))
        or (len(path.parts) > 1 and _exists(path.parent))
    )
    if name.lstrip().startswith(("{", "[", '"')) or "=" in name:
        return "(not the path of a file)"
    if is_path or len(name) <= _SHORT:
        return redact.quote(name)
    return f"{redact.quote(name)[:4]}..."


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a path, say
        return False


class InputFile(click.File):
    """A file of the command line, whose name is not repeated where it is content."""

    def __init__(self) -> None:
        """Read bytes: what they mean is not a matter of the locale."""
        super().__init__("rb")

    @override
    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Open the file.

        Raises:
            BadParameter: If it cannot be opened.
        """
        try:
            return super().convert(value, param, ctx)
        except (click.BadParameter, RuntimeError) as error:  # no standard input at all
            reason = getattr(error.__context__, "strerror", None)
        msg = f"{shown(str(value))}: {reason or 'it cannot be opened'}"
        raise click.BadParameter(msg, ctx, param)


def read_input(what: str, file: IO[bytes]) -> dict[str, Any]:
    """Return the JSON object in an open file of the command line.

    Raises:
        InputError: If it cannot be read, or holds something else.
    """
    return json_object(what, str(getattr(file, "name", "-")), file.read)


def read_environment(
    schema: Mapping[str, Any],
    prefix: str,
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings in variables, and the variables that are no settings.

    Only variables: the SDK would also read any file `.env` in a folder above the one
    that it is installed in, and let it override what was exported.

    Args:
        schema: JSON schema of the settings. An empty variable is an unset one.
        prefix: What their variables begin with.

    Raises:
        InputError: If a variable is not of the type of its setting.
    """
    names = {f"{prefix}{name.upper()}": name for name in schema["properties"]}
    given = {
        variable: value
        for variable, value in os.environ.items()
        if variable.startswith(prefix) and value and variable != f"{prefix}LOGLEVEL"
    }
    settings = {
        names[variable]: _value(
            value, variable, names[variable], schema["properties"][names[variable]]
        )
        for variable, value in given.items()
        if variable in names
    }
    return settings, sorted(given.keys() - names.keys())


def _value(
    value: str, variable: str, name: str, definition: Mapping[str, Any]
) -> object:
    types, text = definition.get("type", ()), value.strip()
    for kind, (words, parse) in _PARSERS.items():
        if kind in types:
            try:
                return parse(text)
            except (ValueError, RecursionError):
                msg = (
                    f"The setting `{name}` ({variable}) must be {words}, not "
                    f"{redact.quote(repr(value))}."
                )
            raise InputError(msg)
    return value


def _integer(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _json(kind: type) -> Callable[[str], object]:
    def parse(text: str) -> object:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)  # noqa: TRY004 - the same failure as no JSON
        return value

    return parse


_PARSERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "integer": ("a whole number", _integer),
    "boolean": ("true or false", _boolean),
    "object": ("a JSON object", _json(dict)),
    "array": ("a JSON array", _json(list)),
}
