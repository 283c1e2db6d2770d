"""Ctrl-C and SIGTERM end a run in order: once, and never in the middle of the clean-up."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from gauntlet.core.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_RERAISE_S = 1.0


class SignalHandler:
    """Remembers the first signal, and whether its Interrupted still has to be raised."""

    def __init__(self) -> None:
        self._reason = ""
        self._reraising = False
        self._cleaning_up = False
        self._pending = False

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Raise Interrupted for the first signal, or keep it until the clean-up is over."""
        if not self._reason:
            self._reason = f"stopped by {signal.Signals(number).name}"
            self._pending = self._cleaning_up
            if not self._cleaning_up:
                self._raise()

    @contextlib.contextmanager
    def reraising_lost(self) -> Iterator[None]:
        """Within, raise an Interrupted again that got lost; after it, the clean-up begins.

        Python discards an exception that is raised while a destructor or a hook of `fork` runs.
        """
        before = signal.signal(signal.SIGALRM, lambda *_: self._raise())
        self._reraising = True
        try:
            yield
        finally:
            self._cleaning_up = True
            self._reraising = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def raise_pending(self) -> None:
        """Raise Interrupted for a signal that arrived during the clean-up."""
        if self._pending:
            self._pending = False
            raise Interrupted(self._reason)

    def _raise(self) -> None:
        if self._reraising:
            signal.setitimer(signal.ITIMER_REAL, _RERAISE_S)
        raise Interrupted(self._reason)


@contextlib.contextmanager
def handled() -> Iterator[SignalHandler]:
    """Within, the first signal raises Interrupted in the main thread; later ones do nothing.

    A first signal that arrives after `reraising_lost`, during the clean-up, is raised at the end,
    unless another exception is on its way.
    """
    handler = SignalHandler()
    before = {number: signal.signal(number, handler.on_signal) for number in _SIGNALS}
    try:
        yield handler
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
    handler.raise_pending()
