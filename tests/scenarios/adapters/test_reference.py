"""The codec of `im.v1`, tested with the same golden frames as the server."""

import json
from pathlib import Path

import pytest

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Account
from gauntlet.scenarios.adapters.reference import Reference

GOLDEN = Path(__file__).parents[2] / "golden" / "frames"
ADAPTER = Reference({})
CODEC = ADAPTER.codec(Account(name="u"), "d")


def golden(name):
    """Return the bytes of a golden frame."""
    return (GOLDEN / f"{name}.json").read_bytes().strip()


def content(name):
    """Return the content of a golden frame."""
    (inner,) = json.loads(golden(name)).values()
    return inner


@pytest.mark.parametrize("file", sorted((GOLDEN / "server").glob("*.json")), ids=lambda f: f.stem)
def test_every_golden_frame_of_the_server_is_understood(file):
    assert CODEC.read(file.read_bytes()) is not None


def test_a_message_keeps_conversation_position_sender_and_body():
    message = content("server/msg")
    read = CODEC.read(golden("server/msg"))
    assert read == base.Entry(
        message["conv"],
        message["seq"],
        message["sender"],
        message["body"],
        message["client_msg_id"],
        id=message["msg_id"],
        stamped_ms=message["ts"],
    )


def test_each_control_frame_is_its_own_event():
    room, gap = content("server/room"), content("server/gap")
    read = CODEC.read(golden("server/room"))
    assert read == base.Entry(room["conv"], room["seq"], event=room["event"], user=room["user"])
    assert CODEC.read(golden("server/gap")) == base.Gap(gap["conv"], gap["from"], gap["to"])
    ping, pong = CODEC.read(golden("server/ping")), CODEC.read(golden("server/pong"))
    assert (ping.answer, pong.answer) == (golden("client/pong"), b"")
    reconnect = content("server/reconnect")
    assert CODEC.read(golden("server/reconnect")).url == reconnect["url"]
    connected = logged_in("t").read(golden("server/connected"))
    assert (connected.edge, connected.environment) == ("edge-blue-1", "blue")
    assert connected.heads == content("server/connected")["heads"]


def test_heads_that_precede_the_end_of_the_handshake_belong_to_it():
    """A user with many conversations is told them in several frames, on each connection again."""
    codec = logged_in("t")
    for more in ({"d.a.b": 1}, {"d.a.b": 2}):
        codec.open({})
        assert codec.read(b'{"heads":{"heads":{"d.a.c":3}}}') == base.EventBatch()
        codec.read(json.dumps({"heads": {"heads": more}}).encode())
        connected = codec.read(golden("server/connected"))
        assert connected.heads == {"d.a.c": 3} | more | content("server/connected")["heads"]
        assert codec.read(golden("server/connected")).heads == content("server/connected")["heads"]
        codec.read(golden("server/heads"))  # of a connection that ends before `connected`


def test_the_first_frame_states_a_limited_number_of_cursors():
    """A server limits the size of frames, and needs no cursor."""
    cursors = {f"d.a.b{number}": number for number in range(1_001)}
    stated = json.loads(logged_in("t").open(cursors))["connect"]["cursors"]
    assert len(stated) == 1_000
    assert stated.items() < cursors.items()


def logged_in(token, device="d"):
    """Return a codec whose login was answered."""
    codec = ADAPTER.codec(Account(name="u"), device)
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
def test_the_frames_of_the_client_equal_the_golden_frames(name, encoded):
    assert encoded == golden(f"client/{name}")


def test_the_opening_frame_equals_the_golden_frame():
    connect = content("client/connect")
    codec = logged_in(connect["token"], connect["device"])
    assert codec.open(connect["cursors"]) == golden("client/connect")


@pytest.mark.parametrize(
    "frame",
    [b"", b"[]", b"{}", b'{"other":{}}', b'{"msg":{"conv":"x"}}', b'{"error":{"code":"\xff"}}'],
)
def test_an_invalid_frame_is_a_protocol_error(frame):
    with pytest.raises(base.ProtocolError):
        CODEC.read(frame)


def error(stored, temporary=True):
    """Return an error body."""
    refusal = {"code": "x", "message": "", "temporary": temporary, "stored": stored}
    return json.dumps({"error": refusal}).encode()


@pytest.mark.parametrize(
    ("status", "body", "sent"),
    [
        (
            201,
            b'{"conv":"c","seq":4,"msg_id":"m","ts":1}',
            base.Sent("yes", 4, conv="c", id="m", stamped_ms=1),
        ),
        (
            200,
            b'{"conv":"c","seq":4,"msg_id":"m","client_msg_id":"other","ts":1,"dup":true}',
            base.Sent("yes", 4, conv="c", client_msg_id="other", id="m", stamped_ms=1),
        ),
        (201, b'{"seq":4}', base.Sent("yes", 4)),
        (503, error("no"), base.Sent("no")),
        (403, error("no", temporary=False), base.Sent("no", temporary=False)),
        (504, error("unknown"), base.Sent("unknown")),
        (400, error("unknown", temporary=False), base.Sent("unknown")),
        (502, b"<html>bad gateway</html>", base.Sent("unknown")),
        (502, b'{"error":{"code":"\xff"}}', base.Sent("unknown")),
    ],
)
def test_only_stored_no_is_a_definite_failure(status, body, sent):
    """After any other answer, the message may have been stored."""
    assert CODEC.send("d.a.b", "c1", "hi").read(base.Response(status, body)) == sent


def test_a_success_that_is_not_understood_names_the_status_and_the_body():
    call = CODEC.send("d.u.v", "m", "x")
    with pytest.raises(base.ProtocolError, match=r"HTTP 201: .*not json"):
        call.read(base.Response(201, b"not json"))
    with pytest.raises(base.ProtocolError, match=r"HTTP 201: "):
        call.read(base.Response(201, b'{"seq":1,"conv":"\xff"}'))


def test_all_requests_but_the_login_carry_the_token():
    assert CODEC.login().request.token == ""
    codec = logged_in("t")
    calls = [
        codec.send("d.a.b", "c1", "hi"),
        codec.history("d.a.b", 5, 10),
        codec.add_member("r.x", "u"),
        codec.remove_member("r.x", "u"),
        codec.members("r.x"),
        codec.attendance("r.x"),
        codec.heads(),
        codec.block("u"),
        codec.unblock("u"),
        codec.befriend("u"),
        codec.unfriend("u"),
        codec.contacts(),
        codec.stickers(),
        codec.send_sticker("d.a.b", "c1", "cats/cat"),
    ]
    assert {call.request.token for call in calls} == {"t"}
    assert [f"{call.request.method} {call.request.path}" for call in calls] == [
        "POST /v1/conversations/d.a.b/messages",
        "GET /v1/conversations/d.a.b/messages?after=5&limit=10",
        "PUT /v1/rooms/r.x/members/u",
        "DELETE /v1/rooms/r.x/members/u",
        "GET /v1/rooms/r.x/members",
        "GET /v1/rooms/r.x/members",
        "GET /v1/heads",
        "PUT /v1/friends/u/block",
        "DELETE /v1/friends/u/block",
        "PUT /v1/friends/u",
        "DELETE /v1/friends/u",
        "GET /v1/friends",
        "GET /v1/stickers",
        "POST /v1/conversations/d.a.b/messages",
    ]


def test_answers_are_decoded_and_other_statuses_are_protocol_errors():
    page = b'{"messages":[{"type":"msg","seq":2,"sender":"a","body":"b"}],"head":2}'
    pages, members, attendance, position = (
        CODEC.history("c", 0, 9),
        CODEC.members("c"),
        CODEC.attendance("c"),
        CODEC.add_member("c", "u"),
    )
    read = pages.read(base.Response(200, page))
    assert read == base.Page([base.Entry("c", 2, "a", "b")], 2)
    large = pages.read(base.Response(200, page.replace(b'"head":2', b'"head":9,"more":true')))
    assert large == base.Page([base.Entry("c", 2, "a", "b")], 9, more=True)
    assert large.continues(9)
    named = b'{"members":{"a":{"from":3},"b":{"from":4}},"present":["b"]}'
    assert members.read(base.Response(200, named)) == {"a": 3, "b": 4}
    assert attendance.read(base.Response(200, named)) == ["b"]
    assert position.read(base.Response(200, b'{"conv":"r.x","seq":7}')) == 7
    for refused in (CODEC.login(), pages, position, members, attendance):
        with pytest.raises(base.ProtocolError):
            refused.read(base.Response(503, error("no")))


def test_the_path_is_added_only_to_an_address_without_one():
    assert ADAPTER.url("ws://127.0.0.1:1") == "ws://127.0.0.1:1/v1/ws"
    assert ADAPTER.url("ws://127.0.0.1:1/x") == "ws://127.0.0.1:1/x"


def test_a_refused_friendship_is_a_protocol_error():
    call = CODEC.befriend("u")
    assert call.read(base.Response(200, b'{"state":"requested"}')) is True
    with pytest.raises(base.ProtocolError, match=r"HTTP 403"):
        call.read(base.Response(403, b"{}"))


def test_the_lists_of_contacts_are_decoded():
    call = CODEC.contacts()
    body = b'{"friends":["a"],"incoming":["b"],"outgoing":[],"blocked":["c","d"]}'
    found = base.Contacts(friends=["a"], incoming=["b"], outgoing=[], blocked=["c", "d"])
    assert call.read(base.Response(200, body)) == found
    for status, wrong in ((200, b"{}"), (200, body.replace(b'"a"', b"1")), (503, body)):
        with pytest.raises(base.ProtocolError):
            call.read(base.Response(status, wrong))


def test_stickers_are_listed_sent_and_read():
    listed = b'{"packs":{"cats":["hello","thanks"],"signs":["no"]},"degraded":true}'
    names = CODEC.stickers().read(base.Response(200, listed))
    assert names == ["cats/hello", "cats/thanks", "signs/no"]
    call = CODEC.send_sticker("d.a.b", "c1", "signs/no")
    assert json.loads(call.request.body) == {"client_msg_id": "c1", "sticker": "signs/no"}
    assert call.read(base.Response(404, error("no"))).stored == "no"
    page = b'{"messages":[{"type":"msg","seq":2,"body":"","sticker":"signs/no"}],"head":2}'
    (entry,) = CODEC.history("c", 0, 9).read(base.Response(200, page)).entries
    assert (entry.sticker, entry.body) == ("signs/no", "")
    for wrong in (b"{}", listed.replace(b'"no"', b"1")):
        with pytest.raises(base.ProtocolError):
            CODEC.stickers().read(base.Response(200, wrong))


def test_the_list_of_heads_is_decoded():
    call = CODEC.heads()
    assert call.read(base.Response(200, b'{"heads":{"d.a.b":3}}')) == {"d.a.b": 3}
    for body in (b"[]", b"{}", b'{"heads":{"d.a.b":"3"}}', b'{"heads":{"d.a.b":3},"next":"d.a.b"}'):
        with pytest.raises(base.ProtocolError):
            call.read(base.Response(200, body))
