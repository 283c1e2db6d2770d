"""One connection loses and reorders no byte, whatever happens to its toxics."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gauntlet.chaos.proxy.proxied_connection import Direction, ProxiedConnection
from gauntlet.chaos.proxy.toxic import Toxic


class FakeEndpoint:
    """A socket that records calls and checks the rules of sockets."""

    def __init__(self):
        self.written = b""
        self.reading = True
        self.closing = False
        self.reset_by_us = False
        self.on_close = None

    def attach(self, reads, writes, on_close):
        self.reads, self.writes, self.on_close = reads, writes, on_close

    def write(self, data):
        assert not self.closing, "written after the close"
        self.written += data

    def set_reading(self, *, wanted):
        assert wanted != self.reading
        self.reading = wanted

    def close(self):
        self.closing = True

    def abort(self):
        self.closing = True

    def reset(self):
        self.reset_by_us = self.closing = True

    def lose(self):
        """The socket is closed, by us or by its peer."""
        self.closing = True
        self.reads.source_ended()
        self.writes.destination_lost()
        self.on_close()


class ConnectionRig:
    """A connection between two fake sockets, with a fake clock and the toxics of a proxy."""

    def __init__(self, clock, monkeypatch):
        monkeypatch.setattr(Direction, "now", lambda _: clock.now_s)
        monkeypatch.setattr(Direction, "call_later", lambda _, s, call: clock.call_later(s, call))
        monkeypatch.setattr(Direction, "take_turn", lambda _, call: clock.call_later(0, call))
        self.clock = clock
        self.client, self.server = FakeEndpoint(), FakeEndpoint()
        self.closed_connections = []
        self.toxics = {}
        self.serial = 0
        self.connection = ProxiedConnection(1, self, self.client, self.server, "127.0.0.1:1")
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
    assert (rig.server.written, rig.client.written) == (
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
    assert rig.client.written == b"bye"
    assert rig.client.closing
    assert not rig.server.closing


def test_the_owner_is_informed_once_both_sockets_are_closed(rig):
    """The end of one socket closes the other one."""
    rig.client.lose()
    assert rig.closed_connections == []
    assert rig.server.closing
    rig.server.lose()
    assert rig.closed_connections == [rig.connection]


def test_a_reset_closes_both_sockets_by_rst(rig):
    rig.connection.reset()
    assert rig.client.reset_by_us
    assert rig.server.reset_by_us


def test_a_full_destination_pauses_the_source(rig):
    """Backpressure passes through, and ends again."""
    rig.down.set_blocked(blocked=True)
    assert not rig.server.reading
    rig.down.set_blocked(blocked=False)
    assert rig.server.reading


def test_a_stage_that_holds_too_much_pauses_the_source(rig):
    """Reading stops above the limit of the buffer and resumes below it."""
    rig.add("bandwidth", rate=1000)
    rig.down.receive(b"x" * 200_000)
    assert not rig.server.reading
    rig.clock.advance(0.25)
    assert rig.server.reading
    assert len(rig.client.written) == 200_000


def test_the_source_of_a_lost_destination_is_still_read(rig):
    """Its bytes are dropped, but its end must be noticed; no timer remains."""
    rig.add("latency", latency=1000)
    rig.down.receive(b"x")
    rig.down.set_blocked(blocked=True)
    rig.down.destination_lost()
    assert rig.server.reading
    assert rig.clock.pending == 0
    rig.down.receive(b"y")
    rig.clock.advance(10)
    assert rig.client.written == b""


def test_two_latencies_add_up(rig):
    """The toxics of one stream act one after the other."""
    rig.add("latency", latency=100)
    rig.add("latency", latency=100)
    rig.down.receive(b"x")
    rig.clock.advance(0.19)
    assert rig.client.written == b""
    rig.clock.advance(0.02)
    assert rig.client.written == b"x"


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
    assert rig.client.closing != stall_first


def test_removing_timeout_closes_even_an_unaffected_connection(rig):
    """As in Toxiproxy, a toxicity of 0 does not protect from the removal."""
    serial = rig.add("timeout", toxicity=0, timeout=0)
    rig.down.receive(b"x")
    assert rig.client.written == b"x"
    rig.remove(serial)
    assert rig.client.closing


def test_removing_timeout_does_not_drop_bytes_of_later_stages(rig):
    """They had passed the toxic already."""
    cut = rig.add("timeout", toxicity=0)
    slow = rig.add("latency", latency=100)
    rig.down.receive(b"x")
    rig.remove(cut)
    assert not rig.client.closing
    rig.remove(slow)
    assert rig.client.written == b"x"
    assert rig.client.closing


def test_a_stage_in_the_middle_can_end_the_connection(rig):
    """Stages before it drop what they hold; nothing is written after the close."""
    rig.add("latency", latency=100)
    rig.add("limit_data", bytes=3)
    rig.down.receive(b"abc")
    rig.down.receive(b"def")
    rig.clock.advance(1)
    assert rig.client.written == b"abc"
    assert rig.client.closing
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
            assert sent.startswith(rig.client.written)
        if ends:
            rig.down.source_ended()
        for serial in list(rig.toxics):
            rig.remove(serial)
        assert rig.client.written == sent
        assert rig.client.closing == ends
        assert rig.clock.pending == 0
        assert rig.down.sent == rig.down.received == len(sent)
