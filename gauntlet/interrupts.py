"""Ctrl-C and SIGTERM end a run in order: once, and never a second time while we clean up."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from gauntlet.kernel.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Within, the first signal raises Interrupted in the main thread; later ones do nothing."""
    pending = True

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal pending
        if pending:
            pending = False
            raise Interrupted(f"stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
