"""The command `tap-partoo`: however it ends, one clear line and a true exit code."""

from __future__ import annotations

import errno
import gc
import logging
import os
import re
import signal
import traceback
from typing import TYPE_CHECKING, NoReturn

from tap_partoo.redaction import redact
from tap_partoo.singer.ends import (
    LOG_CONFIG,
    correct_log_level,
    exit_now,
    open_standard_streams,
    print_final_line,
)
from tap_partoo.singer.termination import SIGPIPE, Terminated, watch

if TYPE_CHECKING:
    import click

_LOGGER = logging.getLogger("tap-partoo")
_LOG_LEVELS = ("TAP_PARTOO_LOGLEVEL", "LOGLEVEL")
_ARGUMENTS = re.compile(r"(Got unexpected extra arguments?) \(.*\)", re.DOTALL)
_OUTPUT_ERRORS = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}


def main() -> NoReturn:
    """Run the tap and end the process.

    Exit codes: 0 success, 1 a failed run, 2 wrong use of the command line,
    128 + the number of the signal that ended the run.
    """
    open_standard_streams()
    watch()
    try:
        code = _run()
    except Terminated as end:
        code = _stopped(end.signum)
    exit_now(code)


def _run() -> int:
    # Imported here: importing the SDK takes a quarter of a second, and a signal in that
    # time must end the command as at any other time. Meanwhile, nothing is garbage: to
    # look for it would take an eighth of the start.
    gc.disable()
    import click  # noqa: PLC0415
    from singer_sdk.exceptions import SingerSDKError  # noqa: PLC0415

    from tap_partoo.singer.messages import flush, output_failure  # noqa: PLC0415

    redact.install()
    try:
        command = _command()
        gc.freeze()
        gc.enable()
        code = _invoke(command)
        flush()
    except click.ClickException as error:
        # The arguments themselves are not repeated: one may be a key.
        message = _ARGUMENTS.sub(
            r"\1. Settings are given with --config", error.format_message()
        )
        _print_error(message)
        return error.exit_code
    except SingerSDKError as error:
        return _failed(str(error))
    except Exception as error:  # noqa: BLE001 - the last resort
        if isinstance(error, OSError) and error.errno in _OUTPUT_ERRORS:
            # From text that click prints, such as `--help`; the tap's own output raises
            # an error with a message.
            return _failed(str(output_failure(error)))
        # Unexpected: still one line; the traceback is on level debug.
        return _failed(
            f"{type(error).__name__}: {redact.quote(str(error))}. This is not "
            "expected: please report it with the output of a run with "
            "TAP_PARTOO_LOGLEVEL=debug."
        )
    return code


def _command() -> click.Command:
    """Return the command, with the log set up."""
    from tap_partoo.errors import InputError  # noqa: PLC0415 - as above
    from tap_partoo.tap import TapPartoo  # noqa: PLC0415 - as above

    unset = correct_log_level(_LOG_LEVELS)
    try:
        command: click.Command = TapPartoo.cli
    except Exception as error:
        if LOG_CONFIG not in os.environ:
            raise
        msg = (
            f"The log configuration in {LOG_CONFIG} cannot be used: "
            f"{redact.quote(str(error)).rstrip('.')}."
        )
        raise InputError(msg) from error
    for assignment in unset:
        _LOGGER.warning("%s is not a log level and is ignored", assignment)
    return command


def _invoke(command: click.Command) -> int:
    try:
        return command.main(standalone_mode=False) or 0
    except SystemExit as end:  # how the SDK ends `--about`
        return end.code if isinstance(end.code, int) else 0


def _failed(message: str) -> int:
    _LOGGER.debug(redact(traceback.format_exc()))
    _print_error(message)
    return 1


def _print_error(message: str) -> None:
    print_final_line(f"Error: {message}", logging.ERROR, _LOGGER)


def _stopped(signum: int) -> int:
    if signum != SIGPIPE:
        print_final_line(
            f"Stopped by {signal.Signals(signum).name}: the next run starts from the "
            "last bookmark.",
            logging.WARNING,
            _LOGGER,
        )
    return 128 + signum


if __name__ == "__main__":
    main()
