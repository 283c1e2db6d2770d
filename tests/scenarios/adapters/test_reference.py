"""The codec of `im.v1`, against the golden frames that the server is held to as well."""

import json
from pathlib import Path

import pytest

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.reference import Reference

GOLDEN = Path(__file__).parents[2] / "golden" / "frames"
ADAPTER = Reference({})
CODEC = ADAPTER.codec("u", "d")


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
    assert CODEC.read(file.read_bytes()) is not None


def test_a_message_keeps_what_the_judge_needs():
    """Conversation, position, sender and body come through unchanged."""
    said = content("server/msg")
    read = CODEC.read(golden("server/msg"))
    assert read == base.Entry(
        said["conv"], said["seq"], said["sender"], said["body"], said["client_msg_id"]
    )


def test_control_frames_are_told_apart():
    """Room events, gaps, moves, heartbeats and greetings each have their type."""
    room, gap = content("server/room"), content("server/gap")
    read = CODEC.read(golden("server/room"))
    assert read == base.Entry(room["conv"], room["seq"], event=room["event"], user=room["user"])
    assert CODEC.read(golden("server/gap")) == base.Gap(gap["conv"], gap["from"], gap["to"])
    ping, pong = CODEC.read(golden("server/ping")), CODEC.read(golden("server/pong"))
    assert (ping.answer, pong.answer) == (golden("client/pong"), b"")
    move = content("server/reconnect")
    assert CODEC.read(golden("server/reconnect")).url == move["url"]
    greeting = CODEC.read(golden("server/connected"))
    assert (greeting.edge, greeting.environment) == ("edge-blue-1", "blue")
    assert greeting.heads == content("server/connected")["heads"]


def logged_in(token, device="d"):
    """A codec whose login was answered."""
    codec = ADAPTER.codec("u", device)
    session = {"token": token, "connect": {"url": "ws://127.0.0.1:1"}}
    assert (
        codec.login().read(base.Response(201, json.dumps(session).encode())) == "ws://127.0.0.1:1"
    )
    return codec


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("ack", CODEC.ack(**content("client/ack"))),
        ("enter", CODEC.enter(**content("client/enter"))),
        ("ping", CODEC.ping()),
    ],
)
def test_the_clients_frames_are_golden(name, encoded):
    """What the client says is, to the byte, what the server is tested with."""
    assert encoded == golden(f"client/{name}")


def test_the_first_frame_is_golden():
    """It carries the token of the login, the device and the cursors."""
    hello = content("client/connect")
    codec = logged_in(hello["token"], hello["device"])
    assert codec.open(hello["cursors"]) == golden("client/connect")


@pytest.mark.parametrize("frame", [b"", b"[]", b"{}", b'{"other":{}}', b'{"msg":{"conv":"x"}}'])
def test_what_is_no_frame_is_an_error(frame):
    """Nothing is guessed."""
    with pytest.raises(base.ProtocolError):
        CODEC.read(frame)


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
    assert CODEC.send("d.a.b", "c1", "hi").read(base.Response(status, body)) == sent


def test_requests_carry_the_token():
    """Every call but the login is authorised; paths are the protocol's."""
    assert CODEC.login().request.token == ""
    codec = logged_in("t")
    calls = [
        codec.send("d.a.b", "c1", "hi"),
        codec.history("d.a.b", 5, 10),
        codec.add_member("r.x", "u"),
        codec.members("r.x"),
    ]
    assert {call.request.token for call in calls} == {"t"}
    assert [f"{call.request.method} {call.request.path}" for call in calls] == [
        "POST /v1/conversations/d.a.b/messages",
        "GET /v1/conversations/d.a.b/messages?after=5&limit=10",
        "PUT /v1/rooms/r.x/members/u",
        "GET /v1/rooms/r.x/members",
    ]


def test_answers_are_read_or_refused():
    """Pages, positions and members are typed; any other status is a ProtocolError."""
    page = b'{"messages":[{"type":"msg","seq":2,"sender":"a","body":"b"}],"head":2}'
    pages, members, position = (
        CODEC.history("c", 0, 9),
        CODEC.members("c"),
        CODEC.add_member("c", "u"),
    )
    read = pages.read(base.Response(200, page))
    assert read == base.Page([base.Entry("c", 2, "a", "b")], 2)
    named = b'{"members":{"a":{"from":3}},"present":["a"]}'
    assert members.read(base.Response(200, named)) == {"a": 3}
    assert position.read(base.Response(200, b'{"conv":"r.x","seq":7}')) == 7
    for refused in (CODEC.login(), pages, position, members):
        with pytest.raises(base.ProtocolError):
            refused.read(base.Response(503, error("no")))


def test_the_address_gets_a_path_only_where_it_has_none():
    """A server may name a whole URL or just a node."""
    assert ADAPTER.websocket_url("ws://127.0.0.1:1") == "ws://127.0.0.1:1/v1/ws"
    assert ADAPTER.websocket_url("ws://127.0.0.1:1/x") == "ws://127.0.0.1:1/x"
