"""The echo as a process, on a CPU of its own."""

import contextlib
import time
from collections.abc import Iterator

import msgspec
import psutil

from benchmarks.echo import Count
from benchmarks.load.tree import SERVER_CPU, pinned
from benchmarks.processes import Asked, asked


class Target:
    """A running echo."""

    def __init__(self, child: Asked) -> None:
        self.port = int(child.hear())
        self.url = f"ws://127.0.0.1:{self.port}/"
        self.process: psutil.Process = child.process
        self._child = child

    def count(self) -> Count:
        """What it has seen so far."""
        return msgspec.json.decode(self._child.ask(None), type=Count)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[float]:
        """The process stands still meanwhile; since when, on the monotonic clock."""
        began_s = time.monotonic()
        self.process.suspend()
        try:
            yield began_s
        finally:
            self.process.resume()


@contextlib.contextmanager
def echo() -> Iterator[Target]:
    """An echo for a while."""
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CPU):  # until it has started, and no longer: we are to move on
            child = stack.enter_context(asked("benchmarks.echo"))
        yield Target(child)
