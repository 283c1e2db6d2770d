"""SQL is the truth: what the bus lost is found by polling heads and fetched by range reads."""

import asyncio
import logging
import time
from contextlib import suppress

from gauntlet.reference_server.bus.base import Bus
from gauntlet.reference_server.core.config import Settings
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import EdgeFanout, Local
from gauntlet.reference_server.edge.upstream import Upstream

LOOK_EVERY_S = 0.025
PAGE_MAX = 500  # more than this behind, clients read the rest from history themselves
READS_MAX = 8  # at a time: repairs must not crowd out what clients ask of the same service
RETRY_AFTER_S = 0.5
SLICES = 16  # an outbox has so many: after each, a repair lets sockets write
PATIENCE_S = 2.0  # one who has not read for so long would be closed for what comes next

log = logging.getLogger(__name__)


class Repair:
    """Two loops, run until cancelled: `poll_heads` finds what is missing, `mend` reads it."""

    def __init__(
        self, fanout: EdgeFanout, upstream: Upstream, bus: Bus, settings: Settings
    ) -> None:
        self.reads = 0
        self.readable = True  # whether heads came when they were asked for last
        self._fanout = fanout
        self._upstream = upstream
        self._bus = bus
        self._settings = settings
        self._watermark: int | None = None  # None: nobody is here to miss anything
        self._poll_now = asyncio.Event()
        self._reading: set[str] = set()
        self._slots = asyncio.Semaphore(READS_MAX)
        bus.on_state(lambda _: self._poll_now.set())

    def watch_from(self, watermark: int) -> None:
        """A socket's heads were read at this watermark: poll for changes after it."""
        self._watermark = min(watermark, watermark if self._watermark is None else self._watermark)

    def rest(self) -> None:
        """The last socket has gone; the next one brings its own watermark."""
        self._watermark = None

    async def poll_heads(self) -> None:
        """Ask for changed heads: at once when the bus is lost or back, else at its pace."""
        while True:
            own = self._settings
            pace_ms = own.heads_poll_ms if self._bus.connected else own.heads_poll_degraded_ms
            with suppress(TimeoutError):
                async with asyncio.timeout(pace_ms / 1000):
                    await self._poll_now.wait()
            self._poll_now.clear()
            try:
                await self._poll()
                self.readable = True
            except ApiError as error:
                self.readable = False
                log.warning("heads poll failed: %s", error)

    async def mend(self) -> None:
        """Read what has been missing for too long: one read per conversation at a time."""
        async with asyncio.TaskGroup() as reads:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                if self._fanout.doubtful and self.readable:
                    self._poll_now.set()
                for conv in self._fanout.overdue(time.monotonic()) - self._reading:
                    self._reading.add(conv)
                    reads.create_task(self._read(conv))

    async def _poll(self) -> None:
        if (since := self._watermark) is None:
            return
        changed = await self._upstream.changed(since)
        for conv, head in changed.heads.items():
            self._fanout.note_head(conv, head)
        for conv, members in changed.members.items():
            self._fanout.note_members(conv, members)
        if self._watermark == since:  # else a socket came meanwhile that may need an older one
            self._watermark = changed.watermark
        for user in tuple(self._fanout.doubtful):
            await self._resubscribe(user)

    async def _resubscribe(self, user: str) -> None:
        sockets = self._fanout.sockets_of(user)
        for socket in sockets:
            self._fanout.join(socket)
        known = (await self._upstream.heads(user)).heads if sockets else {}
        self._fanout.doubtful.discard(user)  # before: new doubts may come
        for socket in set(sockets) & set(self._fanout.sockets_of(user)):
            self._fanout.resubscribe(socket, known)

    async def _read(self, conv: str) -> None:
        async with self._slots:
            try:
                if conversation := self._fanout.find(conv):
                    await self._fill(conversation)
            except ApiError as error:
                log.warning("repair of %s failed: %s", conv, error)
                await asyncio.sleep(RETRY_AFTER_S)
            finally:
                self._reading.discard(conv)

    async def _fill(self, conversation: Local) -> None:
        after = conversation.next_seq - 1
        page = await self._upstream.entries(conversation.conv, after, PAGE_MAX)
        self.reads += 1
        await self._push(conversation, page.entries)
        is_current = conversation is self._fanout.find(conversation.conv)
        if is_current and conversation.next_seq <= page.head:
            self._fanout.skip_to(conversation, page.head + 1)

    async def _push(self, conversation: Local, entries: list[Entry]) -> None:
        """Push a page no faster than sockets write it: it may be larger than their outboxes."""
        until, pushed = time.monotonic() + PATIENCE_S, 0
        for entry in entries:
            self._fanout.hear((entry,))
            pushed += 256 + len(entry.body)  # about what its frame has
            if pushed * SLICES >= self._settings.outbox_bytes:
                pushed = 0
                await asyncio.sleep(0)
                sockets = conversation.sockets
                while time.monotonic() < until and any(one.is_congested for one in sockets):
                    await asyncio.sleep(LOOK_EVERY_S)
