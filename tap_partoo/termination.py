"""How a signal ends the run: at once, but never in the middle of a line."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

LINE_GRACE_SECONDS = 1
"""How long a line that is half written may take to be finished after a signal."""


class Terminated(BaseException):
    """A signal ended the run.

    Not an `Exception`, so that nothing on the way out takes it for its own failure.
    """

    def __init__(self, signum: int) -> None:
        """Remember the signal.

        Args:
            signum: The number of the signal.
        """
        super().__init__(signum)
        self.signum = signum


class _State:
    """What decides whether a signal may end the run now."""

    line_is_unfinished = False
    signum: int | None = None
    ended = False


def terminate(signum: int, _frame: FrameType | None = None) -> None:
    """Handle a signal: raise in the main thread, wherever it waits.

    Args:
        signum: The number of the signal.

    Raises:
        Terminated: At once, or as soon as the line that is being written is out.
    """
    if _State.line_is_unfinished and signum != signal.SIGALRM:
        if _State.signum is None:
            _State.signum = signum
            signal.signal(signal.SIGALRM, terminate)
            signal.alarm(LINE_GRACE_SECONDS)
        return
    if not _State.ended:  # the first one counts
        _State.ended = True
        raise Terminated(_State.signum or signum)


@contextmanager
def whole_line() -> Iterator[None]:
    """Hold a signal back until the line is written, for a second at the most.

    Raises:
        Terminated: On leaving, if a signal came meanwhile.
    """
    _State.line_is_unfinished = True
    try:
        yield
    finally:
        _State.line_is_unfinished = False
    if _State.signum is not None:
        terminate(_State.signum)
