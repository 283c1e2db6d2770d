"""Repair: what the bus lost is found, and read once."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from types import SimpleNamespace

import pytest

from gauntlet.reference_server.core.config import Settings
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import Entry, EntryPage
from gauntlet.reference_server.edge import repair as edge_repair
from gauntlet.reference_server.edge.repair import Repair
from gauntlet.reference_server.edge.subscriptions import Subscriptions

pytestmark = pytest.mark.sources


class Upstream:
    """SQL with `log` as one room's entries; counts the requests; may be down."""

    def __init__(self):
        self.log, self.requests, self.is_down = [], Counter(), False
        self.since, self.watermark = [], 0

    async def changed_heads(self, since):
        self._count("changed")
        self.since.append(since)
        return HeadsPage({"r.x": len(self.log)}, self.watermark)

    async def entries(self, conv, after, limit):
        self._count("entries")
        await asyncio.sleep(0.01)
        return EntryPage(self.log[after : after + limit], len(self.log))

    async def heads(self, user):
        self._count("heads")
        return HeadsPage({"r.x": len(self.log)}, self.watermark)

    def _count(self, what):
        self.requests[what] += 1
        if self.is_down:
            raise ApiError("unavailable", "down")


class Socket:
    """A subscribed socket that records pushes and gaps."""

    user = "ann"

    def __init__(self):
        self.received = []
        self.core = SimpleNamespace(begin=lambda *_: None, conversations=["r.x"])

    def push(self, conv, seq, frame):
        self.received.append(seq)

    def skip_to(self, conv, seq):
        self.received.append(f"<{seq}")


@pytest.fixture
async def rig(monkeypatch):
    """A running repair of an edge with one subscribed socket; the poll comes every 20 ms."""
    monkeypatch.setattr(edge_repair, "RETRY_AFTER_S", 0.02)
    upstream, subscriptions, socket = Upstream(), Subscriptions(Metrics()), Socket()
    callbacks = []
    bus = SimpleNamespace(connected=True, on_state=callbacks.append)
    settings = Settings(heads_poll_ms=20, heads_poll_degraded_ms=20)
    repair = Repair(subscriptions, upstream, bus, settings)
    subscriptions.join(socket)
    subscriptions.subscribe(socket, {"r.x": 0})
    socket.received.clear()
    tasks = [asyncio.create_task(job) for job in (repair.poll_heads(), repair.repair_loop())]
    yield SimpleNamespace(
        repair=repair, upstream=upstream, socket=socket, subscriptions=subscriptions
    )
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def entries(count):
    """Return the first entries of the room."""
    return [Entry("r.x", seq, "msg", 0) for seq in range(1, count + 1)]


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_lost_last_messages_are_found_by_the_poll_and_read_once(rig):
    """No bus message arrived at all; a single range read returns everything."""
    rig.upstream.log = entries(5)
    rig.repair.set_watermark(0)
    await settle(lambda: rig.socket.received == [1, 2, 3, 4, 5])
    await asyncio.sleep(0.06)
    assert rig.upstream.requests["entries"] == rig.repair.reads == 1


async def test_a_hole_is_read_without_a_poll(rig):
    """The next entry from the bus reveals the hole."""
    rig.upstream.log = entries(3)
    rig.subscriptions.on_batch(entries(3)[2:])
    await settle(lambda: rig.socket.received == [1, 2, 3])
    assert rig.upstream.requests["changed"] == 0, "no client is polled for yet"


async def test_entries_beyond_one_page_are_announced_as_a_gap(rig, monkeypatch):
    """Clients read them from history. Pushes continue once the heads confirm the membership."""
    monkeypatch.setattr(edge_repair, "PAGE_MAX", 2)
    rig.upstream.log = entries(5)
    rig.repair.set_watermark(0)
    rig.subscriptions.note_head("r.x", 5)
    await settle(lambda: rig.socket.received[:3] == [1, 2, "<6"])
    await settle(lambda: rig.upstream.requests["heads"] == 1 and not rig.subscriptions.stale_users)
    rig.subscriptions.on_batch([Entry("r.x", 6, "msg", 0)])
    assert rig.socket.received[-1] == 6


class Outbox(Socket):
    """A socket whose client reads shortly after a push, or never; records the most unsent bytes."""

    def __init__(self, *, reads):
        super().__init__()
        self.unsent = self.most_unsent = 0
        self.reads = reads

    @property
    def is_congested(self):
        return 2 * self.unsent > OUTBOX_BYTES

    def push(self, conv, seq, frame):
        super().push(conv, seq, frame)
        self.unsent += len(frame)
        self.most_unsent = max(self.unsent, self.most_unsent)
        if self.reads:
            asyncio.get_running_loop().call_later(0.005, self._read, len(frame))

    def _read(self, size):
        self.unsent -= size


OUTBOX_BYTES = 65_536


def subscribe_far_behind(rig, socket):
    """Subscribe a socket that is behind by far more than its outbox holds."""
    rig.repair._settings = Settings(outbox_bytes=OUTBOX_BYTES)
    rig.subscriptions.leave(rig.socket)
    rig.subscriptions.join(socket)
    rig.subscriptions.subscribe(socket, {"r.x": 0})
    rig.upstream.log = [Entry("r.x", seq, "msg", 0, body="x" * 4096) for seq in range(1, 101)]
    rig.subscriptions.note_head("r.x", 100)


async def test_a_client_that_reads_is_never_pushed_more_than_its_outbox_holds(rig):
    """A page is larger than the outbox: the socket writes while the page is pushed, in order."""
    socket = Outbox(reads=True)
    subscribe_far_behind(rig, socket)
    await settle(lambda: socket.received[-1:] == [100])
    assert socket.received == ["<1", *range(1, 101)]
    assert socket.most_unsent < OUTBOX_BYTES
    assert rig.repair.reads == 1


async def test_a_repair_waits_for_a_slow_consumer_only_for_a_limited_time(rig, monkeypatch):
    """Then the rest is pushed immediately, which is more than the client may leave unread."""
    passed_s = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed_s)
    monkeypatch.setattr(edge_repair, "time", clock)
    monkeypatch.setattr(edge_repair, "CONGESTION_WAIT_MAX_S", 100.0)
    socket = Outbox(reads=False)
    subscribe_far_behind(rig, socket)
    await settle(lambda: socket.is_congested)
    await asyncio.sleep(0.05)
    assert 0 < socket.most_unsent < OUTBOX_BYTES
    passed_s = 100.0
    await settle(lambda: socket.received[-1:] == [100])
    assert socket.most_unsent > OUTBOX_BYTES


async def test_a_client_that_joins_during_the_repair_for_clients_that_left_misses_nothing(
    rig, monkeypatch
):
    """The conversation that the repair fills is not the one that was opened since."""
    monkeypatch.setattr(edge_repair, "PAGE_MAX", 50)
    monkeypatch.setattr(edge_repair, "CONGESTION_WAIT_MAX_S", 0.1)
    socket, ann, bob = Outbox(reads=False), Outbox(reads=True), Outbox(reads=True)
    subscribe_far_behind(rig, socket)
    rig.subscriptions.on_batch([Entry("r.x", 101, "room", 0, event="added", user="ann")])
    await settle(lambda: socket.is_congested)
    rig.subscriptions.leave(socket)
    bob.user = "bob"
    for other in (ann, bob):
        rig.subscriptions.join(other)
        rig.subscriptions.subscribe(other, {"r.x": 101})
    await settle(lambda: not rig.repair._reading)
    rig.subscriptions.on_batch([Entry("r.x", 102, "msg", 0)])
    assert (ann.received[-1], bob.received[-1]) == (102, 102)


async def test_a_stale_user_does_not_wait_for_the_next_periodic_poll(rig):
    """Until the heads are read the user may be pushed nothing, so it must take milliseconds."""
    rig.repair.set_watermark(0)
    rig.repair._settings = Settings(heads_poll_ms=60_000, heads_poll_degraded_ms=60_000)
    await settle(lambda: rig.upstream.requests["changed"])
    rig.subscriptions.stale_users.add("ann")
    await settle(lambda: rig.upstream.requests["heads"] and not rig.subscriptions.stale_users)


async def test_pushes_to_a_user_just_added_do_not_wait_for_the_next_periodic_poll(rig):
    """Ann connected, with heads that include Bob's addition, before the bus delivered it."""
    rig.repair.set_watermark(0)
    rig.repair._settings = Settings(heads_poll_ms=60_000, heads_poll_degraded_ms=60_000)
    await settle(lambda: rig.upstream.requests["changed"])
    rig.subscriptions.leave(rig.socket)
    ann, bob = Socket(), Socket()
    bob.user, bob.core.conversations = "bob", []
    for socket, heads in ((bob, {}), (ann, {"r.x": 2})):
        rig.subscriptions.join(socket)
        rig.subscriptions.subscribe(socket, heads)
    rig.upstream.log = entries(2)
    rig.subscriptions.on_batch([Entry("r.x", 2, "room", 0, event="added", user="bob")])
    # The range that ends with the addition is announced to Bob, who reads it from history.
    await settle(lambda: set(bob.received) == {"<3"})
    rig.subscriptions.on_batch([Entry("r.x", 3, "msg", 0)])
    assert (ann.received[-1], bob.received[-1]) == (3, 3)


async def test_a_failed_read_is_retried(rig):
    rig.upstream.log, rig.upstream.is_down = entries(2), True
    rig.subscriptions.note_head("r.x", 2)
    await settle(lambda: rig.upstream.requests["entries"] >= 2)
    rig.upstream.is_down = False
    await settle(lambda: rig.socket.received == [1, 2])


async def test_polls_continue_from_the_last_watermark_and_stop_without_sockets(rig):
    rig.upstream.watermark = 9
    rig.repair.set_watermark(3)
    await settle(lambda: 9 in rig.upstream.since)
    assert rig.upstream.since[0] == 3
    rig.repair.set_watermark(5)
    await settle(lambda: 5 in rig.upstream.since)
    rig.repair.idle()
    await asyncio.sleep(0.03)
    polls = rig.upstream.requests["changed"]
    await asyncio.sleep(0.06)
    assert rig.upstream.requests["changed"] == polls
