"""Repeats what a fault does, in a thread, until the fault is healed."""

import threading
import time
from collections.abc import Callable

from gauntlet.core.errors import StackError

_JOIN_S = 15.0


class Repetition:
    """Calls `act` every `every_s` seconds. An attempt that fails is counted, and the next follows.

    Another fault may hold the component down for a while, so a failed attempt is no reason to end.
    """

    def __init__(self, every_s: float, act: Callable[[], None]) -> None:
        self._every_s = every_s
        self._act = act
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="repetition", daemon=True)
        self.rounds = 0
        self.failed = 0

    def start(self) -> None:
        """Start; the first call comes after `every_s` seconds."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for a call in progress; may be called again.

        StackError if the call does not end: it could act after the heal.
        """
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            raise StackError(f"a repeated call has not ended after {_JOIN_S:g} s")

    def _run(self) -> None:
        due_s = time.monotonic() + self._every_s
        while not self._end.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + self._every_s, time.monotonic())
            try:
                self._act()
                self.rounds += 1
            except StackError:
                self.failed += 1
