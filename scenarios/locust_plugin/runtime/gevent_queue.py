"""A queue of calls from the engine's thread to the thread that runs gevent.

The two threads share no lock. Appending to a deque is atomic, and `send` of libev's async watcher
is the one gevent operation that another thread may call.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult


class GeventQueue:
    """Calls that gevent's hub makes in the order in which they were posted.

    Create it in gevent's thread; the engine's thread calls `post`. The posted calls run inside the
    hub and must therefore not block. `closing` is true from the end of the load on; callbacks in
    `on_closing` are called when that happens.
    """

    def __init__(self) -> None:
        self.closing = False
        self.on_closing: list[Callable[[], None]] = []
        self._calls: deque[Callable[[], None]] = deque()
        self._pending_results: set[Any] = set()
        self._watcher = gevent.get_hub().loop.async_(ref=False)
        self._watcher.start(self._make_calls)

    def post(self, call: Callable[[], None]) -> None:
        """Have gevent's hub make a call soon. Safe to use from any thread."""
        self._calls.append(call)
        self._watcher.send()

    def new_result(self) -> Any:
        """Return an AsyncResult that cannot block forever: `close` sets an unset one to None."""
        result = AsyncResult()
        self._pending_results.add(result)
        result.rawlink(self._pending_results.discard)
        return result

    def begin_closing(self) -> None:
        """Accept no new work, because the load is finished. Call it in gevent's thread."""
        self.closing = True
        for callback in self.on_closing:
            callback()

    def close(self) -> None:
        """Release every waiting result after the engine has ended; must be the last posted call."""
        self.begin_closing()
        for result in list(self._pending_results):
            if not result.ready():
                result.set(None)
        self._watcher.stop()

    def _make_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()
