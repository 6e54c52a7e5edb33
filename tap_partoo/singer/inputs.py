"""The input files and variables of the command: each is read once, and checked."""

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
"""Longer names are only shown in full if they look like the path of a file."""


def read_config(path: str) -> dict[str, Any]:
    """Return the settings in a config file.

    Raises:
        InputError: If it cannot be read, or does not contain a JSON object.
    """
    if path.lstrip().startswith(("{", "[", '"')):
        msg = "--config takes the path of a file, not JSON."
        raise InputError(msg)
    return json_object("config", path, Path(path).read_bytes)


def json_object(what: str, name: str, read: Callable[[], bytes]) -> dict[str, Any]:
    """Return the JSON object in a file.

    Args:
        what: The kind of file: config, state or catalog.
        name: The name of the file.
        read: Returns its content.

    Raises:
        InputError: If it cannot be read, or does not contain a JSON object.
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
        problem = "must contain a JSON object"
    msg = f"The {what} file {shown(name)} {problem}."
    raise InputError(msg)


def shown(name: str) -> str:
    """Return a file name, shortened or replaced if it may be content or a key."""
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
    except OSError:  # too long for a path, for example
        return False


class InputFile(click.File):
    """A file of the command line; messages do not quote a name that is content."""

    def __init__(self) -> None:
        """Read bytes: their encoding does not depend on the locale."""
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
        InputError: If it cannot be read, or does not contain a JSON object.
    """
    return json_object(what, str(getattr(file, "name", "-")), file.read)


def read_environment(
    schema: Mapping[str, Any],
    prefix: str,
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings in variables, and the variables that are not settings.

    Only variables: the SDK would also read a `.env` file in any folder above the one
    that it is installed in, and let it override exported variables.

    Args:
        schema: JSON schema of the settings. An empty variable counts as unset.
        prefix: The prefix of their variables.

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
            raise ValueError(text)  # noqa: TRY004 - as for invalid JSON
        return value

    return parse


_PARSERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "integer": ("a whole number", _integer),
    "boolean": ("true or false", _boolean),
    "object": ("a JSON object", _json(dict)),
    "array": ("a JSON array", _json(list)),
}
