"""Ctrl-C, SIGTERM and SIGHUP end a run in order: once, and never in the middle of the clean-up.

A second Ctrl-C tells what is being waited for, and a third ends a run at once.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from gauntlet.core.errors import Exit, Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RERAISE_S = 1.0


class SignalHandler:
    """Remembers the first signal, and whether its Interrupted still has to be raised.

    `open_faults` returns the ids of the faults that are not healed yet. A third
    SIGINT ends the process only if `forced_exit` is set.
    """

    def __init__(self, open_faults: Callable[[], list[str]], *, forced_exit: bool) -> None:
        self._forced_exit = forced_exit
        self._open_faults = open_faults
        self._reason = ""
        self._interrupts = 0
        self._reraising = False
        self._deferring = False
        self._pending = False

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Raise Interrupted for the first signal, or keep it until the clean-up is over."""
        self._interrupts += number == signal.SIGINT
        if self._reason and number == signal.SIGINT:
            self._on_repeated_interrupt()
        if not self._reason:
            self._reason = f"stopped by {signal.Signals(number).name}"
            self._pending = self._deferring
            if not self._deferring:
                self._raise()

    def _on_repeated_interrupt(self) -> None:
        """Say what is being waited for; at the third interrupt, end without clean-up."""
        open_faults = self._open_faults()
        if self._interrupts <= 2 or not self._forced_exit:
            doing = f"healing {', '.join(open_faults)}" if open_faults else "cleaning up"
            hint = "; Ctrl-C again ends at once, and leaves that to a recovery"
            _print(f"still {doing}{hint if self._forced_exit else ''}")
            return
        _print("ended without clean-up; run `gauntlet recover` to heal and remove what is left")
        os._exit(Exit.ROLLBACK if open_faults else Exit.INTERRUPTED)

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
            self._deferring = True
            self._reraising = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Within, a first signal is only remembered; it is raised at the end.

        For a step that must not be left half done, such as the start of a process and the note of
        it.
        """
        before, self._deferring = self._deferring, True
        try:
            yield
        finally:
            self._deferring = before
        if not before:
            self.raise_pending()

    def raise_pending(self) -> None:
        """Raise Interrupted for a signal that arrived during the clean-up."""
        if self._pending:
            self._pending = False
            raise Interrupted(self._reason)

    def _raise(self) -> None:
        if self._reraising:
            signal.setitimer(signal.ITIMER_REAL, _RERAISE_S)
        raise Interrupted(self._reason)


def _print(text: str) -> None:
    # The signal may have come in the middle of a `print`, which cannot be entered again.
    with contextlib.suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{text}\n".encode())


@contextlib.contextmanager
def handled(
    open_faults: Callable[[], list[str]] = list, *, forced_exit: bool = False
) -> Iterator[SignalHandler]:
    """Within, the first signal raises Interrupted in the main thread.

    Later ones change nothing, but with `forced_exit` a third SIGINT ends the process. It is not for
    those who have children in sessions of their own, which would live on.

    A first signal that arrives after `reraising_lost`, during the clean-up, is raised at the end,
    unless another exception is on its way.
    """
    handler = SignalHandler(open_faults, forced_exit=forced_exit)
    before = {number: signal.signal(number, handler.on_signal) for number in _SIGNALS}
    try:
        yield handler
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
    handler.raise_pending()
