"""The protocol state of one connection."""

import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Close, WireError
from gauntlet.reference_server.edge import connection
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
def test_pushes_strictly_increase_and_every_jump_is_announced_exactly_once(heads, steps):
    core = live(heads)
    announced_to = dict(heads)  # what a client knows: up to here, all was pushed or announced
    pushed: defaultdict[str, int] = defaultdict(int)
    for step, conv, seq in steps:
        if step == "begin":
            core.begin(conv, seq)
            announced_to.setdefault(conv, seq - 1)
            continue
        announced_to.setdefault(conv, 0)  # the first push or skip starts a conversation
        gap_frame = core.advance(conv, seq) if step == "push" else core.skip_to(conv, seq)
        if gap_frame:
            first, last = gap(gap_frame)
            assert first == announced_to.get(conv, 0) + 1
            assert last == seq - 1
            announced_to[conv] = last
        if step == "push" and gap_frame is not None:
            assert seq == announced_to.get(conv, 0) + 1
            assert seq > pushed[conv]
            pushed[conv] = announced_to[conv] = seq


@given(seq=SEQS, head=st.integers(0, 30))
def test_pushes_start_after_the_head_in_the_connected_frame(seq, head):
    """What the client reads from history is not pushed as well."""
    pushed = live({"d.a.b": head}).advance("d.a.b", seq) is not None
    assert pushed is (seq > head)


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (2, [2]), (3, [2, 1]), (6, [2, 2, 2])])
def test_the_handshake_states_all_heads_in_frames_of_limited_size(monkeypatch, count, sizes):
    """Others decide in how many conversations a user is, and clients limit what they read."""
    monkeypatch.setattr(connection, "HEADS_MAX", 2)
    heads = {f"d.a.b{number}": number for number in range(count)}
    core = Connection("e|1-1", ping_ms=1000, pong_ms=500, now_s=0.0)
    core.receive(CONNECT, 0.0)
    *pages, last = map(wire.decode_server, core.connected(heads))
    stated = [page.heads.heads for page in pages] + [last.connected.heads]
    assert [len(page) for page in stated] == sizes
    assert {conv: head for page in stated for conv, head in page.items()} == heads
    assert core.phase is Phase.LIVE
    assert all(core.advance(conv, head) is None for conv, head in heads.items())


def test_connect_must_be_the_first_frame_and_only_the_first():
    core = Connection("e|1-1", ping_ms=1000, pong_ms=500, now_s=0.0)
    with pytest.raises(WireError):
        core.receive('{"ping":{}}', 0.0)
    core.receive(CONNECT, 0.0)
    assert core.phase is Phase.JOINING
    with pytest.raises(WireError) as caught:
        core.receive(CONNECT, 0.0)
    assert caught.value.code == Close.BAD_FRAME


def test_the_server_pings_once_per_ping_interval():
    core = live()
    assert core.ping(0.999) is None
    assert core.ping(1.0) == b'{"ping":{"heads":{}}}'
    assert core.ping(1.5) is None
    assert core.ping(2.0) is not None


def test_a_connection_is_dead_after_a_silence_of_ping_plus_pong():
    """Any frame counts: a client that sends only acknowledgements is alive."""
    core = live()
    assert not core.is_dead(1.5)
    assert core.is_dead(1.501)
    core.receive('{"ack":{"conv":"d.a.b","seq":1}}', 1.4)
    assert not core.is_dead(2.9)
    assert core.is_dead(2.91)


def frames_until_rejected(core, frame, now_s):
    """Return how many frames are accepted before one is too many, and the close code."""
    for accepted in range(2 * FRAMES_BURST):
        try:
            core.receive(frame, now_s)
        except WireError as error:
            return accepted, error.code
    return None


def test_a_client_may_send_a_burst_of_1000_frames_and_then_100_per_second():
    """`connect` is the first frame of the burst."""
    core = live()
    assert frames_until_rejected(core, PING, 0.0) == (FRAMES_BURST - 1, Close.FLOOD)
    core = live()
    for _ in range(FRAMES_BURST - 1):
        core.receive(PING, 0.0)
    assert frames_until_rejected(core, PING, 0.5) == (50, Close.FLOOD)
    core = live()
    assert frames_until_rejected(core, PING, 1e6) == (FRAMES_BURST, Close.FLOOD)


def test_each_kib_of_a_frame_counts_as_one_more_frame():
    large = '{"ping":{' + " " * 99 * 1024 + "}}"
    assert frames_until_rejected(live(), large, 0.0) == (9, Close.FLOOD)


def test_a_binary_frame_is_rejected():
    with pytest.raises(WireError, match="text"):
        live().receive(PING.encode(), 0.0)


def test_a_pong_lists_the_conversations_changed_since_the_last_one():
    """Conversations that were pushed or skipped count as changed."""
    core = live({"d.a.b": 4, "r.x": 2})
    core.advance("d.a.b", 5)
    core.skip_to("r.x", 9)
    assert json.loads(core.pong()) == {"pong": {"heads": {"d.a.b": 5, "r.x": 8}}}
    assert json.loads(core.pong()) == {"pong": {"heads": {}}}


def test_the_error_frame_distinguishes_a_bad_token_a_bad_frame_and_a_flood():
    frame = wire.decode_server(error_frame(WireError("expired", Close.UNAUTHORIZED)))
    assert frame.error == wire.Failure("unauthorized", "expired")
    assert wire.decode_server(error_frame(WireError("what?"))).error.code == "bad_request"
    flood = WireError("too many", Close.FLOOD)
    assert wire.decode_server(error_frame(flood)).error.code == "rate_limited"


def test_heads_are_stated_in_frames_of_limited_size(monkeypatch):
    """Each conversation that was pushed is stated once, in this frame or in a later one."""
    monkeypatch.setattr(connection, "HEADS_MAX", 2)
    core = live()
    for number in range(5):
        core.advance(f"r.{number}", 1)
    pages = [wire.decode_server(core.pong()).pong.heads for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert {conv for page in pages for conv in page} == {f"r.{number}" for number in range(5)}
