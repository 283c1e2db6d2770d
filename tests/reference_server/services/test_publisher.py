"""From commits to bus messages, with a registry and a bus that fail on demand."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from gauntlet.reference_server.bus.base import BusDown, Undeliverable
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.trail import Trail
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.registry.base import RegistryDown
from gauntlet.reference_server.services import publisher
from gauntlet.reference_server.services.publisher import Fanout


class FakeRegistry:
    """Knows where users are, unless it is down."""

    def __init__(self, queues):
        self.known, self.is_down = queues, False

    async def queues(self, users):
        if self.is_down:
            raise RegistryDown
        return {user: self.known[user] for user in users if user in self.known}


class FakeBus:
    """Records what is published; raises `failure` if it is set; `gate` holds back publishing."""

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
async def running_fanout():
    """A running fan-out; Ann is on two edges, Bob is on fanout, Eve is offline."""
    registry = FakeRegistry({"ann": {"q1", "q2"}, "bob": {"q2"}})
    bus = FakeBus()
    fanout = Fanout(registry, bus, Metrics())
    fanout.start()
    yield fanout, registry, bus
    await fanout.close()


def commit(fanout, *seqs, conv="d.ann.bob", members=("ann", "bob")):
    """Offer entries of one conversation."""
    fanout.offer([Entry(conv, seq, "msg", 0) for seq in seqs], {conv: members})


async def wait_until(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


async def test_each_edge_gets_one_bus_message_with_its_members_conversations(running_fanout):
    fanout, _, bus = running_fanout
    entries = [Entry("d.ann.eve", 7, "msg", 0), Entry("d.ann.bob", 1, "msg", 0)]
    fanout.offer(entries, {"d.ann.bob": ("bob",), "d.ann.eve": ("ann", "eve")})
    await wait_until(lambda: len(bus.sent) == 2)
    assert sorted(bus.sent) == [("q1", [7]), ("q2", [7, 1])]


async def test_queued_commits_share_a_bus_message_in_order(running_fanout):
    fanout, _, bus = running_fanout
    bus.gate.clear()
    for seq in range(1, 6):
        commit(fanout, seq, members=("bob",))
        await asyncio.sleep(0)
    bus.gate.set()
    await wait_until(lambda: sum(len(seqs) for _, seqs in bus.sent) == 5)
    assert [seq for _, seqs in bus.sent for seq in seqs] == [1, 2, 3, 4, 5]
    assert len(bus.sent) < 5


async def test_entries_are_broadcast_while_the_registry_is_down(running_fanout):
    fanout, registry, bus = running_fanout
    registry.is_down = True
    commit(fanout, 1, 2)
    await wait_until(lambda: bus.sent)
    assert bus.sent == [("*", [1, 2])]
    assert fanout.counts["broadcast"] == 1


async def test_a_missing_edge_does_not_affect_later_messages(running_fanout):
    fanout, _, bus = running_fanout
    bus.failure = Undeliverable("q2")
    commit(fanout, 1, members=("bob",))
    await wait_until(lambda: fanout.counts["returned"] == 1)
    bus.failure = None
    commit(fanout, 2, members=("bob",))
    await wait_until(lambda: bus.sent == [("q2", [2])])


@pytest.mark.sources  # it replaces the clock of the module
async def test_entries_are_skipped_for_a_moment_after_the_bus_failed(running_fanout, monkeypatch):
    """So that the queue does not grow; then publishing continues."""
    passed_s = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed_s)
    monkeypatch.setattr(publisher, "time", clock)
    monkeypatch.setattr(publisher, "PAUSE_AFTER_FAILURE_S", 100.0)
    fanout, _, bus = running_fanout
    bus.failure = BusDown("no confirm")
    commit(fanout, 1, members=("bob",))
    await wait_until(lambda: fanout.counts["failed"] == 1)
    bus.failure = None
    commit(fanout, 2, members=("bob",))
    await wait_until(lambda: fanout.counts["skipped"] == 1)
    passed_s = 100.0
    commit(fanout, 3, members=("bob",))
    await wait_until(lambda: bus.sent == [("q2", [3])])


async def test_a_full_queue_skips_entries_without_waiting(running_fanout, monkeypatch):
    fanout, _, bus = running_fanout
    bus.gate.clear()
    fanout._queue = asyncio.Queue(2)
    for seq in range(1, 9):
        commit(fanout, seq)
    assert fanout.counts["offered"] == 8
    assert fanout.counts["skipped"] == 6
    assert fanout.queued == 2


async def test_the_trail_has_what_the_bus_confirmed_for_each_edge():
    registry = FakeRegistry({"ann": {"edges.edge-blue-1.5"}, "bob": {"edges.edge-blue-2.6"}})
    bus = FakeBus()
    trail = Trail(Config(name="m", services=("message",), port=1, secret="s", internal_token="i"))

    def published():
        rows = [row for row in trail.rows() if row["row"] == "published"]
        return [(row["edge"], row["seqs"]) for row in rows]

    fanout = Fanout(registry, bus, Metrics(), trail)
    fanout.start()
    commit(fanout, 1)
    await wait_until(lambda: len(published()) == 2)
    bus.failure = BusDown("down")
    commit(fanout, 2)
    await wait_until(lambda: fanout.counts["failed"])
    await fanout.close()
    assert published() == [("edge-blue-1", [[1, 1]]), ("edge-blue-2", [[1, 1]])]
