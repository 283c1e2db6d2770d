"""Socket.IO: what the contract tests do not cover."""

import json

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Account, Answer, Connected, Refused, Sent
from gauntlet.scenarios.adapters.socketio import Socketio

from .events import flat

DIRECT, ROOM = "d.ann.bob", "r.w0-0"
OPEN = b'0{"sid":"s","pingInterval":10000,"pingTimeout":5000}'


def session(**settings):
    codec = Socketio(settings).codec(Account(name="ann"), "d0")
    codec.set_conversations({DIRECT: ["ann", "bob"], ROOM: ["ann", "bob", "cat"]})
    return codec


def message(conv, ident, offset):
    content = {"conv": conv, "id": ident, "from": "bob", "body": "hi"}
    return b"42" + json.dumps(["message", content, offset]).encode()


def auth(codec):
    """Begin a connection; return what the client sends to enter the namespace."""
    codec.open({})
    (frame,) = codec.read(OPEN).frames
    return json.loads(frame.removeprefix(b"40"))


def connect(codec):
    """Establish a connection that is not recovered; return its events and the subscription."""
    auth(codec)
    (frame,) = codec.read(b'40{"sid":"s","pid":"p"}').frames
    return flat(codec.read(b'42["subscribed",2,"o1"]')), frame


def test_a_member_joins_rooms_and_conversations_alike():
    codec = session()
    (up,), frame = connect(codec)
    assert json.loads(frame.removeprefix(b"42")) == ["subscribe", [DIRECT, ROOM]]
    assert isinstance(up, Connected)
    assert (up.ping_ms, up.pong_ms, up.resumed) == (10_000, 5_000, False)
    assert codec.enter(ROOM) == codec.exit(ROOM) == b""
    assert codec.add_member(ROOM, "bob").value == 0
    assert codec.members(ROOM).value == {}


def test_a_number_without_end_is_a_protocol_error():
    codec = session()
    codec.open({})
    with pytest.raises(base.ProtocolError):
        codec.read(OPEN.replace(b"10000", b"1e999"))


def test_a_connection_is_recovered_from_the_last_event():
    codec = session()
    connect(codec)
    codec.read(message(ROOM, "m1", "o2"))
    codec.lost()
    assert auth(codec) == {"user": "ann", "pid": "p", "offset": "o2"}
    assert flat(codec.read(message(ROOM, "m2", "o3"))) == []  # not before the user is connected
    up, entry = flat(codec.read(b'40{"sid":"s2","pid":"p"}'))
    assert up.resumed
    assert (entry.conv, entry.id) == (ROOM, "m2")


def test_a_connection_that_was_not_recovered_joins_again():
    codec = session()
    connect(codec)
    codec.lost()
    auth(codec)
    (frame,) = codec.read(b'40{"sid":"s2","pid":"other"}').frames
    assert b"subscribe" in frame
    (up,) = flat(codec.read(b'42["subscribed",2,"o9"]'))
    assert not up.resumed


def test_a_send_without_an_acknowledgement_ends_as_unknown_and_may_be_repeated():
    codec = session()
    connect(codec)
    codec.send(DIRECT, "m1", "hi")
    codec.lost()
    auth(codec)
    events = flat(codec.read(b'40{"sid":"s2","pid":"p"}'))
    assert Answer(ticket="m1", value=Sent("unknown")) in events


def test_an_acknowledgement_of_another_message_is_none():
    codec = session()
    connect(codec)
    (frame,) = codec.send(DIRECT, "m1", "hi").frames
    number = frame.removeprefix(b"42").partition(b"[")[0]
    answer = codec.read(b"43" + number + b'[{"stored":"m2"}]')
    assert answer.value.stored == "unknown"


def test_the_reason_of_a_refusal_is_reported():
    codec = session()
    auth(codec)
    refused = codec.read(b'44{"message":"auth.user must be a name"}')
    assert refused == Refused(code="connect_error", message="auth.user must be a name")


def test_a_server_without_recovery_promises_at_most_once_unless_more_is_expected():
    assert Socketio({"recovery": False}).traits.at_most_once
    assert not Socketio({"recovery": False, "at_most_once": False}).traits.at_most_once
    assert not Socketio({}).traits.at_most_once
    assert base.RESUME not in Socketio({"recovery": False}).capabilities
    with pytest.raises(ConfigError, match="recovery must be true or false; got no"):
        Socketio({"recovery": "no"})
