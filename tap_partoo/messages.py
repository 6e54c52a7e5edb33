"""Singer messages on standard output: fast, whole lines, one clear error."""

from __future__ import annotations

import select
import signal
import sys

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.exceptions import FatalSyncError
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.encoding.simple import Message  # noqa: TC002
from typing_extensions import override

from tap_partoo.termination import Terminated, whole_line

# What a pipe takes whole or not at all: a signal never leaves half of it behind.
CHUNK = select.PIPE_BUF


class LineWriter(MsgSpecWriter):
    """Writes messages in chunks of whole lines instead of flushing each of them."""

    def __init__(self) -> None:
        """Start with nothing to write."""
        super().__init__()
        self._lines = bytearray()

    @override
    def write_message(self, message: Message) -> None:
        """Write a message; records may wait for the next `flush`.

        Raises:
            FatalSyncError: If standard output cannot be written.
            Terminated: If nobody reads it any more.
        """
        line = self.format_message(message)
        if len(self._lines) + len(line) > CHUNK:
            self.flush()
        self._lines += line
        if not isinstance(message, RecordMessage):
            self.flush()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            FatalSyncError: If standard output cannot be written.
            Terminated: If nobody reads it any more.
        """
        chunk = bytes(self._lines)
        self._lines.clear()
        try:
            if len(chunk) > CHUNK:
                with whole_line():
                    _write(chunk)
            elif chunk:
                _write(chunk)
        except BrokenPipeError:
            end: BaseException = Terminated(signal.SIGPIPE)
        except OSError as error:
            end = FatalSyncError(
                f"Standard output cannot be written: {error.strerror}. Make room there "
                "and run again; the bookmark did not move."
            )
        else:
            return
        raise end


def _write(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
