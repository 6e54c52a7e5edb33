"""Decodes all valid JSON, even with values that no record can hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

import msgspec

from tap_partoo.errors import UnreadableResponseError


class _Unreadable:
    """Takes the place of a value that no record can hold; it fits no type."""


UNREADABLE: Final = _Unreadable()

MAX_DEPTH = 200
"""What is nested more deeply cannot be decoded, let alone by those who come after."""

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_HALF_CHARACTER = r'"\ud800"'
_NUL = rb"\u0000"


def decode(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """Return the value of a JSON text.

    A number beyond all limits, a text with half a character (a lone surrogate), and
    what is nested too deeply become `UNREADABLE`: their column becomes null, and the
    run goes on. A NUL character, which databases refuse, becomes U+FFFD.

    Raises:
        UnreadableResponseError: If the text is not JSON.
    """
    try:
        if _NUL not in body:
            return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # msgspec is several times as fast, but stricter than the grammar
    try:
        return _cleaned(
            json.loads(
                _shallow(body.decode("utf-8-sig")),  # some servers send a mark first
                parse_constant=_refuse,
                parse_float=_number,
                parse_int=_integer,
            )
        )
    except (ValueError, RecursionError):
        kind = "HTML" if body.lstrip()[:1] == b"<" else "text that is not complete JSON"
        msg = f"{kind} instead of data"
    raise UnreadableResponseError(msg)


def _shallow(text: str) -> str:
    """Return a JSON text with half of a character for all that is nested too deeply."""
    parts, start, depth = [], 0, 0
    for token in _TOKENS.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth == MAX_DEPTH:
                parts.append(text[start : token.start()])
        elif token[0] in {"]", "}"}:
            if depth == MAX_DEPTH:
                parts.append(_HALF_CHARACTER)
                start = token.end()
            depth -= 1
    return "".join([*parts, text[start:]])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are not JSON


def _number(text: str) -> object:
    number = float(text)
    return number if math.isfinite(number) else UNREADABLE


def _integer(text: str) -> object:
    try:
        return int(text)
    except ValueError:  # Python converts at most 4,300 digits
        return UNREADABLE


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return _without_nul(value) if _is_encodable(value) else UNREADABLE
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {
            _without_nul(key): _cleaned(item)
            for key, item in value.items()
            if _is_encodable(key)
        }
    return value


def _without_nul(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
