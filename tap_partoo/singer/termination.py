"""How a signal ends the run: at once, but never in the middle of a line."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGPIPE: int = getattr(signal, "SIGPIPE", 13)
"""Ends a run whose output nobody reads; Windows has no such signal."""

CHECK_SECONDS = 0.25
GRACE_SECONDS = 1.0
"""How long it may take after a signal to finish a half-written line, and then to end
the run."""


class Terminated(BaseException):
    """A signal ended the run.

    Not an `Exception`, so that no handler of errors catches it.
    """

    def __init__(self, signum: int) -> None:
        """Remember the signal.

        Args:
            signum: The number of the signal.
        """
        super().__init__(signum)
        self.signum = signum


class _State:
    """The first signal (later ones are ignored), and how far it was handled."""

    signum: int | None = None
    raised = False
    since = 0.0
    line_is_unfinished = False


def watch() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end the run, wherever its main thread waits.

    A signal that comes between Python's last check and a system call is noticed only
    when that call returns; a timer makes each call return soon. Windows has no timer:
    there, a run that waits for the network may end a little later.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, terminate)
    # A terminal that was closed; `nohup` wants the run to survive that.
    hangup = getattr(signal, "SIGHUP", None)
    if hangup and signal.getsignal(hangup) is not signal.SIG_IGN:
        signal.signal(hangup, terminate)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _check)
        signal.setitimer(signal.ITIMER_REAL, CHECK_SECONDS, CHECK_SECONDS)


def terminate(signum: int, _frame: FrameType | None = None) -> None:
    """Handle a signal.

    Args:
        signum: The number of the signal.

    Raises:
        Terminated: At once, or as soon as the line that is being written is out.
    """
    if _State.signum is None:
        _State.signum, _State.since = signum, time.monotonic()
    if not _State.line_is_unfinished:
        _raise_once()


def _check(_signum: int, _frame: FrameType | None) -> None:
    if _State.signum is None or time.monotonic() - _State.since < GRACE_SECONDS:
        return
    if _State.raised:  # but the run is stuck, or the exception was lost
        os._exit(128 + _State.signum)
    _raise_once()


def _raise_once() -> None:
    if _State.signum is not None and not _State.raised:
        _State.raised, _State.since = True, time.monotonic()
        raise Terminated(_State.signum)


@contextmanager
def whole_line() -> Iterator[None]:
    """Hold a signal back until the line is written, but at most for a second.

    Raises:
        Terminated: At the end, if a signal came meanwhile.
    """
    _State.line_is_unfinished = True
    try:
        yield
    finally:
        _State.line_is_unfinished = False
    _raise_once()
