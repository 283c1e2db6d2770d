"""Turns of the stages that have much to do, so that one cannot keep the event loop from others."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

_PASS_S = 0.0005  # of each iteration of the loop; the rest is for sockets, timers and the API


class Turn:
    """One waiting call."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def run(self) -> None:
        """Make the call, unless it was cancelled."""
        if self._callback is not None:
            self._callback()

    def cancel(self) -> None:
        """Do not make the call."""
        self._callback = None


class Turns:
    """Waiting calls in the order in which they were added, of all connections of a server.

    Work of unknown size, such as cutting a megabyte into pieces of two bytes, is done in small
    parts. Each part asks for the next turn. Sockets and the API are served between two passes,
    however many connections wait for a turn.
    """

    def __init__(self) -> None:
        self._waiting: deque[Turn] = deque()
        self._scheduled = False

    def add(self, callback: Callable[[], None]) -> Turn:
        """Make a call after those that wait already, in a later iteration of the loop."""
        turn = Turn(callback)
        self._waiting.append(turn)
        self._schedule()
        return turn

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._pass)

    def _pass(self) -> None:
        self._scheduled = False
        end_s = time.monotonic() + _PASS_S
        try:
            # Turns that are added during the pass belong to the next one.
            for _ in range(len(self._waiting)):
                self._waiting.popleft().run()
                if time.monotonic() >= end_s:
                    break
        finally:
            if self._waiting:
                self._schedule()
