"""Ctrl-C, SIGTERM and SIGHUP end a campaign in order: servers are stopped and folders removed."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def raised_once() -> Iterator[None]:
    """Within, the first signal raises KeyboardInterrupt, which no task of asyncio keeps to itself.

    The second one only tells that the clean-up is still at work, and a third one is raised again.
    """
    count = 0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count != 2:
            raise KeyboardInterrupt
        os.write(2, b"\nstill cleaning up; Ctrl-C again ends at once\n")

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
