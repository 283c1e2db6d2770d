"""Tells the room service what connections do; what it cannot tell now it tells later."""

import asyncio
import logging
from collections import deque

from gauntlet.reference_server.core.errors import TEMPORARY, ApiError
from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.edge.upstream import Upstream

QUEUE_MAX = 10_000  # then the oldest are forgotten: leases that ran out tell the same
BATCH_MAX = 500
RETRY_AFTER_S = 0.5

log = logging.getLogger(__name__)


class Attendance:
    """A bounded queue of events and the task that empties it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._queue: deque[PresenceEvent] = deque(maxlen=QUEUE_MAX)
        self._wanted = asyncio.Event()

    def tell(self, event: PresenceEvent) -> None:
        """Queue an event; events of one user arrive in order."""
        self._queue.append(event)
        self._wanted.set()

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.flush()
            except ApiError as error:
                log.warning("attendance waits: %s", error)
                await asyncio.sleep(RETRY_AFTER_S)
                self._wanted.set()

    async def flush(self) -> None:
        """Send all that is queued now. A temporary ApiError leaves the rest queued."""
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
            try:
                await self._upstream.attendance(batch)
            except (ApiError, asyncio.CancelledError) as error:
                if isinstance(error, ApiError) and error.code not in TEMPORARY:
                    log.warning("%d attendance events refused: %s", len(batch), error)
                    continue
                room = QUEUE_MAX - len(self._queue)
                self._queue.extendleft(reversed(batch[max(0, len(batch) - room) :]))
                raise
