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
    """Replace standard streams that are closed.

    Otherwise the next file or connection would get their file descriptor, and their
    output. Writing to closed standard output fails as on a full disk; if standard error
    is closed, the log is lost, and only the exit code shows the result.
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
    # If the log cannot be written, neither can a report of that.
    logging.raiseExceptions = False


def _stream(stream: IO[str] | None, number: int) -> IO[str]:
    """Return the stream that Python made, or a new one if it was closed."""
    return stream or os.fdopen(
        number, "w", encoding="utf-8", errors="backslashreplace", closefd=False
    )


def correct_log_level(variables: tuple[str, ...]) -> list[str]:
    """Unset the variables that do not name a log level, and return what was unset.

    Args:
        variables: Their names. `LOGLEVEL` may be meant for another program.
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
    """Print one last line at once; no worker can log anything after it.

    If the log is configured, as Meltano does, the line is a log record: any other line
    would count as level INFO, and alerts would miss it.

    Args:
        message: The line.
        level: The level of the log record.
        logger: The logger of the log record.
    """
    text = "".join(c if c.isprintable() else " " for c in redact(message))
    line = " ".join(text.split())
    handlers = _handlers(logger)
    for handler in handlers:
        handler.acquire()  # never released: workers cannot log any more
    configured = LOG_CONFIG in os.environ and not _is_log_in_output()
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


def _is_log_in_output() -> bool:
    """Return whether the log goes where the output goes.

    This is so in `meltano config test`, which shows the last line as it is.
    """
    return os.path.sameopenfile(1, 2)


def _is_configured(handler: logging.Handler, level: int) -> bool:
    """Return whether records go to standard error in the user's own format."""
    from singer_sdk.logging import ConsoleFormatter  # noqa: PLC0415 - slow

    return (
        isinstance(handler, logging.StreamHandler)
        and handler.stream is sys.stderr
        and handler.level <= level
        and not isinstance(handler.formatter, ConsoleFormatter)
    )


def exit_now(code: int) -> NoReturn:
    """End the process, whatever its threads are doing.

    Not by `sys.exit`: the interpreter would wait for workers that may be blocked in a
    socket for another minute, and would try again to write what nobody reads.
    """
    with contextlib.suppress(OSError, ValueError):
        logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)
