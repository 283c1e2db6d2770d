"""What a session relies on, for every adapter."""

import pytest

from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    CAPABILITIES,
    HEADS,
    HISTORY,
    RESUME,
    ROOMS,
    SERVER_SEQ,
)
from gauntlet.scenarios.adapters.base import (
    Account,
    Call,
    Connected,
    Entry,
    Immediate,
    OverHttp,
    OverSocket,
    ProtocolError,
    Response,
    Sent,
)

from .conftest import CONV, establish, flat, receive

pytestmark = pytest.mark.contract
BODY = "g1|<&>|ü"


def entries(event):
    """Return the entries of an event; others may acknowledge them."""
    return [single for single in flat(event) if isinstance(single, Entry)]


def test_only_known_capabilities_are_declared(adapter):
    assert adapter.capabilities <= set(CAPABILITIES)


def test_the_path_is_added_to_an_address_once(adapter):
    assert adapter.url("ws://127.0.0.1:1").startswith("ws://127.0.0.1:1")


def test_the_handshake_leads_to_one_connected_event(connect):
    (up,) = [event for event in connect() if isinstance(event, Connected)]
    assert up.edge
    assert up.ping_ms > 0
    assert up.pong_ms > 0
    assert not up.resumed


def test_an_accepted_send_is_acknowledged(adapter, codec, server, connect):
    """It has a position if the server numbers entries, and 0 otherwise."""
    connect()
    sent = server.answer(codec, codec.send(CONV, "c9", BODY), ())
    assert sent.stored == "yes"
    assert (sent.seq > 0) == (SERVER_SEQ in adapter.capabilities)


def test_a_push_has_conversation_sender_body_and_identity(adapter, codec, server, connect):
    connect()
    (entry,) = entries(receive(codec, server.push(BODY)))
    assert (entry.conv, entry.sender, entry.body, entry.client_msg_id) == (CONV, "bob", BODY, "c1")
    assert (entry.seq > 0) == (SERVER_SEQ in adapter.capabilities)
    if HISTORY in adapter.capabilities and not entry.seq:
        assert entry.id, "what is neither numbered nor named cannot be matched with the history"


def test_the_history_contains_the_pushed_entries(adapter, codec, server, connect):
    """Without HISTORY it must not be read."""
    connect()
    if HISTORY not in adapter.capabilities:
        with pytest.raises(NotImplementedError):
            codec.history(CONV, 0, 10)
        return
    pushed = entries(receive(codec, server.push(BODY)))
    after = 0 if SERVER_SEQ in adapter.capabilities else ""
    page = server.answer(codec, codec.history(CONV, after, 10), [BODY])
    assert page.entries == pushed
    assert not page.more


def test_rooms_work_if_declared(adapter, codec):
    """Without ROOMS no member can be added."""
    acts = (
        lambda: codec.add_member("r.x", "bob"),
        lambda: codec.members("r.x"),
        lambda: codec.enter("r.x"),
        lambda: codec.exit("r.x"),
    )
    for act in acts:
        if ROOMS in adapter.capabilities:
            assert isinstance(act(), Immediate | OverHttp | OverSocket | bytes)
        else:
            with pytest.raises(NotImplementedError):
                act()


def test_who_is_in_a_room_can_be_read_if_declared(adapter, codec):
    if ATTENDANCE in adapter.capabilities:
        assert isinstance(codec.attendance("r.x"), Immediate | OverHttp | OverSocket)
    else:
        with pytest.raises(NotImplementedError):
            codec.attendance("r.x")


def test_the_heads_can_be_requested_only_if_declared(adapter, codec):
    """A server may state them in other answers only."""
    call = codec.heads()
    assert call is None or isinstance(call, Immediate | OverHttp | OverSocket)
    assert call is None or HEADS in adapter.capabilities


def test_a_lost_session_is_resumed(adapter, codec, server, connect):
    """A codec that keeps the calls made without a connection sends them on the next one."""
    if RESUME not in adapter.capabilities:
        pytest.skip("the adapter declares no resume")
    connect()
    codec.lost()
    call: Call[Sent] = codec.send(CONV, "c9", BODY)
    events = connect(resumed=True)
    (up,) = [event for event in events if isinstance(event, Connected)]
    assert up.resumed
    if isinstance(call, OverSocket) and not call.frames:
        sent_frames = [frame for event in events for frame in getattr(event, "frames", ())]
        assert any(b"c9" in frame for frame in sent_frames)


@pytest.mark.parametrize("frame", [b"", b"{", b"<", b"[]", b"<!DOCTYPE x><x/>", b'{"x":', b"\xff"])
def test_an_invalid_frame_is_a_protocol_error(adapter, codec, connect, frame):
    connect()
    with pytest.raises(ProtocolError):
        receive(codec, Response(200, frame) if "long-poll" in adapter.transports else frame)


def test_sessions_share_no_state(adapter, server):
    ann, bob = adapter.codec(Account(name="ann"), "d0"), adapter.codec(Account(name="bob"), "d0")
    establish(ann, server)
    assert bob.open({}) == adapter.codec(Account(name="bob"), "d0").open({})
