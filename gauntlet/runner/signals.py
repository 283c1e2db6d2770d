"""Ctrl-C and SIGTERM end a run in order: once, and never while we clean up."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from gauntlet.core.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_S = 1.0


class Signals:
    """What came, and whether it is still to be heard."""

    def __init__(self) -> None:
        self._why = ""
        self._insists = False
        self._cleaning = False
        self._unsaid = False

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Raise Interrupted for the first signal, or keep it until we are clean."""
        if not self._why:
            self._why = f"stopped by {signal.Signals(number).name}"
            self._unsaid = self._cleaning
            if not self._cleaning:
                self._raise()

    @contextlib.contextmanager
    def insisting(self) -> Iterator[None]:
        """Within, an Interrupted that got lost is raised anew; afterwards we clean up.

        Python drops what is raised while a destructor or a hook of `fork` happens to run.
        """
        before = signal.signal(signal.SIGALRM, lambda *_: self._raise())
        self._insists = True
        try:
            yield
        finally:
            self._cleaning = True
            self._insists = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def say(self) -> None:
        """Raise Interrupted for a signal that came while we cleaned up."""
        if self._unsaid:
            self._unsaid = False
            raise Interrupted(self._why)

    def _raise(self) -> None:
        if self._insists:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        raise Interrupted(self._why)


@contextlib.contextmanager
def raised() -> Iterator[Signals]:
    """Within, the first signal raises Interrupted in the main thread; later ones do nothing.

    One that comes first after `insisting` is raised at the end, unless something else is.
    """
    signals = Signals()
    before = {number: signal.signal(number, signals.on_signal) for number in _SIGNALS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    signals.say()
