"""Reports what connections do to the room service, and retries while that service is down."""

import asyncio
import logging
from collections import deque

from gauntlet.reference_server.core.errors import TEMPORARY, ApiError
from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.edge.upstream import Upstream

# Beyond this the oldest events are dropped: the expiry of leases brings the same about.
QUEUE_MAX = 10_000
BATCH_MAX = 500
RETRY_AFTER_S = 0.5

log = logging.getLogger(__name__)


class PresenceReporter:
    """A bounded queue of events, and the task that empties it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._queue: deque[PresenceEvent] = deque(maxlen=QUEUE_MAX)
        self._has_events = asyncio.Event()

    def report(self, event: PresenceEvent) -> None:
        """Queue an event; the events of one user arrive in order."""
        self._queue.append(event)
        self._has_events.set()

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        while True:
            await self._has_events.wait()
            self._has_events.clear()
            try:
                await self.flush()
            except ApiError as error:
                log.warning("presence events wait for the room service: %s", error)
                await asyncio.sleep(RETRY_AFTER_S)
                self._has_events.set()

    async def flush(self) -> None:
        """Send everything that is queued. A temporary ApiError leaves the rest queued."""
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
            try:
                await self._upstream.report_presence(batch)
            except (ApiError, asyncio.CancelledError) as error:
                if isinstance(error, ApiError) and error.code not in TEMPORARY:
                    log.warning(
                        "the room service rejected %d presence events: %s", len(batch), error
                    )
                    continue
                free = QUEUE_MAX - len(self._queue)
                self._queue.extendleft(reversed(batch[max(0, len(batch) - free) :]))
                raise
