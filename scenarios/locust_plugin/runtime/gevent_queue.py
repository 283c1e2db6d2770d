"""The way from the engine's thread to gevent's: calls that gevent's hub makes.

No lock is shared. An append to a deque is atomic, and `send` of libev's async watcher is the one
thing in gevent that another thread may call.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult


class Crossing:
    """Made in gevent's thread; `post` is for the engine's. Calls must not wait."""

    def __init__(self) -> None:
        self.over = False
        self.at_end: list[Callable[[], None]] = []
        self._calls: deque[Callable[[], None]] = deque()
        self._expected: set[Any] = set()
        self._watcher = gevent.get_hub().loop.async_(ref=False)
        self._watcher.start(self._make_calls)

    def post(self, call: Callable[[], None]) -> None:
        """Have a call made by gevent's hub, soon."""
        self._calls.append(call)
        self._watcher.send()

    def expect(self) -> Any:
        """An AsyncResult that will not wait for ever: `end` sets it to None."""
        result = AsyncResult()
        self._expected.add(result)
        result.rawlink(self._expected.discard)
        return result

    def wind_down(self) -> None:
        """The load is over: nothing new is begun. Called in gevent's thread."""
        self.over = True
        for call in self.at_end:
            call()

    def end(self) -> None:
        """The engine has ended, and nothing comes any more. The last thing that is posted."""
        self.wind_down()
        for result in list(self._expected):
            if not result.ready():
                result.set(None)
        self._watcher.stop()

    def _make_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()
