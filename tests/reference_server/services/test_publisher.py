"""From commits to bus messages, over engines that fail on demand."""

import asyncio

import pytest

from gauntlet.reference_server.bus.base import BusDown, Undeliverable
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.registry.base import RegistryDown
from gauntlet.reference_server.services import publisher
from gauntlet.reference_server.services.publisher import Fanout


class Registry:
    """Knows where users are, unless it is down."""

    def __init__(self, queues):
        self.known, self.is_down = queues, False

    async def queues(self, users):
        if self.is_down:
            raise RegistryDown
        return {user: self.known[user] for user in users if user in self.known}


class Bus:
    """Remembers what was published; `failure` is raised instead, `gate` holds everything up."""

    def __init__(self):
        self.sent, self.failure, self.gate = [], None, asyncio.Event()
        self.gate.set()

    async def publish(self, queue, data):
        await self.gate.wait()
        if self.failure:
            raise self.failure
        self.sent.append((queue, [entry.seq for entry in wire.decode_batch(data)]))

    async def publish_all(self, data):
        await self.publish("*", data)


@pytest.fixture
async def rig():
    """A running fan-out; Ann is on two edges, Bob on one, Eve nowhere."""
    registry = Registry({"ann": {"q1", "q2"}, "bob": {"q2"}})
    bus = Bus()
    one = Fanout(registry, bus, Metrics())
    one.start()
    yield one, registry, bus
    await one.close()


def commit(one, *seqs, conv="d.ann.bob", members=("ann", "bob")):
    """Offer entries of one conversation."""
    one.offer([Entry(conv, seq, "msg", 0) for seq in seqs], {conv: members})


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_one_message_per_edge_with_what_its_members_need(rig):
    """Entries of one commit share a bus message; an edge gets only its members' conversations."""
    one, _, bus = rig
    entries = [Entry("d.ann.eve", 7, "msg", 0), Entry("d.ann.bob", 1, "msg", 0)]
    one.offer(entries, {"d.ann.bob": ("bob",), "d.ann.eve": ("ann", "eve")})
    await settle(lambda: len(bus.sent) == 2)
    assert sorted(bus.sent) == [("q1", [7]), ("q2", [7, 1])]


async def test_commits_queued_behind_a_slow_bus_share_a_message_in_order(rig):
    """The slower the bus, the larger the batches; order is the commits'."""
    one, _, bus = rig
    bus.gate.clear()
    for seq in range(1, 6):
        commit(one, seq, members=("bob",))
        await asyncio.sleep(0)
    bus.gate.set()
    await settle(lambda: sum(len(seqs) for _, seqs in bus.sent) == 5)
    assert [seq for _, seqs in bus.sent for seq in seqs] == [1, 2, 3, 4, 5]
    assert len(bus.sent) < 5


async def test_with_the_registry_down_every_edge_is_told(rig):
    """Nobody knows who is where: one broadcast, and the edges filter."""
    one, registry, bus = rig
    registry.is_down = True
    commit(one, 1, 2)
    await settle(lambda: bus.sent)
    assert bus.sent == [("*", [1, 2])]
    assert one.counts["broadcast"] == 1


async def test_a_gone_edge_does_not_keep_others_from_theirs(rig):
    """A returned message is counted; its edge repairs by itself or is dead."""
    one, _, bus = rig
    bus.failure = Undeliverable("q2")
    commit(one, 1, members=("bob",))
    await settle(lambda: one.counts["returned"] == 1)
    bus.failure = None
    commit(one, 2, members=("bob",))
    await settle(lambda: bus.sent == [("q2", [2])])


async def test_a_bus_that_is_down_is_left_alone_for_a_moment(rig, monkeypatch):
    """Meanwhile entries are skipped and counted, so that the queue does not grow; then again."""
    monkeypatch.setattr(publisher, "PAUSE_AFTER_FAILURE_S", 0.05)
    one, _, bus = rig
    bus.failure = BusDown("no confirm")
    commit(one, 1, members=("bob",))
    await settle(lambda: one.counts["failed"] == 1)
    bus.failure = None
    commit(one, 2, members=("bob",))
    await settle(lambda: one.counts["skipped"] == 1)
    await asyncio.sleep(0.06)
    commit(one, 3, members=("bob",))
    await settle(lambda: bus.sent == [("q2", [3])])


async def test_a_full_queue_skips_instead_of_waiting(rig, monkeypatch):
    """Senders never wait for the bus: the heads poll finds what was skipped."""
    one, _, bus = rig
    bus.gate.clear()
    one._queue = asyncio.Queue(2)
    for seq in range(1, 9):
        commit(one, seq)
    assert one.counts["offered"] == 8
    assert one.counts["skipped"] == 6
    assert one.queued == 2
