"""Repair from SQL: polls heads to find what the bus lost, and fetches it by range reads."""

import asyncio
import logging
import time
from contextlib import suppress

from gauntlet.reference_server.bus.base import Bus
from gauntlet.reference_server.core.config import Settings
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.trail import Trail
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import LocalConversation, Subscriptions
from gauntlet.reference_server.edge.upstream import Upstream

CHECK_INTERVAL_S = 0.025
PAGE_MAX = 500  # a client that is further behind reads the rest from history itself
# Concurrent reads: repairs must not crowd out what clients request from the same service.
READS_MAX = 8
RETRY_AFTER_S = 0.5
# A repair pauses after each such fraction of an outbox, so that sockets can write.
SLICES_PER_OUTBOX = 16
# The longest that one page waits for congested sockets. A client that has not read for so long
# would be closed for what comes next anyway.
CONGESTION_WAIT_MAX_S = 2.0
_FRAME_OVERHEAD_BYTES = 256  # about what a pushed frame holds besides the body

log = logging.getLogger(__name__)


class Repair:
    """Two loops until cancelled: `poll_heads` finds what is missing, `repair_loop` reads it."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        upstream: Upstream,
        bus: Bus,
        settings: Settings,
        trail: Trail | None = None,
    ) -> None:
        self.reads = 0
        self.readable = True  # whether the last poll of the heads was answered
        self._subscriptions = subscriptions
        self._upstream = upstream
        self._bus = bus
        self._settings = settings
        self._trail = trail
        self._watermark: int | None = None  # None: no client is here that could miss anything
        self._poll_now = asyncio.Event()
        self._reading: set[str] = set()
        self._slots = asyncio.Semaphore(READS_MAX)
        bus.on_state(lambda _: self._poll_now.set())

    def set_watermark(self, watermark: int) -> None:
        """Poll for changes after the watermark at which a new socket's heads were read."""
        self._watermark = min(watermark, watermark if self._watermark is None else self._watermark)

    def idle(self) -> None:
        """Stop polling: the last socket has left, and the next one brings its own watermark."""
        self._watermark = None

    async def poll_heads(self) -> None:
        """Poll for changed heads: periodically, and whenever the bus is lost or back."""
        while True:
            settings = self._settings
            interval_ms = (
                settings.heads_poll_ms if self._bus.connected else settings.heads_poll_degraded_ms
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(interval_ms / 1000):
                    await self._poll_now.wait()
            self._poll_now.clear()
            try:
                await self._poll()
                self.readable = True
            except ApiError as error:
                self.readable = False
                log.warning("heads poll failed: %s", error)

    async def repair_loop(self) -> None:
        """Read what has been missing for too long, with one read per conversation at a time."""
        async with asyncio.TaskGroup() as reads:
            while True:
                await asyncio.sleep(CHECK_INTERVAL_S)
                if self._subscriptions.stale_users and self.readable:
                    self._poll_now.set()
                for conv in self._subscriptions.overdue(time.monotonic()) - self._reading:
                    self._reading.add(conv)
                    reads.create_task(self._read(conv))

    async def _poll(self) -> None:
        if (since := self._watermark) is None:
            return
        changed = await self._upstream.changed_heads(since)
        for conv, head in changed.heads.items():
            self._subscriptions.note_head(conv, head)
        for conv, members in changed.members.items():
            self._subscriptions.note_members(conv, members)
        # Otherwise a socket connected meanwhile, and may need an older watermark.
        if self._watermark == since:
            self._watermark = changed.watermark
        for user in tuple(self._subscriptions.stale_users):
            await self._resubscribe(user)

    async def _resubscribe(self, user: str) -> None:
        sockets = self._subscriptions.sockets_of(user)
        for socket in sockets:
            self._subscriptions.join(socket)
        heads = (await self._upstream.heads(user)).heads if sockets else {}
        # Before the user is subscribed again, which may find that the heads are too old.
        self._subscriptions.stale_users.discard(user)
        for socket in set(sockets) & set(self._subscriptions.sockets_of(user)):
            self._subscriptions.resubscribe(socket, heads)

    async def _read(self, conv: str) -> None:
        async with self._slots:
            try:
                if conversation := self._subscriptions.find(conv):
                    await self._fill(conversation)
            except ApiError as error:
                log.warning("repair of %s failed: %s", conv, error)
                await asyncio.sleep(RETRY_AFTER_S)
            finally:
                self._reading.discard(conv)

    async def _fill(self, conversation: LocalConversation) -> None:
        after = conversation.next_seq - 1
        page = await self._upstream.entries(conversation.conv, after, PAGE_MAX)
        self.reads += 1
        if self._trail is not None:
            self._trail.receive(page.entries)
        await self._push(conversation, page.entries)
        is_current = conversation is self._subscriptions.find(conversation.conv)
        if is_current and conversation.next_seq <= page.head:
            self._subscriptions.skip_to(conversation, page.head + 1)

    async def _push(self, conversation: LocalConversation, entries: list[Entry]) -> None:
        """Push a page no faster than sockets write it: it may be larger than their outboxes."""
        deadline_s, pushed_bytes = time.monotonic() + CONGESTION_WAIT_MAX_S, 0
        for entry in entries:
            self._subscriptions.on_batch((entry,))
            pushed_bytes += _FRAME_OVERHEAD_BYTES + len(entry.body)
            if pushed_bytes * SLICES_PER_OUTBOX >= self._settings.outbox_bytes:
                pushed_bytes = 0
                await asyncio.sleep(0)
                sockets = conversation.sockets
                while time.monotonic() < deadline_s and any(
                    socket.is_congested for socket in sockets
                ):
                    await asyncio.sleep(CHECK_INTERVAL_S)
