"""NATS: the protocol, core, and what the contract tests do not cover of JetStream."""

import json

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters import nats_protocol as protocol
from gauntlet.scenarios.adapters.base import Account, Binary, Connected, Entry, SendFrames, Sent
from gauntlet.scenarios.adapters.nats import Nats
from gauntlet.scenarios.adapters.nats_protocol import Control, Message

from .events import flat

CONV = "d.ann.bob"
SUBJECT = "gauntlet.d%2Eann%2Ebob"
INFO = b'INFO {"server_name": "n1"}\r\n'


def session(**settings):
    codec = Nats(settings).codec(Account(name="ann"), "d0")
    codec.set_conversations({CONV: ["ann", "bob"]})
    return codec


def receive(codec, data):
    return flat(codec.read(Binary(data)))


def message(subject, body, reply=""):
    words = f"{subject} 1 {reply}".rstrip()
    return f"MSG {words} {len(body)}\r\n{body}\r\n".encode()


def test_a_message_and_a_control_line_are_parsed_with_their_ends():
    data = b"PING\r\nMSG a 1 r 2\r\nhi\r\nMSG b 1 5\r\nhe"
    assert [found for found, _ in protocol.parse(data)] == [
        Control("PING", ""),
        Message("a", "r", {}, b"hi"),
    ]


def test_what_is_published_with_headers_can_be_parsed():
    written = protocol.publish("a", b"hi", "r", {"X": "1"})
    assert written.startswith(b"HPUB a r 18 20\r\nNATS/1.0\r\nX: 1\r\n\r\nhi")
    received = written.replace(b"HPUB a r", b"HMSG a 1 r")
    ((found, end),) = protocol.parse(received)
    assert found == Message("a", "r", {"x": "1"}, b"hi")
    assert end == len(received)


@pytest.mark.parametrize(
    "data", [b"{", b"HELLO\r\n", b"MSG\r\n", b"MSG a 1 -4\r\n", b"MSG a 1 2\r\nhixx", b"\xff" * 9]
)
def test_bytes_that_are_no_message_are_a_protocol_error(data):
    with pytest.raises(base.ProtocolError):
        list(protocol.parse(data))


def test_core_subscribes_before_the_user_counts_as_connected():
    codec = session(mode="core")
    assert codec.open({}) == b""
    (first,) = receive(codec, INFO)
    assert f"SUB {SUBJECT} 1\r\nPING\r\n".encode() in first.frames[0]
    assert b'"echo": false' in first.frames[0]
    (up,) = receive(codec, b"PONG\r\n")
    assert isinstance(up, Connected)
    assert up.edge == "n1"


def test_core_hands_messages_over():
    codec = session(mode="core")
    assert codec.send(CONV, "m1", "hi").value == Sent("handed-over")
    assert Nats({"mode": "core"}).traits.at_most_once


def connect(codec, *, created="t1", last=0):
    """Answer the requests of a JetStream session; return the events after the last one."""
    codec.open({})
    receive(codec, INFO)
    receive(codec, b"PONG\r\n")
    stream = json.dumps({"created": created, "state": {"last_seq": last}})
    (create,) = receive(codec, message(f"{codec._inbox}.stream", stream))
    outcome = create.frames[1].split(b" ")[2].decode().rpartition(".")[2]
    request = json.loads(create.frames[1].split(b"\r\n")[1])
    events = receive(codec, message(f"{codec._inbox}.c.{outcome}", "{}"))
    return request["config"], events


def deliver(codec, position, number):
    reply = f"$JS.ACK.GAUNTLET.{codec._consumer}.1.{position}.{number}.0.0"
    return receive(codec, message(SUBJECT, "hi", reply))


def test_a_session_begins_after_what_is_stored_and_resumes_after_what_was_received():
    codec = session()
    config, events = connect(codec, last=40)
    assert (config["opt_start_seq"], config["filter_subjects"]) == (41, [SUBJECT])
    assert not events[-1].resumed
    (entry,) = deliver(codec, 43, 1)
    assert isinstance(entry, Entry)
    codec.lost()
    config, events = connect(codec, last=50)
    assert config["opt_start_seq"] == 44
    assert events[-1].resumed


def test_a_stream_that_was_lost_is_read_from_its_beginning():
    codec = session()
    connect(codec, last=40)
    codec.lost()
    config, events = connect(codec, created="t2", last=3)
    assert config["opt_start_seq"] == 1
    assert not events[-1].resumed


def test_a_missing_delivery_replaces_the_consumer():
    codec = session()
    connect(codec)
    deliver(codec, 1, 1)
    (create,) = deliver(codec, 3, 3)
    assert isinstance(create, SendFrames)
    assert b'"opt_start_seq":2' in create.frames[1]


def test_a_send_without_an_answer_is_repeated_on_the_next_connection():
    codec = session()
    connect(codec)
    assert len(codec.send(CONV, "m1", "hi").frames) == 1
    codec.lost()
    _, events = connect(codec)
    assert b"Nats-Msg-Id: m1" in events[0].frames[0]
    (answer,) = receive(codec, message(f"{codec._inbox}.s.m1", '{"seq": 1}'))
    assert answer == base.Answer("m1", Sent("yes"))


def test_without_a_stream_nothing_is_stored():
    codec = session()
    connect(codec)
    codec.send(CONV, "m1", "hi")
    status = b"NATS/1.0 503\r\n\r\n"
    head = f"HMSG {codec._inbox}.s.m1 1 {len(status)} {len(status)}\r\n".encode()
    (answer,) = receive(codec, head + status + b"\r\n")
    assert answer.value == Sent("no")


@pytest.mark.parametrize("settings", [{"mode": "x"}, {"storage": "cloud"}, {"at_most_once": 1}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=r"target\.server\..* must be"):
        Nats(settings)
