"""Keeps one consuming session alive over every failure, and tells who asks how it stands."""

import asyncio
import logging
from collections.abc import Callable

from gauntlet.reference_server.bus.base import Consumer, StateCallback

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 1.0

log = logging.getLogger(__name__)


class Listening:
    """The consuming half of a `base.Bus`: runs `_session(up)` again and again with backoff.

    A session connects, calls `up()` once it hears, and then listens until it fails by raising one
    of `failures`; it cleans up after itself.
    """

    def __init__(self, failures: tuple[type[Exception], ...]) -> None:
        self.connected = False
        self._failures = failures
        self._queue = ""
        self._consumer: Consumer | None = None
        self._callbacks: list[StateCallback] = []
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_state(self, callback: StateCallback) -> None:
        self._callbacks.append(callback)

    async def consume(self, queue: str, consumer: Consumer) -> None:
        self._queue, self._consumer = queue, consumer
        self._task = asyncio.create_task(self._run())
        await self._tried.wait()

    async def stop(self) -> None:
        """End the session and wait for its cleaning up."""
        while self._task is not None and not self._task.done():
            # Again and again: asyncio.wait_for, which drivers use, may swallow one (Python 3.11).
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)

    async def _session(self, up: Callable[[], None]) -> None:
        raise NotImplementedError

    def _heard(self, message: bytes) -> None:
        if self._consumer is not None and message:
            self._consumer(message)

    async def _run(self) -> None:
        backoff_s = BACKOFF_FIRST_S
        while True:
            try:
                await self._session(self._up)
            except self._failures as error:
                if self.connected or not self._tried.is_set():  # once, not for every try
                    log.warning("bus lost: %r", error)
            except Exception:  # a bug must not leave an edge deaf for good
                log.exception("bus session failed")
            if self.connected:
                backoff_s = BACKOFF_FIRST_S
                self._tell(connected=False)
            self._tried.set()
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    def _up(self) -> None:
        self._tell(connected=True)
        self._tried.set()

    def _tell(self, *, connected: bool) -> None:
        self.connected = connected
        for callback in self._callbacks:
            callback(connected)
