"""The echo server as a process on its own CPU."""

import contextlib
import time
from collections.abc import Iterator

import msgspec
import psutil

from benchmarks.echo import Count
from benchmarks.load.process_tree import SERVER_CPU, pinned
from benchmarks.processes import LineChild, line_child


class EchoServer:
    """A running echo server."""

    def __init__(self, child: LineChild) -> None:
        self.port = int(child.read_line())
        self.url = f"ws://127.0.0.1:{self.port}/"
        self.process: psutil.Process = child.process
        self._child = child

    def count(self) -> Count:
        """Return the counts of the server."""
        return msgspec.json.decode(self._child.ask(None), type=Count)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[float]:
        """Suspend the process; yields the start of the suspension on the monotonic clock."""
        began_s = time.monotonic()
        self.process.suspend()
        try:
            yield began_s
        finally:
            self.process.resume()


@contextlib.contextmanager
def run_echo_server() -> Iterator[EchoServer]:
    """Run an echo server."""
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CPU):  # only while it starts: this process must not stay pinned
            child = stack.enter_context(line_child("benchmarks.echo"))
        yield EchoServer(child)
