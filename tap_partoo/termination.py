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


class _Line:
    """Whether a line is being written, and the signal that came meanwhile."""

    unfinished = False
    signum: int | None = None


def terminate(signum: int, _frame: FrameType | None = None) -> None:
    """Handle a signal: raise in the main thread, wherever it waits.

    Args:
        signum: The number of the signal.

    Raises:
        Terminated: At once, or as soon as the line that is being written is out.
    """
    if _Line.unfinished and signum != signal.SIGALRM:
        _Line.signum = signum
        signal.signal(signal.SIGALRM, terminate)
        signal.alarm(LINE_GRACE_SECONDS)
        return
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # the first one counts
    raise Terminated(_Line.signum or signum)


@contextmanager
def whole_line() -> Iterator[None]:
    """Hold a signal back until the line is written, for a second at the most.

    Raises:
        Terminated: On leaving, if a signal came meanwhile.
    """
    _Line.unfinished = True
    try:
        yield
    finally:
        _Line.unfinished = False
    if _Line.signum is not None:
        raise Terminated(_Line.signum)
