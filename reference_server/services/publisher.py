"""Publishes committed entries to the edges, in the background and within bounds.

The bus is a hint and SQL is the truth: the edges' heads poll finds whatever is skipped or lost
here. Publishing therefore never delays a sender, and nothing is retried.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

from gauntlet.reference_server.bus.base import Bus, BusDown, Undeliverable
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.trail import EVERY_EDGE, Trail
from gauntlet.reference_server.registry.base import Registry, RegistryDown

QUEUE_MAX = 1000  # commits
BATCH_MAX = 512  # entries per registry look-up
PAUSE_AFTER_FAILURE_S = 0.3  # so that a bus that is down is not tried for every batch

Members = Mapping[str, Sequence[str]]

log = logging.getLogger(__name__)


class Fanout:
    """Publishes committed entries, one bus message per edge and batch, in the order offered."""

    def __init__(
        self, registry: Registry, bus: Bus, metrics: Metrics, trail: Trail | None = None
    ) -> None:
        # Counts of entries: offered, skipped (the queue was full, or the bus was down). Counts of
        # bus messages: published, of these broadcast (to every edge), returned (the edge was gone),
        # failed (not confirmed).
        self.counts: Counter[str] = Counter()
        self._metrics = metrics
        self._trail = trail
        self._is_bus_up = True
        self._registry = registry
        self._bus = bus
        self._queue: asyncio.Queue[tuple[list[wire.Entry], Members]] = asyncio.Queue(QUEUE_MAX)
        self._paused_until = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start publishing, on the running loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; the edges' heads poll finds what is still queued."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def offer(self, entries: list[wire.Entry], members: Members) -> None:
        """Publish entries just committed. Never blocks; skips them when the queue is full.

        `members` holds, per conversation, all users who must see the entries, including a member
        who was just removed.
        """
        self.counts["offered"] += len(entries)
        try:
            self._queue.put_nowait((entries, members))
        except asyncio.QueueFull:
            self.counts["skipped"] += len(entries)

    @property
    def queued(self) -> int:
        """The number of commits that wait to be published."""
        return self._queue.qsize()

    async def _run(self) -> None:
        while True:
            entries, members = await self._next_batch()
            if time.monotonic() < self._paused_until:
                self.counts["skipped"] += len(entries)
                continue
            began = time.monotonic()
            try:
                await self._publish(entries, members)
                self._metrics.observe("publish_ms", 1000 * (time.monotonic() - began))
            except Exception:  # a defect in one batch must not end the fan-out
                log.exception("fan-out failed")
                self.counts["skipped"] += len(entries)

    async def _next_batch(self) -> tuple[list[wire.Entry], dict[str, set[str]]]:
        """Wait for the next commit; return its entries with those of the commits behind it."""
        batch: list[wire.Entry] = []
        members: defaultdict[str, set[str]] = defaultdict(set)
        entries, audience = await self._queue.get()
        while True:
            batch += entries
            for conv, users in audience.items():
                members[conv].update(users)
            if len(batch) >= BATCH_MAX or self._queue.empty():
                return batch, members
            entries, audience = self._queue.get_nowait()

    async def _publish(self, entries: list[wire.Entry], members: dict[str, set[str]]) -> None:
        users = {user for entry in entries for user in members.get(entry.conv, ())}
        try:
            queues_of = await self._registry.queues(users)
        except RegistryDown:
            await self._broadcast(entries)
            return
        per_queue: defaultdict[str, list[wire.Entry]] = defaultdict(list)
        for entry in entries:
            queues: set[str] = set()
            for user in members.get(entry.conv, ()):
                queues.update(queues_of.get(user, ()))
            for queue in queues:
                per_queue[queue].append(entry)
        await asyncio.gather(*[self._send(queue, batch) for queue, batch in per_queue.items()])

    async def _send(self, queue: str, entries: list[wire.Entry]) -> None:
        try:
            await self._bus.publish(queue, wire.encode_batch(entries))
            self._record_success()
            if self._trail is not None:
                self._trail.publish(queue.split(".")[1], entries)  # edges.NAME.EPOCH
        except Undeliverable:
            # The edge died, or it has reconnected with a new queue and repairs from SQL.
            self.counts["returned"] += 1
        except BusDown as error:
            self._record_failure(error)

    async def _broadcast(self, entries: list[wire.Entry]) -> None:
        try:
            await self._bus.publish_all(wire.encode_batch(entries))
            self._record_success()
            self.counts["broadcast"] += 1
            if self._trail is not None:
                self._trail.publish(EVERY_EDGE, entries)
        except BusDown as error:
            self._record_failure(error)

    async def probe(self) -> None:
        """BusDown if the last publish failed."""
        if not self._is_bus_up:
            raise BusDown("the last message was not confirmed")

    def _record_success(self) -> None:
        self.counts["published"] += 1
        if not self._is_bus_up:
            log.warning("bus is back")
        self._is_bus_up = True

    def _record_failure(self, error: BusDown) -> None:
        if self._is_bus_up:
            log.warning("bus down: %s", error)
        self._is_bus_up = False
        self.counts["failed"] += 1
        self._paused_until = time.monotonic() + PAUSE_AFTER_FAILURE_S
