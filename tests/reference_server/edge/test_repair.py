"""Finding what the bus lost, and reading it once."""

import asyncio
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


class Upstream:
    """SQL with `log` in one room; counts what it is asked; may be down."""

    def __init__(self):
        self.log, self.asked, self.is_down = [], Counter(), False
        self.since, self.watermark = [], 0

    async def changed_heads(self, since):
        self._ask("changed")
        self.since.append(since)
        return HeadsPage({"r.x": len(self.log)}, self.watermark)

    async def entries(self, conv, after, limit):
        self._ask("entries")
        await asyncio.sleep(0.01)
        return EntryPage(self.log[after : after + limit], len(self.log))

    async def heads(self, user):
        self._ask("heads")
        return HeadsPage({"r.x": len(self.log)}, self.watermark)

    def _ask(self, what):
        self.asked[what] += 1
        if self.is_down:
            raise ApiError("unavailable", "down")


class Socket:
    """A subscribed socket: remembers pushes and gaps."""

    user = "ann"

    def __init__(self):
        self.told = []
        self.core = SimpleNamespace(begin=lambda *_: None, conversations=["r.x"])

    def push(self, conv, seq, frame):
        self.told.append(seq)

    def skip_to(self, conv, seq):
        self.told.append(f"<{seq}")


@pytest.fixture
async def rig(monkeypatch):
    """A running repair of an edge with one subscribed socket; the poll comes every 20 ms."""
    monkeypatch.setattr(edge_repair, "RETRY_AFTER_S", 0.02)
    upstream, fanout, socket = Upstream(), Subscriptions(Metrics()), Socket()
    callbacks = []
    bus = SimpleNamespace(connected=True, on_state=callbacks.append)
    settings = Settings(heads_poll_ms=20, heads_poll_degraded_ms=20)
    repair = Repair(fanout, upstream, bus, settings)
    fanout.join(socket)
    fanout.subscribe(socket, {"r.x": 0})
    socket.told.clear()
    tasks = [asyncio.create_task(job) for job in (repair.poll_heads(), repair.repair_loop())]
    yield SimpleNamespace(repair=repair, upstream=upstream, socket=socket, fanout=fanout)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def entries(count):
    """The first entries of the room."""
    return [Entry("r.x", seq, "msg", 0) for seq in range(1, count + 1)]


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_lost_tails_are_found_by_the_poll_and_read_once(rig):
    """No bus message came at all; one range read brings everything."""
    rig.upstream.log = entries(5)
    rig.repair.set_watermark(0)
    await settle(lambda: rig.socket.told == [1, 2, 3, 4, 5])
    await asyncio.sleep(0.06)
    assert rig.upstream.asked["entries"] == rig.repair.reads == 1


async def test_a_hole_is_read_without_any_poll(rig):
    """What follows on the bus shows the hole."""
    rig.upstream.log = entries(3)
    rig.fanout.on_batch(entries(3)[2:])
    await settle(lambda: rig.socket.told == [1, 2, 3])
    assert rig.upstream.asked["changed"] == 0, "nobody watches yet"


async def test_what_is_more_than_a_page_behind_is_announced_as_a_gap(rig, monkeypatch):
    """Clients read far history themselves; pushes go on as soon as heads say who is a member."""
    monkeypatch.setattr(edge_repair, "PAGE_MAX", 2)
    rig.upstream.log = entries(5)
    rig.repair.set_watermark(0)
    rig.fanout.note_head("r.x", 5)
    await settle(lambda: rig.socket.told[:3] == [1, 2, "<6"])
    await settle(lambda: rig.upstream.asked["heads"] == 1 and not rig.fanout.stale_users)
    rig.fanout.on_batch([Entry("r.x", 6, "msg", 0)])
    assert rig.socket.told[-1] == 6


class Outbox(Socket):
    """A socket whose client reads between turns of the loop, or never; notes the most unsent."""

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


def behind(rig, socket):
    """Let a socket be behind by far more than its outbox holds."""
    rig.repair._settings = Settings(outbox_bytes=OUTBOX_BYTES)
    rig.fanout.leave(rig.socket)
    rig.fanout.join(socket)
    rig.fanout.subscribe(socket, {"r.x": 0})
    rig.upstream.log = [Entry("r.x", seq, "msg", 0, body="x" * 4096) for seq in range(1, 101)]
    rig.fanout.note_head("r.x", 100)


async def test_who_reads_is_pushed_no_more_than_his_outbox_holds(rig):
    """A page is larger than that: sockets write while it is pushed, in its order."""
    socket = Outbox(reads=True)
    behind(rig, socket)
    await settle(lambda: socket.told[-1:] == [100])
    assert socket.told == ["<1", *range(1, 101)]
    assert socket.most_unsent < OUTBOX_BYTES
    assert rig.repair.reads == 1


async def test_a_slow_consumer_holds_up_the_others_for_so_long(rig, monkeypatch):
    """Then he gets it all at once, which is more than he may leave unread."""
    monkeypatch.setattr(edge_repair, "CONGESTION_WAIT_MAX_S", 0.1)
    socket = Outbox(reads=False)
    behind(rig, socket)
    await asyncio.sleep(0.1)
    assert 0 < socket.most_unsent < OUTBOX_BYTES
    await settle(lambda: socket.told[-1:] == [100])
    assert socket.most_unsent > OUTBOX_BYTES


async def test_who_comes_during_the_repair_of_those_who_left_misses_nothing(rig, monkeypatch):
    """What they left behind is not taken for the conversation that began since."""
    monkeypatch.setattr(edge_repair, "PAGE_MAX", 50)
    monkeypatch.setattr(edge_repair, "CONGESTION_WAIT_MAX_S", 0.1)
    socket, ann, bob = Outbox(reads=False), Outbox(reads=True), Outbox(reads=True)
    behind(rig, socket)
    rig.fanout.on_batch([Entry("r.x", 101, "room", 0, event="added", user="ann")])
    await settle(lambda: socket.is_congested)
    rig.fanout.leave(socket)
    bob.user = "bob"
    for other in (ann, bob):
        rig.fanout.join(other)
        rig.fanout.subscribe(other, {"r.x": 101})
    await settle(lambda: not rig.repair._reading)
    rig.fanout.on_batch([Entry("r.x", 102, "msg", 0)])
    assert (ann.told[-1], bob.told[-1]) == (102, 102)


async def test_who_is_doubtful_does_not_wait_for_the_next_poll(rig):
    """Until his heads are read he may be pushed nothing: that is a matter of milliseconds."""
    rig.repair.set_watermark(0)
    rig.repair._settings = Settings(heads_poll_ms=60_000, heads_poll_degraded_ms=60_000)
    await settle(lambda: rig.upstream.asked["changed"])
    rig.fanout.stale_users.add("ann")
    await settle(lambda: rig.upstream.asked["heads"] and not rig.fanout.stale_users)


async def test_a_failed_read_is_tried_again(rig):
    """The message service may be down just now."""
    rig.upstream.log, rig.upstream.is_down = entries(2), True
    rig.fanout.note_head("r.x", 2)
    await settle(lambda: rig.upstream.asked["entries"] >= 2)
    rig.upstream.is_down = False
    await settle(lambda: rig.socket.told == [1, 2])


async def test_polls_go_on_from_the_last_watermark_and_rest_without_sockets(rig):
    """No poll asks for all there ever was, and an idle edge asks nothing."""
    rig.upstream.watermark = 9
    rig.repair.set_watermark(3)
    await settle(lambda: 9 in rig.upstream.since)
    assert rig.upstream.since[0] == 3
    rig.repair.set_watermark(5)
    await settle(lambda: 5 in rig.upstream.since)
    rig.repair.idle()
    await asyncio.sleep(0.03)
    asked = rig.upstream.asked["changed"]
    await asyncio.sleep(0.06)
    assert rig.upstream.asked["changed"] == asked
