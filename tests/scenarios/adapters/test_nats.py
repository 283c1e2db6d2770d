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


@pytest.mark.parametrize(
    "answer",
    [
        '{"error": []}',
        '{"created": "t1", "state": []}',
        '{"created": "t1", "state": {"last_seq": 1e999}}',
        '{"created": "t1", "state": {"last_seq": "x"}}',
    ],
)
def test_an_answer_of_another_form_is_a_protocol_error(answer):
    codec = session()
    codec.open({})
    receive(codec, INFO)
    receive(codec, b"PONG\r\n")
    with pytest.raises(base.ProtocolError):
        receive(codec, message(f"{codec._inbox}.stream", answer))


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


ROOM = "r.1-0"


def requests(frames):
    """The subject, the reply and the content of every request in frames."""
    found = []
    for frame in frames:
        head, content = bytes(frame).split(b"\r\n")[:2]
        _, subject, reply, _ = head.decode().split(" ")
        found.append((subject, reply, json.loads(content) if content else None))
    return found


def cleaning(**data):
    """A codec that cleans up, and its removals."""
    codec = session()
    removals = codec.clean_up(base.RunData(wrote=lambda body: body == "ours", **data))
    codec.open({})
    receive(codec, INFO)
    (up,) = receive(codec, b"PONG\r\n")
    assert isinstance(up, Connected)  # without a consumer, and without creating the stream
    return codec, removals


def asked(call_or_event):
    (request,) = requests(call_or_event.frames)
    return request


def test_a_stream_that_the_session_creates_is_reported_and_one_that_exists_is_not():
    codec = session()
    codec.open({})
    receive(codec, INFO)
    receive(codec, b"PONG\r\n")
    created = {"created": "t1", "state": {"last_seq": 0}}
    for answer, reported in ((created, False), ({**created, "did_create": True}, True)):
        events = receive(codec, message(f"{codec._inbox}.stream", json.dumps(answer)))
        assert (base.Created(kind="stream", name="GAUNTLET") in events) is reported


def test_a_clean_up_purges_the_conversations_of_the_run_alone():
    codec, (purge,) = cleaning(conversations={CONV: ["ann", "bob"]})
    call = purge.begin()
    subject, reply, content = asked(call)
    assert subject == "$JS.API.STREAM.PURGE.GAUNTLET"
    assert content == {"filter": SUBJECT}
    (answer,) = receive(codec, message(reply, '{"success": true, "purged": 7}'))
    assert answer == base.Answer(call.ticket, base.Removed(7))


@pytest.mark.parametrize(("code", "problem"), [(10059, ""), (10052, "not permitted")])
def test_a_stream_that_is_gone_is_nothing_to_purge_and_other_errors_are_quoted(code, problem):
    codec, (purge,) = cleaning(conversations={CONV: []})
    _, reply, _ = asked(purge.begin())
    error = {"error": {"err_code": code, "description": "not permitted"}}
    (answer,) = receive(codec, message(reply, json.dumps(error)))
    assert answer.value == base.Removed(0, problem=problem)


def page_entry(reply, body, seq, pending):
    head = f"NATS/1.0\r\nNats-Sequence: {seq}\r\nNats-Num-Pending: {pending}\r\n\r\n"
    size = len(head) + len(body)
    return f"HMSG {reply} 1 {len(head)} {size}\r\n{head}{body}\r\n".encode()


def page_end(reply, status):
    head = f"NATS/1.0 {status}\r\n\r\n"
    return f"HMSG {reply} 1 {len(head)} {len(head)}\r\n{head}\r\n".encode()


def test_of_a_shared_conversation_only_the_messages_of_the_run_are_deleted():
    codec, (sweep,) = cleaning(shared={ROOM: ["ann", "bob"]})
    call = sweep.begin()
    _, reply, content = asked(call)
    assert content["seq"] == 1
    assert receive(codec, page_entry(reply, "ours", 3, 1)) == []
    assert receive(codec, page_entry(reply, "theirs", 4, 1)) == []
    (erase,) = receive(codec, page_end(reply, 204))
    subject, erased, content = asked(erase)
    assert (subject, content) == ("$JS.API.STREAM.MSG.DELETE.GAUNTLET", {"seq": 3})
    (again,) = receive(codec, message(erased, '{"success": true}'))
    _, _, content = asked(again)
    assert content["seq"] == 5
    (answer,) = receive(codec, page_end(reply, 404))
    assert answer == base.Answer(call.ticket, base.Removed(1))


@pytest.mark.parametrize("left", [0, 12])
def test_the_stream_is_deleted_if_the_run_created_it_and_nothing_else_is_in_it(left):
    codec, (stream,) = cleaning(created=frozenset({("stream", "GAUNTLET")}))
    assert stream.last
    call = stream.begin()
    _, reply, _ = asked(call)
    (event,) = receive(codec, message(reply, json.dumps({"state": {"messages": left}})))
    if left:
        assert event.value == base.Removed(0, kept="it holds 12 messages of others")
        return
    subject, reply, _ = asked(event)
    assert subject == "$JS.API.STREAM.DELETE.GAUNTLET"
    (answer,) = receive(codec, message(reply, '{"success": true}'))
    assert answer == base.Answer(call.ticket, base.Removed(1))
