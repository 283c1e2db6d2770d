"""One connection: nothing lost, nothing reordered, whatever happens to its toxics."""

import socket
import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gauntlet.chaos.proxy.proxied_connection import Direction, End, Link
from gauntlet.chaos.proxy.toxic import Toxic


class FakeSocket:
    """A transport that records, and minds the rules of transports."""

    def __init__(self):
        self.written = b""
        self.reading = True
        self.closing = False
        self.aborted = False
        self.options = []

    def write(self, data):
        assert not self.closing, "written after the close"
        self.written += data

    def close(self):
        self.closing = True

    def abort(self):
        self.aborted = self.closing = True

    def is_closing(self):
        return self.closing

    def pause_reading(self):
        assert self.reading
        self.reading = False

    def resume_reading(self):
        assert not self.reading
        self.reading = True

    def get_extra_info(self, name):
        return self if name == "socket" else ("127.0.0.1", 1)

    def setsockopt(self, level, option, value):
        assert value == struct.pack("ii", 1, 0)
        self.options.append((level, option))


def fake_end():
    """One side of a connection."""
    end = End()
    end.connection_made(FakeSocket())
    return end


class World:
    """A link between two fake sockets on a fake clock, with the toxics of a proxy."""

    def __init__(self, clock, monkeypatch):
        monkeypatch.setattr(Direction, "now", lambda _: clock.now_s)
        monkeypatch.setattr(Direction, "call_later", lambda _, s, call: clock.call_later(s, call))
        self.clock = clock
        self.client, self.server = fake_end(), fake_end()
        self.lost = []
        self.toxics = {}
        self.serial = 0
        self.link = Link(1, self, self.client, self.server)
        self.link.start([])
        self.down = self.link.directions["downstream"]

    def random(self, link, toxic):
        return Random(f"{link}/{toxic.serial}")

    def link_lost(self, link):
        self.lost.append(link)

    def add(self, kind, *, toxicity=1.0, stream="downstream", **attributes):
        self.serial += 1
        body = {"type": kind, "attributes": attributes, "toxicity": toxicity, "stream": stream}
        toxic = self.toxics[self.serial] = Toxic.create(self.serial, body)
        self.link.directions[stream].apply(toxic)
        return self.serial

    def update(self, serial, **change):
        toxic = self.toxics[serial] = self.toxics[serial].updated(change)
        self.link.directions[toxic.stream].apply(toxic)

    def remove(self, serial):
        toxic = self.toxics.pop(serial)
        self.link.directions[toxic.stream].remove(toxic)


@pytest.fixture
def world(clock, monkeypatch):
    """A connection that was just made."""
    return World(clock, monkeypatch)


def test_without_toxics_bytes_go_straight_through(world):
    """Both directions carry, and count, from the first moment."""
    world.link.directions["upstream"].receive(b"question")
    world.down.receive(b"answer")
    assert (world.server.transport.written, world.client.transport.written) == (
        b"question",
        b"answer",
    )
    assert world.link.as_json()["bytes"] == {
        "upstream": {"received": 8, "sent": 8},
        "downstream": {"received": 6, "sent": 6},
    }


def test_the_end_of_a_direction_closes_its_destination(world):
    """There is no half-close, as in Toxiproxy."""
    world.down.receive(b"bye")
    world.down.source_ended()
    assert world.client.transport.written == b"bye"
    assert world.client.transport.closing
    assert not world.server.transport.closing


def test_a_link_is_lost_when_both_sockets_are_gone(world):
    """The owner hears of it once, and the other socket is closed."""
    world.client.connection_lost(None)
    assert world.lost == []
    assert world.server.transport.closing
    world.server.connection_lost(None)
    assert world.lost == [world.link]


def test_what_comes_before_the_link_is_there_waits(world):
    """An upstream that speaks first, or hangs up at once, is not lost."""
    client, server = fake_end(), fake_end()
    server.data_received(b"hel")
    server.data_received(b"lo")
    server.eof_received()
    server.connection_lost(None)
    Link(2, world, client, server).start([])
    assert client.transport.written == b"hello"
    assert client.transport.closing


def test_early_bytes_meet_the_toxics(world):
    """Nothing slips through before the toxics are in place."""
    client, server = fake_end(), fake_end()
    server.data_received(b"hello")
    world.add("latency", latency=100)
    Link(2, world, client, server).start(list(world.toxics.values()))
    assert client.transport.written == b""
    world.clock.advance(0.2)
    assert client.transport.written == b"hello"


def test_a_reset_reaches_both_sockets(world):
    """Both are told to linger for no time, and are aborted."""
    world.link.reset()
    for end in (world.client, world.server):
        assert end.transport.aborted
        assert end.transport.options == [(socket.SOL_SOCKET, socket.SO_LINGER)]


def test_a_full_destination_stops_the_source(world):
    """Back pressure passes through, and goes away again."""
    world.down.block(blocked=True)
    assert not world.server.transport.reading
    world.down.block(blocked=False)
    assert world.server.transport.reading


def test_a_stage_that_holds_too_much_stops_the_source(world):
    """Buffers are bounded: reading stops above the limit and goes on below it."""
    world.add("bandwidth", rate=1000)
    world.down.receive(b"x" * 200_000)
    assert not world.server.transport.reading
    world.clock.advance(0.25)
    assert world.server.transport.reading
    assert len(world.client.transport.written) == 200_000


def test_a_lost_destination_is_drained(world):
    """What still comes is dropped, timers go, and the source is read so that its end is seen."""
    world.add("latency", latency=1000)
    world.down.receive(b"x")
    world.down.block(blocked=True)
    world.down.destination_lost()
    assert world.server.transport.reading
    assert world.clock.pending == 0
    world.down.receive(b"y")
    world.clock.advance(10)
    assert world.client.transport.written == b""


def test_toxics_act_in_the_order_of_their_adding(world):
    """Two latencies add up."""
    world.add("latency", latency=100)
    world.add("latency", latency=100)
    world.down.receive(b"x")
    world.clock.advance(0.19)
    assert world.client.transport.written == b""
    world.clock.advance(0.02)
    assert world.client.transport.written == b"x"


@pytest.mark.parametrize("spared", [True, False])
@pytest.mark.parametrize("stall_first", [True, False])
def test_the_order_of_different_toxics_is_kept(world, stall_first, spared):
    """A stall before a limit hides the data from it, a stall behind it does not.

    One that its roll spared takes its place in the order when an update lets it act.
    """
    kinds = ("bandwidth", "limit_data") if stall_first else ("limit_data", "bandwidth")
    first = world.add(kinds[0], toxicity=0 if spared else 1)
    world.add(kinds[1])
    world.update(first, toxicity=1)
    world.down.receive(b"x")
    assert world.client.transport.closing != stall_first


def test_removing_timeout_closes_even_a_spared_connection(world):
    """As Toxiproxy does: a toxicity of 0 does not protect from the removal."""
    serial = world.add("timeout", toxicity=0, timeout=0)
    world.down.receive(b"x")
    assert world.client.transport.written == b"x"
    world.remove(serial)
    assert world.client.transport.closing


def test_removing_timeout_lets_later_stages_finish(world):
    """What had passed the toxic already is not lost by its removal."""
    cut = world.add("timeout", toxicity=0)
    slow = world.add("latency", latency=100)
    world.down.receive(b"x")
    world.remove(cut)
    assert not world.client.transport.closing
    world.remove(slow)
    assert world.client.transport.written == b"x"
    assert world.client.transport.closing


def test_a_stage_in_the_middle_can_end_the_connection(world):
    """Stages before it forget what they hold; nothing is written after the close."""
    world.add("latency", latency=100)
    world.add("limit_data", bytes=3)
    world.down.receive(b"abc")
    world.down.receive(b"def")
    world.clock.advance(1)
    assert world.client.transport.written == b"abc"
    assert world.client.transport.closing
    assert world.clock.pending == 0


def test_more_toxicity_only_adds_connections(world):
    """One roll for each toxic and connection: raising toxicity never spares a victim."""
    serial = world.add("timeout", toxicity=0)
    hits = []
    for toxicity in (0, 0.2, 0.4, 0.6, 0.8, 1):
        world.update(serial, toxicity=toxicity)
        hits.append(bool(world.down._stages))
    assert hits == sorted(hits)
    assert hits[-1]


LOSSLESS = st.one_of(
    st.tuples(st.just("noop"), st.just({})),
    st.tuples(
        st.just("latency"),
        st.fixed_dictionaries({"latency": st.integers(0, 300), "jitter": st.integers(0, 200)}),
    ),
    st.tuples(st.just("bandwidth"), st.fixed_dictionaries({"rate": st.integers(0, 50)})),
    st.tuples(
        st.just("slicer"),
        st.fixed_dictionaries({"average_size": st.integers(1, 500), "delay": st.integers(0, 9000)}),
    ),
    st.tuples(st.just("slow_close"), st.fixed_dictionaries({"delay": st.integers(0, 500)})),
    st.tuples(st.just("limit_data"), st.just({"bytes": 10_000_000})),
)
STEP = st.one_of(
    st.tuples(st.just("bytes"), st.binary(min_size=1, max_size=2000)),
    st.tuples(st.just("wait"), st.integers(1, 200)),
    st.tuples(st.just("add"), LOSSLESS, st.sampled_from([0.0, 0.5, 1.0])),
    st.tuples(
        st.just("update"), st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 100)
    ),
    st.tuples(st.just("remove"), st.integers(0, 9)),
)


CHANGED = {"latency", "jitter", "rate", "average_size", "delay"}


def attributes_of(world, serial):
    """What can be changed of a toxic."""
    return world.toxics[serial].as_json()["attributes"]


@settings(max_examples=300)
@given(steps=st.lists(STEP, max_size=40), ends=st.booleans())
def test_changing_toxics_loses_and_reorders_no_byte(new_clock, steps, ends):
    """Toxics that do not drop data deliver every byte in order, however they come and go."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(new_clock(), monkeypatch)
        sent = b""
        for step in steps:
            serials = list(world.toxics)
            match step:
                case ("bytes", data):
                    sent += data
                    world.down.receive(data)
                case ("wait", milliseconds):
                    world.clock.advance(milliseconds / 1000)
                case ("add", (kind, attributes), toxicity):
                    world.add(kind, toxicity=toxicity, **attributes)
                case ("update", index, toxicity, number) if serials:
                    serial = serials[index % len(serials)]
                    changed = dict.fromkeys(CHANGED & set(attributes_of(world, serial)), number)
                    world.update(serial, toxicity=toxicity, attributes=changed)
                case ("remove", index) if serials:
                    world.remove(serials[index % len(serials)])
            assert sent.startswith(world.client.transport.written)
        if ends:
            world.down.source_ended()
        for serial in list(world.toxics):
            world.remove(serial)
        assert world.client.transport.written == sent
        assert world.client.transport.closing == ends
        assert world.clock.pending == 0
        assert world.down.sent == world.down.received == len(sent)
