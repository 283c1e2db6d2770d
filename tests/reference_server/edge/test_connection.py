"""The pure core of one connection."""

import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Close, WireError
from gauntlet.reference_server.edge.connection import FRAMES_BURST, Connection, Phase, error_frame

CONNECT = '{"connect":{"token":"t","device":"d","cursors":{}}}'
PING = '{"ping":{}}'
CONVS = st.sampled_from(["d.a.b", "r.x"])
SEQS = st.integers(1, 30)
STEPS = st.one_of(
    st.tuples(st.just("push"), CONVS, SEQS),
    st.tuples(st.just("skip"), CONVS, SEQS),
    st.tuples(st.just("begin"), CONVS, SEQS),
)


def live(heads: dict[str, int] | None = None) -> Connection:
    """A connection whose handshake is over."""
    core = Connection("e|1-1", ping_ms=1000, pong_ms=500, now_s=0.0)
    core.receive(CONNECT, 0.0)
    core.connected(heads or {})
    return core


def gap(data: bytes) -> tuple[int, int]:
    """The positions that a gap frame announces."""
    frame = wire.decode_server(data).gap
    return (frame.first, frame.last)


@given(heads=st.dictionaries(CONVS, st.integers(0, 20)), steps=st.lists(STEPS, max_size=60))
def test_the_promise_on_the_wire(heads, steps):
    """Whatever is asked, pushes strictly increase and every jump was announced, exactly once."""
    core = live(heads)
    told = dict(heads)  # what a client knows: everything up to here was pushed or announced
    pushed: defaultdict[str, int] = defaultdict(int)
    for step, conv, seq in steps:
        if step == "begin":
            core.begin(conv, seq)
            told.setdefault(conv, seq - 1)
            continue
        told.setdefault(conv, 0)  # whatever is said of a conversation first begins it
        announced = core.advance(conv, seq) if step == "push" else core.skip_to(conv, seq)
        if announced:
            first, last = gap(announced)
            assert first == told.get(conv, 0) + 1
            assert last == seq - 1
            told[conv] = last
        if step == "push" and announced is not None:
            assert seq == told.get(conv, 0) + 1
            assert seq > pushed[conv]
            pushed[conv] = told[conv] = seq


@given(seq=SEQS, head=st.integers(0, 30))
def test_pushes_start_after_the_head_that_connected_told(seq, head):
    """What the client reads from history is not pushed as well."""
    pushed = live({"d.a.b": head}).advance("d.a.b", seq) is not None
    assert pushed is (seq > head)


def test_connect_is_first_and_only_first():
    """Anything before it, and a second one, is a bad frame."""
    core = Connection("e|1-1", ping_ms=1000, pong_ms=500, now_s=0.0)
    with pytest.raises(WireError):
        core.receive('{"ping":{}}', 0.0)
    core.receive(CONNECT, 0.0)
    assert core.phase is Phase.JOINING
    with pytest.raises(WireError) as caught:
        core.receive(CONNECT, 0.0)
    assert caught.value.code == Close.BAD_FRAME


def test_the_server_pings_every_ping_ms():
    """Not earlier, and once per period."""
    core = live()
    assert core.ping(0.999) is None
    assert core.ping(1.0) == b'{"ping":{"heads":{}}}'
    assert core.ping(1.5) is None
    assert core.ping(2.0) is not None


def test_silence_for_ping_and_pong_is_death_and_any_frame_is_life():
    """Half-open links are noticed; a client that only sends acks lives."""
    core = live()
    assert not core.is_dead(1.5)
    assert core.is_dead(1.501)
    core.receive('{"ack":{"conv":"d.a.b","seq":1}}', 1.4)
    assert not core.is_dead(2.9)
    assert core.is_dead(2.91)


def frames_until_refused(core, frame, now_s):
    """How many frames are taken at a moment before one is too many, and the close code."""
    for taken in range(2 * FRAMES_BURST):
        try:
            core.receive(frame, now_s)
        except WireError as error:
            return taken, error.code
    return None


def test_a_flood_is_cut_off_at_the_burst_and_forgiven_with_time():
    """A thousand frames may come at once, `connect` the first of them, then a hundred a second."""
    core = live()
    assert frames_until_refused(core, PING, 0.0) == (FRAMES_BURST - 1, Close.FLOOD)
    core = live()
    for _ in range(FRAMES_BURST - 1):
        core.receive(PING, 0.0)
    assert frames_until_refused(core, PING, 0.5) == (50, Close.FLOOD)
    core = live()
    assert frames_until_refused(core, PING, 1e6) == (FRAMES_BURST, Close.FLOOD)


def test_a_large_frame_counts_for_many():
    """Each KiB of a frame counts as one more: a flood of bytes is one too."""
    large = '{"ping":{' + " " * 99 * 1024 + "}}"
    assert frames_until_refused(live(), large, 0.0) == (9, Close.FLOOD)


def test_frames_are_text():
    """A binary frame is none, whatever it holds."""
    with pytest.raises(WireError, match="text"):
        live().receive(PING.encode(), 0.0)


def test_heads_tell_of_changes_once():
    """A ping or pong names the conversations pushed or skipped since the last one."""
    core = live({"d.a.b": 4, "r.x": 2})
    core.advance("d.a.b", 5)
    core.skip_to("r.x", 9)
    assert json.loads(core.pong()) == {"pong": {"heads": {"d.a.b": 5, "r.x": 8}}}
    assert json.loads(core.pong()) == {"pong": {"heads": {}}}


def test_a_refusal_says_why():
    """The frame before the close tells a bad token from a bad frame."""
    frame = wire.decode_server(error_frame(WireError("expired", Close.UNAUTHORIZED)))
    assert frame.error == wire.Failure("unauthorized", "expired")
    assert wire.decode_server(error_frame(WireError("what?"))).error.code == "bad_request"
    flood = WireError("too many", Close.FLOOD)
    assert wire.decode_server(error_frame(flood)).error.code == "rate_limited"
