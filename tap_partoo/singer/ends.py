"""The standard streams at the beginning and at the end of the command."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import IO, NoReturn

from tap_partoo.redaction import redact

LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"


def open_standard_streams() -> None:
    """Put something in place of standard streams that are closed.

    Otherwise the next file or connection would get their numbers, and with them what
    is written there. What is written to standard output fails as on a full disk; the
    log is lost, and the exit code says what the run did.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    for number in (1, 2):
        # What started the tap may have left its pipes in the other mode, as Node.js
        # does: a reader that is slow for a moment would be a failure.
        with contextlib.suppress(AttributeError, OSError):  # Windows has none
            os.set_blocking(number, True)
    sys.stdout = _stream(sys.stdout, 1)
    sys.stderr = _stream(sys.stderr, 2)
    # A log that cannot be written is no reason to say more in the same place.
    logging.raiseExceptions = False


def _stream(stream: IO[str] | None, number: int) -> IO[str]:
    """Return the stream that Python made, or one in its place where it was closed."""
    return stream or os.fdopen(
        number, "w", encoding="utf-8", errors="backslashreplace", closefd=False
    )


def correct_log_level(variables: tuple[str, ...]) -> list[str]:
    """Unset the variables that name no level of the log, and return what was unset.

    Args:
        variables: Their names. The one for all programs may be meant for another.
    """
    unset = []
    for name in variables:
        value = os.environ.get(name)
        if value is not None and value.upper() not in logging.getLevelNamesMapping():
            del os.environ[name]
            if value:
                unset.append(f"{name}={redact.quote(value)}")
    return unset


def print_final_line(message: str, level: int, logger: logging.Logger) -> None:
    """Say one line at once, after which no worker says anything more.

    Where the log is configured, as Meltano does, the line is a record of it: there
    other lines pass for information, and alerts miss them.

    Args:
        message: The line.
        level: Of the record.
        logger: Of the record.
    """
    text = "".join(c if c.isprintable() else " " for c in redact(message))
    line = " ".join(text.split())
    handlers = _handlers(logger)
    for handler in handlers:
        handler.acquire()  # for good: what a worker is about to say is not said
    configured = LOG_CONFIG in os.environ and not _are_streams_one()
    if configured and any(_is_configured(h, level) for h in handlers):
        logger.log(level, "%s", line)
    else:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
    logging.disable()


def _handlers(logger: logging.Logger) -> list[logging.Handler]:
    found: list[logging.Handler] = []
    current: logging.Logger | None = logger
    while current and not logger.disabled:
        found += current.handlers
        current = current.parent if current.propagate else None
    return found


def _are_streams_one() -> bool:
    """Return whether the log goes where the output goes.

    `meltano config test` does so, and shows the last line as it is.
    """
    return os.path.sameopenfile(1, 2)


def _is_configured(handler: logging.Handler, level: int) -> bool:
    """Return whether records go to standard error in a form of the user's own."""
    from singer_sdk.logging import ConsoleFormatter  # noqa: PLC0415 - takes its time

    return (
        isinstance(handler, logging.StreamHandler)
        and handler.stream is sys.stderr
        and handler.level <= level
        and not isinstance(handler.formatter, ConsoleFormatter)
    )


def exit_now(code: int) -> NoReturn:
    """End the process, whatever its threads are doing.

    Not by `sys.exit`: the interpreter would wait for workers that may sit in a socket
    for another minute, and would try once more to write what nobody reads.
    """
    with contextlib.suppress(OSError, ValueError):
        logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)
