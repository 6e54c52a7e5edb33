"""The files and variables that the command is given, read with clear errors."""

from __future__ import annotations

import io
import json
import os
from typing import IO, TYPE_CHECKING, Any

from tap_partoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


def json_object(what: str, name: str, read: Callable[[], str]) -> str:
    """Return the text of a file that holds a JSON object.

    Args:
        what: What the file is to the tap: config, state or catalog.
        name: The name of the file.
        read: Reads it.

    Raises:
        InputError: If it cannot be read, or holds something else.
    """
    try:
        text = read()
        is_object = isinstance(json.loads(text), dict)
    except json.JSONDecodeError as error:
        problem = (
            f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        )
    except UnicodeDecodeError:
        problem = "cannot be read: it is not UTF-8 text"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    else:
        if is_object:
            return text
        problem = "must hold a JSON object"
    msg = f"The {what} file {name} {problem}."
    raise InputError(msg)


def checked(what: str, file: IO[str] | None) -> IO[str] | None:
    """Return a file again that holds a JSON object, from its beginning.

    Raises:
        InputError: If it cannot be read, or holds something else.
    """
    return file and io.StringIO(json_object(what, file.name, file.read))


def check_environment(schema: dict[str, Any], prefix: str) -> None:
    """Check the variables that the SDK converts in silence, or fails on namelessly.

    An empty variable is an unset one, and is removed.

    Args:
        schema: JSON schema of the settings.
        prefix: What their variables begin with.

    Raises:
        InputError: If a variable is no number or no truth value where it must be.
    """
    for name, definition in schema["properties"].items():
        variable = f"{prefix}{name.upper()}"
        value = os.environ.get(variable)
        types = definition.get("type", ())
        if value == "":
            del os.environ[variable]
        elif value is None:
            continue
        elif "integer" in types and not value.strip().lstrip("+-").isdecimal():
            raise _wrong(name, variable, "a whole number", value)
        elif "boolean" in types and value.lower() not in _TRUE | _FALSE:
            raise _wrong(name, variable, "true or false", value)


def _wrong(name: str, variable: str, accepted: str, value: str) -> InputError:
    return InputError(
        f"The setting `{name}` ({variable}) must be {accepted}, not {value!r}."
    )
