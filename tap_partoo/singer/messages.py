"""Singer messages on standard output: fast, whole lines, one clear error."""

from __future__ import annotations

import errno
import select
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.exceptions import FatalSyncError
from typing_extensions import override

from tap_partoo.singer.termination import SIGPIPE, Terminated, whole_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.singerlib.encoding.simple import Message

# A pipe takes this many bytes whole or not at all: a signal never leaves half a line.
CHUNK: int = getattr(select, "PIPE_BUF", 4096)


class LineWriter(MsgSpecWriter):
    """Writes messages in chunks of whole lines instead of flushing each of them."""

    def __init__(self) -> None:
        """Start with nothing to write."""
        super().__init__()
        self._lines = bytearray()

    @override
    def write_message(self, message: Message) -> None:
        """Write a message at once.

        Raises:
            FatalSyncError: If standard output cannot be written.
            Terminated: If nobody reads it any more.
        """
        self._add(self.format_message(message))
        self.flush()

    def write_record(self, message: dict[str, Any]) -> None:
        """Write a RECORD message, which may wait for the next `flush`.

        Args:
            message: The content of the SDK's `RecordMessage`.

        Raises:
            FatalSyncError: If standard output cannot be written.
            Terminated: If nobody reads it any more.
        """
        self._add(serialize_jsonl(message))

    def _add(self, line: bytearray) -> None:
        if len(self._lines) + len(line) > CHUNK:
            self.flush()
        self._lines += line

    def flush(self) -> None:
        """Write the messages that wait.

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
        except OSError as error:
            raise output_failure(error) from None


@contextmanager
def standard_output() -> Iterator[None]:
    """Write to standard output within this block.

    Raises:
        FatalSyncError: If it cannot be written.
        Terminated: If nobody reads it any more.
    """
    try:
        yield
    except OSError as error:
        raise output_failure(error) from None


def write_text(text: str) -> None:
    """Write all of a text to standard output.

    If Python does not buffer, as with PYTHONUNBUFFERED, `print` loses what a pipe does
    not take at once: the end of a catalog of more than 64 kB.

    Raises:
        FatalSyncError: If it cannot be written.
        Terminated: If nobody reads it any more.
    """
    with standard_output():
        sys.stdout.flush()
        _write(text.encode())


def flush() -> None:
    """Write what standard output still buffers.

    Raises:
        FatalSyncError: If it cannot be written.
        Terminated: If nobody reads it any more.
    """
    with standard_output():
        sys.stdout.flush()


def output_failure(error: OSError) -> BaseException:
    """Return the error for standard output that cannot be written."""
    if isinstance(error, BrokenPipeError):
        return Terminated(SIGPIPE)
    remedy = "Make room there" if error.errno == errno.ENOSPC else "Check where it goes"
    return FatalSyncError(
        f"Standard output cannot be written: {error.strerror}. {remedy} and run again; "
        "the next run starts from the last bookmark."
    )


def _write(chunk: bytes) -> None:
    output = getattr(sys.stdout, "buffer", None)
    if output is None:  # text only, as in a notebook or a test
        sys.stdout.write(chunk.decode())
        sys.stdout.flush()
        return
    # The buffer would only copy it; without one (PYTHONUNBUFFERED), there is no `raw`.
    output = getattr(output, "raw", output)
    rest = memoryview(chunk)
    while rest:  # it may take only a part
        rest = rest[output.write(rest) :]
