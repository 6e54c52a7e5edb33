"""Keeps the secrets of the configuration out of all messages of the tap."""

from __future__ import annotations

import json
import logging
import re
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
MIN_LENGTH = 8
"""Shorter secrets are masked in quoted text only. If the search text `api` were masked
everywhere, half of each message would be gone."""

MAX_QUOTE = 300

_FORMATTER = logging.Formatter()

# In the query of a request, which urllib3 logs on level debug; masked at any length.
_QUERY = re.compile(r"(search_text=)[^&\s\"']*")


class Redactor:
    """Masks secrets in text, in all the forms that logs and servers write them."""

    def __init__(self) -> None:
        """Start without secrets."""
        self._secrets: set[str] = set()
        self._everywhere: re.Pattern[str] | None = None
        self._quoted: re.Pattern[str] | None = None

    def add(self, secret: object) -> None:
        """Mask a value from now on.

        Args:
            secret: The value of a secret setting, of any type.
        """
        self._secrets.update(filter(None, _leaves(secret)))
        spellings = {form for text in self._secrets for form in _spellings(text)}
        self._quoted = _pattern(spellings)
        self._everywhere = _pattern({s for s in spellings if len(s) >= MIN_LENGTH})

    def __call__(self, text: str) -> str:
        """Return the text with the secrets masked."""
        text = _QUERY.sub(rf"\1{MASK}", text)
        return self._everywhere.sub(MASK, text) if self._everywhere else text

    def quote(self, text: str) -> str:
        """Return text from elsewhere: masked, shortened and on one line.

        Args:
            text: Any text; it may contain secrets of any length.
        """
        if self._quoted:
            text = self._quoted.sub(MASK, text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= MAX_QUOTE else f"{text[:MAX_QUOTE]}..."

    def install(self) -> None:
        """Mask the secrets in every log record of this process."""
        factory = logging.getLogRecordFactory()

        def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = factory(*args, **kwargs)
            message = record.getMessage()
            masked = self(message)
            if masked != message:
                record.msg, record.args = masked, ()
            if record.exc_info:
                trace = _FORMATTER.formatException(record.exc_info)
                if (masked := self(trace)) != trace:
                    record.exc_info, record.exc_text = None, masked
            return record

        logging.setLogRecordFactory(redacted)


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [str(value), str(value).strip()]


def _spellings(secret: str) -> set[str]:
    data = secret.encode(errors="surrogatepass")  # a variable may hold any bytes
    spellings = {
        secret,
        secret.encode("unicode_escape").decode(),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(data)[2:-1],
        quote(data),
        quote(data, safe=""),
        quote_plus(data),
    }
    return spellings | {spelling.replace("%", "%%") for spelling in spellings}


def _pattern(spellings: set[str]) -> re.Pattern[str] | None:
    # The longest first: a spelling may contain another one.
    ordered = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
    return (
        re.compile("|".join(map(re.escape, ordered)), re.IGNORECASE)
        if ordered
        else None
    )


redact = Redactor()
"""The redactor of this process; the settings add their secrets to it."""
