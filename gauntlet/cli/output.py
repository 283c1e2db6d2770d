"""Standard output and standard error that survive a reader who stops reading.

`gauntlet list | head -3` closes the pipe early. Without this module the command would end in a
traceback, and `gauntlet run … | head -1` would end with exit code 1, which CI reads as a failed
check. Instead the run continues, and its exit code is that of the verdict.

Names of users and messages are texts of other systems. A character that the terminal cannot show is
written as an escape: it would end the command in a traceback, too.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class _PipeTolerantStream:
    """A text stream that discards what is written once the other end of its pipe is closed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._discard_from_now_on()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._discard_from_now_on()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _discard_from_now_on(self) -> None:
        # The stream still buffers what it could not write, and flushes that again at exit. So not
        # the stream is replaced, but what its descriptor leads to.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)


@contextlib.contextmanager
def broken_pipes_ignored() -> Iterator[None]:
    """Replace `sys.stdout` and `sys.stderr` for the time of a command, and flush them after it."""
    before = sys.stdout, sys.stderr
    stdout, stderr = _PipeTolerantStream(sys.stdout), _PipeTolerantStream(sys.stderr)
    sys.stdout, sys.stderr = stdout, stderr
    try:
        yield
    finally:
        stdout.flush()
        stderr.flush()
        sys.stdout, sys.stderr = before
