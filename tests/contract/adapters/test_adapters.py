"""What a session may rely on, whichever IM system an adapter speaks to."""

import pytest

from gauntlet.core.scenario.capabilities import CAPABILITIES, HISTORY, RESUME, ROOMS, SERVER_SEQ
from gauntlet.scenarios.adapters.base import (
    Call,
    Connected,
    Entry,
    OverHttp,
    OverSocket,
    ProtocolError,
    Sent,
)

from .conftest import CONV

pytestmark = pytest.mark.contract
BODY = "g1|<&>|ü"


def test_only_known_capabilities_are_declared(adapter):
    """Checks and workloads can rely on the words."""
    assert adapter.capabilities <= set(CAPABILITIES)


def test_an_address_gets_a_path_once(adapter):
    """A target names a host and port; its path is the protocol's."""
    assert adapter.websocket_url("ws://127.0.0.1:1").startswith("ws://127.0.0.1:1/")


def test_a_connection_comes_up_once(connect):
    """The conversation that begins with the first frame leads to `Connected`."""
    (up,) = [event for event in connect() if isinstance(event, Connected)]
    assert up.edge
    assert up.ping_ms > 0
    assert up.pong_ms > 0
    assert not up.resumed


def test_a_send_that_was_taken_is_acked(adapter, codec, server, connect):
    """It has a position where the server gives any, and 0 where not."""
    connect()
    sent = server.answer(codec, codec.send(CONV, "c9", BODY), ())
    assert sent.stored == "yes"
    assert (sent.seq > 0) == (SERVER_SEQ in adapter.capabilities)


def test_a_push_says_what_was_said_to_whom(adapter, codec, server, connect):
    """Conversation, sender and body come through, and what tells it from others."""
    connect()
    entry = codec.read(server.push(BODY))
    assert isinstance(entry, Entry)
    assert (entry.conv, entry.sender, entry.body, entry.client_msg_id) == (CONV, "bob", BODY, "c1")
    assert (entry.seq > 0) == (SERVER_SEQ in adapter.capabilities)
    if HISTORY in adapter.capabilities and not entry.seq:
        assert entry.id, "what is neither numbered nor named cannot be matched with the history"


def test_the_history_holds_what_was_pushed(adapter, codec, server, connect):
    """An entry is the same, whichever way it comes; without HISTORY nobody may ask."""
    connect()
    if HISTORY not in adapter.capabilities:
        with pytest.raises(NotImplementedError):
            codec.history(CONV, 0, 10)
        return
    pushed = codec.read(server.push(BODY))
    after = 0 if SERVER_SEQ in adapter.capabilities else ""
    page = server.answer(codec, codec.history(CONV, after, 10), [BODY])
    assert page.entries == [pushed]
    assert not page.more


def test_rooms_are_there_where_declared(adapter, codec):
    """Without ROOMS nobody may put anybody into one."""
    acts = (
        lambda: codec.add_member("r.x", "bob"),
        lambda: codec.members("r.x"),
        lambda: codec.enter("r.x"),
        lambda: codec.exit("r.x"),
    )
    for act in acts:
        if ROOMS in adapter.capabilities:
            assert isinstance(act(), OverHttp | OverSocket | bytes)
        else:
            with pytest.raises(NotImplementedError):
                act()


def test_a_lost_session_is_taken_up_again(adapter, codec, server, connect):
    """What was asked for while there was no connection goes out on the next one."""
    if RESUME not in adapter.capabilities:
        pytest.skip("the adapter declares no resume")
    connect()
    codec.lost()
    call: Call[Sent] = codec.send(CONV, "c9", BODY)
    assert call.frames == ()
    events = connect(resumed=True)
    (up,) = [event for event in events if isinstance(event, Connected)]
    assert up.resumed
    said = [frame for event in events for frame in getattr(event, "frames", ())]
    assert any(b"c9" in frame for frame in said)


@pytest.mark.parametrize("frame", [b"", b"{", b"<", b"[]", b"<!DOCTYPE x><x/>", b'{"x":', b"\xff"])
def test_nonsense_is_an_error_of_the_protocol(codec, connect, frame):
    """Nothing that a server sends breaks the engine."""
    connect()
    with pytest.raises(ProtocolError):
        codec.read(frame)


def test_sessions_share_nothing(adapter, server):
    """What one session is in the middle of is no other's business."""
    ann, bob = adapter.codec("ann", "d0"), adapter.codec("bob", "d0")
    assert ann.open({})
    for frame in server.connected():
        ann.read(frame)
    assert bob.open({}) == adapter.codec("bob", "d0").open({})
