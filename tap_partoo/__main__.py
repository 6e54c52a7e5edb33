"""The command `tap-partoo`: one clear line and an honest exit code for every end."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from tap_partoo.redaction import redact
from tap_partoo.singer.termination import Terminated, watch

if TYPE_CHECKING:
    import click

_ARGUMENTS = re.compile(r"(Got unexpected extra arguments?) \(.*\)", re.DOTALL)


def main() -> NoReturn:
    """Run the tap and end the process.

    Exit codes: 0 success, 1 a failed run, 2 wrong use of the command line,
    128 + the number of the signal that ended the run.
    """
    watch()
    try:
        code = _run()
    except Terminated as end:
        code = _stopped(end.signum)
    _exit(code)


def _run() -> int:
    # Imported here, so that a signal during the quarter second that the SDK takes to
    # import ends the command like at any other time.
    import click  # noqa: PLC0415
    from singer_sdk.exceptions import SingerSDKError  # noqa: PLC0415

    from tap_partoo.singer.messages import standard_output  # noqa: PLC0415
    from tap_partoo.tap import TapPartoo  # noqa: PLC0415

    redact.install()
    try:
        code = _invoke(TapPartoo.cli)
        with standard_output():
            sys.stdout.flush()
    except click.ClickException as error:
        # The arguments themselves are not repeated: one may be a key.
        message = _ARGUMENTS.sub(
            r"\1. Settings are given with --config", error.format_message()
        )
        _last_words(f"Error: {message}")
        return error.exit_code
    except SingerSDKError as error:
        return _failed(str(error))
    except Exception as error:  # noqa: BLE001 - the last resort
        # Nothing foreseen: still one line, and the traceback for those who ask for it.
        return _failed(
            f"{type(error).__name__}: {error}. This is not expected: please report it "
            "with the output of a run with TAP_PARTOO_LOGLEVEL=debug."
        )
    return code


def _invoke(command: click.Command) -> int:
    try:
        return command.main(standalone_mode=False) or 0
    except SystemExit as end:  # how the SDK leaves `--about`
        return end.code if isinstance(end.code, int) else 0


def _failed(message: str) -> int:
    logging.getLogger("tap-partoo").debug(redact(traceback.format_exc()))
    _last_words(f"Error: {message}")
    return 1


def _stopped(signum: int) -> int:
    if signum != signal.SIGPIPE:
        _last_words(
            f"Stopped by {signal.Signals(signum).name}: the bookmark did not move, the "
            "next run starts where this one did."
        )
    return 128 + signum


def _last_words(message: str) -> None:
    """Say one line at once, after which no worker says anything more."""
    logging.disable()
    for handler in logging.getLogger().handlers:
        handler.acquire()  # for good: what a worker is about to say is not said
    sys.stderr.write(f"{' '.join(redact(message).split())}\n")


def _exit(code: int) -> NoReturn:
    # Not `sys.exit`: the interpreter would wait for workers that may sit in a socket
    # for another minute, and would try once more to write what nobody reads.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
