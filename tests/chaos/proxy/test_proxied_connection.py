"""One connection loses and reorders no byte, whatever happens to its toxics."""

import socket
import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gauntlet.chaos.proxy.proxied_connection import Direction, Endpoint, ProxiedConnection
from gauntlet.chaos.proxy.toxic import Toxic


class FakeSocket:
    """A transport that records calls and checks the rules of transports."""

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


def fake_endpoint():
    """One side of a connection, on a fake socket."""
    endpoint = Endpoint()
    endpoint.connection_made(FakeSocket())
    return endpoint


class ConnectionRig:
    """A connection between two fake sockets, with a fake clock and the toxics of a proxy."""

    def __init__(self, clock, monkeypatch):
        monkeypatch.setattr(Direction, "now", lambda _: clock.now_s)
        monkeypatch.setattr(Direction, "call_later", lambda _, s, call: clock.call_later(s, call))
        self.clock = clock
        self.client, self.server = fake_endpoint(), fake_endpoint()
        self.closed_connections = []
        self.toxics = {}
        self.serial = 0
        self.connection = ProxiedConnection(1, self, self.client, self.server)
        self.connection.start([])
        self.down = self.connection.directions["downstream"]

    def random(self, connection_number, toxic):
        return Random(f"{connection_number}/{toxic.serial}")

    def connection_closed(self, connection):
        self.closed_connections.append(connection)

    def add(self, kind, *, toxicity=1.0, stream="downstream", **attributes):
        self.serial += 1
        body = {"type": kind, "attributes": attributes, "toxicity": toxicity, "stream": stream}
        toxic = self.toxics[self.serial] = Toxic.create(self.serial, body)
        self.connection.directions[stream].apply(toxic)
        return self.serial

    def update(self, serial, **change):
        toxic = self.toxics[serial] = self.toxics[serial].updated(change)
        self.connection.directions[toxic.stream].apply(toxic)

    def remove(self, serial):
        toxic = self.toxics.pop(serial)
        self.connection.directions[toxic.stream].remove(toxic)


@pytest.fixture
def rig(clock, monkeypatch):
    """A connection that has just been made."""
    return ConnectionRig(clock, monkeypatch)


def test_without_toxics_bytes_pass_and_are_counted(rig):
    """Both directions work from the first moment."""
    rig.connection.directions["upstream"].receive(b"question")
    rig.down.receive(b"answer")
    assert (rig.server.transport.written, rig.client.transport.written) == (
        b"question",
        b"answer",
    )
    assert rig.connection.as_json()["bytes"] == {
        "upstream": {"received": 8, "sent": 8},
        "downstream": {"received": 6, "sent": 6},
    }


def test_the_end_of_a_direction_closes_its_destination(rig):
    """As in Toxiproxy, there is no half-close."""
    rig.down.receive(b"bye")
    rig.down.source_ended()
    assert rig.client.transport.written == b"bye"
    assert rig.client.transport.closing
    assert not rig.server.transport.closing


def test_the_owner_is_informed_once_both_sockets_are_closed(rig):
    """The end of one socket closes the other one."""
    rig.client.connection_lost(None)
    assert rig.closed_connections == []
    assert rig.server.transport.closing
    rig.server.connection_lost(None)
    assert rig.closed_connections == [rig.connection]


def test_events_that_arrive_before_the_other_socket_exists_are_kept(rig):
    """An upstream may speak first, or close immediately."""
    client, server = fake_endpoint(), fake_endpoint()
    server.data_received(b"hel")
    server.data_received(b"lo")
    server.eof_received()
    server.connection_lost(None)
    ProxiedConnection(2, rig, client, server).start([])
    assert client.transport.written == b"hello"
    assert client.transport.closing


def test_early_bytes_pass_through_the_toxics(rig):
    client, server = fake_endpoint(), fake_endpoint()
    server.data_received(b"hello")
    rig.add("latency", latency=100)
    ProxiedConnection(2, rig, client, server).start(list(rig.toxics.values()))
    assert client.transport.written == b""
    rig.clock.advance(0.2)
    assert client.transport.written == b"hello"


def test_a_reset_closes_both_sockets_by_rst(rig):
    """Both get a linger time of zero and are aborted."""
    rig.connection.reset()
    for end in (rig.client, rig.server):
        assert end.transport.aborted
        assert end.transport.options == [(socket.SOL_SOCKET, socket.SO_LINGER)]


def test_a_full_destination_pauses_the_source(rig):
    """Backpressure passes through, and ends again."""
    rig.down.set_blocked(blocked=True)
    assert not rig.server.transport.reading
    rig.down.set_blocked(blocked=False)
    assert rig.server.transport.reading


def test_a_stage_that_holds_too_much_pauses_the_source(rig):
    """Reading stops above the limit of the buffer and resumes below it."""
    rig.add("bandwidth", rate=1000)
    rig.down.receive(b"x" * 200_000)
    assert not rig.server.transport.reading
    rig.clock.advance(0.25)
    assert rig.server.transport.reading
    assert len(rig.client.transport.written) == 200_000


def test_the_source_of_a_lost_destination_is_still_read(rig):
    """Its bytes are dropped, but its end must be noticed; no timer remains."""
    rig.add("latency", latency=1000)
    rig.down.receive(b"x")
    rig.down.set_blocked(blocked=True)
    rig.down.destination_lost()
    assert rig.server.transport.reading
    assert rig.clock.pending == 0
    rig.down.receive(b"y")
    rig.clock.advance(10)
    assert rig.client.transport.written == b""


def test_two_latencies_add_up(rig):
    """The toxics of one stream act one after the other."""
    rig.add("latency", latency=100)
    rig.add("latency", latency=100)
    rig.down.receive(b"x")
    rig.clock.advance(0.19)
    assert rig.client.transport.written == b""
    rig.clock.advance(0.02)
    assert rig.client.transport.written == b"x"


@pytest.mark.parametrize("spared", [True, False])
@pytest.mark.parametrize("stall_first", [True, False])
def test_toxics_act_in_the_order_in_which_they_were_added(rig, stall_first, spared):
    """A stall before a limit hides the data from it, a stall after it does not.

    A toxic that spared the connection takes its place in the order when an update makes it act.
    """
    kinds = ("bandwidth", "limit_data") if stall_first else ("limit_data", "bandwidth")
    first = rig.add(kinds[0], toxicity=0 if spared else 1)
    rig.add(kinds[1])
    rig.update(first, toxicity=1)
    rig.down.receive(b"x")
    assert rig.client.transport.closing != stall_first


def test_removing_timeout_closes_even_an_unaffected_connection(rig):
    """As in Toxiproxy, a toxicity of 0 does not protect from the removal."""
    serial = rig.add("timeout", toxicity=0, timeout=0)
    rig.down.receive(b"x")
    assert rig.client.transport.written == b"x"
    rig.remove(serial)
    assert rig.client.transport.closing


def test_removing_timeout_does_not_drop_bytes_of_later_stages(rig):
    """They had passed the toxic already."""
    cut = rig.add("timeout", toxicity=0)
    slow = rig.add("latency", latency=100)
    rig.down.receive(b"x")
    rig.remove(cut)
    assert not rig.client.transport.closing
    rig.remove(slow)
    assert rig.client.transport.written == b"x"
    assert rig.client.transport.closing


def test_a_stage_in_the_middle_can_end_the_connection(rig):
    """Stages before it drop what they hold; nothing is written after the close."""
    rig.add("latency", latency=100)
    rig.add("limit_data", bytes=3)
    rig.down.receive(b"abc")
    rig.down.receive(b"def")
    rig.clock.advance(1)
    assert rig.client.transport.written == b"abc"
    assert rig.client.transport.closing
    assert rig.clock.pending == 0


def test_a_higher_toxicity_only_adds_affected_connections(rig):
    """There is one draw for each toxic and connection."""
    serial = rig.add("timeout", toxicity=0)
    hits = []
    for toxicity in (0, 0.2, 0.4, 0.6, 0.8, 1):
        rig.update(serial, toxicity=toxicity)
        hits.append(bool(rig.down._stages))
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


CHANGEABLE = {"latency", "jitter", "rate", "average_size", "delay"}


def attributes_of(rig, serial):
    """The attributes of a toxic that can be changed."""
    return rig.toxics[serial].as_json()["attributes"]


@settings(max_examples=3 * settings.default.max_examples)
@given(steps=st.lists(STEP, max_size=40), ends=st.booleans())
def test_changing_toxics_loses_and_reorders_no_byte(new_clock, steps, ends):
    """Toxics that do not drop data deliver every byte in order, however they come and go."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        rig = ConnectionRig(new_clock(), monkeypatch)
        sent = b""
        for step in steps:
            serials = list(rig.toxics)
            match step:
                case ("bytes", data):
                    sent += data
                    rig.down.receive(data)
                case ("wait", milliseconds):
                    rig.clock.advance(milliseconds / 1000)
                case ("add", (kind, attributes), toxicity):
                    rig.add(kind, toxicity=toxicity, **attributes)
                case ("update", index, toxicity, number) if serials:
                    serial = serials[index % len(serials)]
                    changed = dict.fromkeys(CHANGEABLE & set(attributes_of(rig, serial)), number)
                    rig.update(serial, toxicity=toxicity, attributes=changed)
                case ("remove", index) if serials:
                    rig.remove(serials[index % len(serials)])
            assert sent.startswith(rig.client.transport.written)
        if ends:
            rig.down.source_ended()
        for serial in list(rig.toxics):
            rig.remove(serial)
        assert rig.client.transport.written == sent
        assert rig.client.transport.closing == ends
        assert rig.clock.pending == 0
        assert rig.down.sent == rig.down.received == len(sent)
