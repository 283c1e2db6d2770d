"""Keeps a consuming session alive across failures and reports its state."""

import asyncio
import logging
from collections.abc import Callable

from gauntlet.reference_server.bus.base import MessageHandler, StateCallback

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 1.0

log = logging.getLogger(__name__)


class Consumer:
    """The consuming half of a `base.Bus`: runs `_session` again after every failure, with back-off.

    A session connects, calls `on_connected` once it consumes, and runs until it raises one of
    `failures`. It releases its own resources.
    """

    def __init__(self, failures: tuple[type[Exception], ...]) -> None:
        self.connected = False
        self._failures = failures
        self._queue = ""
        self._handler: MessageHandler | None = None
        self._callbacks: list[StateCallback] = []
        self._attempted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_state(self, callback: StateCallback) -> None:
        self._callbacks.append(callback)

    async def consume(self, queue: str, handler: MessageHandler) -> None:
        self._queue, self._handler = queue, handler
        self._task = asyncio.create_task(self._run())
        await self._attempted.wait()

    async def stop(self) -> None:
        """End the session and wait until it has released its resources."""
        while self._task is not None and not self._task.done():
            # Repeatedly, because asyncio.wait_for, which the drivers use, may swallow a
            # cancellation (Python 3.11).
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)

    async def _session(self, on_connected: Callable[[], None]) -> None:
        raise NotImplementedError

    def _deliver(self, message: bytes) -> None:
        if self._handler is not None and message:
            self._handler(message)

    async def _run(self) -> None:
        backoff_s = BACKOFF_FIRST_S
        while True:
            try:
                await self._session(self._on_connected)
            except self._failures as error:
                # Logged once per outage, not for every attempt.
                if self.connected or not self._attempted.is_set():
                    log.warning("bus lost: %r", error)
            except Exception:  # a defect must not end the consumption for good
                log.exception("bus session failed")
            if self.connected:
                backoff_s = BACKOFF_FIRST_S
                self._set_connected(connected=False)
            self._attempted.set()
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    def _on_connected(self) -> None:
        self._set_connected(connected=True)
        self._attempted.set()

    def _set_connected(self, *, connected: bool) -> None:
        self.connected = connected
        for callback in self._callbacks:
            callback(connected)
