"""The codec of `im.v1`, against the golden frames that the server is held to as well."""

import json
from pathlib import Path

import pytest

from scenarios.adapters import ADAPTERS, base
from scenarios.adapters.reference import Reference

GOLDEN = Path(__file__).parents[2] / "golden" / "frames"
ADAPTER = Reference()


def golden(name):
    """The bytes of a golden frame."""
    return (GOLDEN / f"{name}.json").read_bytes().strip()


def content(name):
    """What a golden frame holds."""
    (inner,) = json.loads(golden(name)).values()
    return inner


@pytest.mark.parametrize("file", sorted((GOLDEN / "server").glob("*.json")), ids=lambda f: f.stem)
def test_every_golden_frame_of_the_server_is_understood(file):
    """No frame that the server may send is unknown to the client."""
    assert ADAPTER.read(file.read_bytes()) is not None


def test_a_message_keeps_what_the_judge_needs():
    """Conversation, position, sender and body come through unchanged."""
    said = content("server/msg")
    read = ADAPTER.read(golden("server/msg"))
    assert read == base.Entry(
        said["conv"], said["seq"], said["sender"], said["body"], said["client_msg_id"]
    )


def test_control_frames_are_told_apart():
    """Room events, gaps, moves, heartbeats and greetings each have their type."""
    room, gap = content("server/room"), content("server/gap")
    read = ADAPTER.read(golden("server/room"))
    assert read == base.Entry(room["conv"], room["seq"], event=room["event"], user=room["user"])
    assert ADAPTER.read(golden("server/gap")) == base.Gap(gap["conv"], gap["from"], gap["to"])
    ping, pong = ADAPTER.read(golden("server/ping")), ADAPTER.read(golden("server/pong"))
    assert (ping.wants_answer, pong.wants_answer) == (True, False)
    move = content("server/reconnect")
    assert ADAPTER.read(golden("server/reconnect")).url == move["url"]
    greeting = ADAPTER.read(golden("server/connected"))
    assert (greeting.edge, greeting.environment) == ("edge-blue-1", "blue")
    assert greeting.heads == content("server/connected")["heads"]


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        (
            "connect",
            ADAPTER.connect(
                content("client/connect")["token"],
                content("client/connect")["device"],
                content("client/connect")["cursors"],
            ),
        ),
        ("ack", ADAPTER.ack(**content("client/ack"))),
        ("enter", ADAPTER.enter(**content("client/enter"))),
        ("ping", ADAPTER.ping()),
        ("pong", ADAPTER.pong()),
    ],
)
def test_the_clients_frames_are_golden(name, encoded):
    """What the client says is, to the byte, what the server is tested with."""
    assert encoded == golden(f"client/{name}")


@pytest.mark.parametrize("frame", [b"", b"[]", b"{}", b'{"other":{}}', b'{"msg":{"conv":"x"}}'])
def test_what_is_no_frame_is_an_error(frame):
    """Nothing is guessed."""
    with pytest.raises(base.ProtocolError):
        ADAPTER.read(frame)


def error(stored, temporary=True):
    """An error body."""
    refusal = {"code": "x", "message": "", "temporary": temporary, "stored": stored}
    return json.dumps({"error": refusal}).encode()


@pytest.mark.parametrize(
    ("status", "body", "sent"),
    [
        (201, b'{"conv":"c","seq":4,"msg_id":"m","ts":1}', base.Sent("yes", 4)),
        (200, b'{"conv":"c","seq":4,"msg_id":"m","ts":1,"dup":true}', base.Sent("yes", 4)),
        (503, error("no"), base.Sent("no")),
        (403, error("no", temporary=False), base.Sent("no", temporary=False)),
        (504, error("unknown"), base.Sent("unknown")),
        (400, error("unknown", temporary=False), base.Sent("unknown")),
        (502, b"<html>bad gateway</html>", base.Sent("unknown")),
        (201, b"not json", base.Sent("unknown")),
    ],
)
def test_only_stored_no_is_a_definite_failure(status, body, sent):
    """Whatever else comes back, the message may be there."""
    assert ADAPTER.read_send(base.Response(status, body)) == sent


def test_requests_carry_the_token():
    """Every call but the login is authorised; paths are the protocol's."""
    assert ADAPTER.login("u", "d").token == ""
    calls = [
        ADAPTER.send("t", "d.a.b", "c1", "hi"),
        ADAPTER.history("t", "d.a.b", 5, 10),
        ADAPTER.add_member("t", "r.x", "u"),
        ADAPTER.members("t", "r.x"),
    ]
    assert {call.token for call in calls} == {"t"}
    assert [f"{call.method} {call.path}" for call in calls] == [
        "POST /v1/conversations/d.a.b/messages",
        "GET /v1/conversations/d.a.b/messages?after=5&limit=10",
        "PUT /v1/rooms/r.x/members/u",
        "GET /v1/rooms/r.x/members",
    ]


def test_answers_are_read_or_refused():
    """Pages, positions and members are typed; any other status is a ProtocolError."""
    page = b'{"messages":[{"type":"msg","seq":2,"sender":"a","body":"b"}],"head":2}'
    read = ADAPTER.read_history("c", base.Response(200, page))
    assert read == base.Page([base.Entry("c", 2, "a", "b")], 2)
    members = b'{"members":{"a":{"from":3}},"present":["a"]}'
    assert ADAPTER.read_members(base.Response(200, members)) == {"a": 3}
    assert ADAPTER.read_position(base.Response(200, b'{"conv":"r.x","seq":7}')) == 7
    for refused in (ADAPTER.read_login, ADAPTER.read_position, ADAPTER.read_members):
        with pytest.raises(base.ProtocolError):
            refused(base.Response(503, error("no")))


def test_the_address_gets_a_path_only_where_it_has_none():
    """A server may name a whole URL or just a node."""
    assert ADAPTER.websocket_url("ws://127.0.0.1:1") == "ws://127.0.0.1:1/v1/ws"
    assert ADAPTER.websocket_url("ws://127.0.0.1:1/x") == "ws://127.0.0.1:1/x"


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_declare_known_capabilities(name):
    """A workload can rely on the words."""
    assert ADAPTERS[name]().capabilities <= base.CAPABILITIES
