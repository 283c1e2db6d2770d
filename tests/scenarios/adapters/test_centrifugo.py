"""Centrifugo: what the contract tests do not cover."""

import json

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Account, Answer, Connected, Entry, Sent
from gauntlet.scenarios.adapters.centrifugo import Centrifugo, sign_token

from .events import flat

DIRECT, ROOM = "d.ann.bob", "r.w0-0"


def session(**settings):
    codec = Centrifugo(settings).codec(Account(name="ann"), "d0")
    codec.set_conversations({DIRECT: ["ann", "bob"], ROOM: ["ann", "bob", "cat"]})
    return codec


def reply(command, **content):
    return json.dumps({"id": json.loads(command)["id"], **content}).encode()


def publication(body, offset=1):
    return {"data": {"id": body, "from": "bob", "body": body}, "offset": offset}


def subscriptions(codec):
    """Return the subscribe commands of a new connection."""
    return codec.read(reply(codec.open({}), connect={"node": "n1", "ping": 10})).frames


def connect(codec, **subscribed):
    """Establish a connection; return all events."""
    found = {"epoch": "e", "offset": 0, **subscribed}
    frames = subscriptions(codec)
    return [e for frame in frames for e in flat(codec.read(reply(frame, subscribe=found)))]


def channels(frames):
    return [json.loads(frame)["subscribe"]["channel"] for frame in frames]


def test_a_member_subscribes_to_rooms_and_conversations_alike():
    codec = session(namespace="chat")
    assert channels(subscriptions(codec)) == [f"chat:{DIRECT}", f"chat:{ROOM}"]
    assert codec.enter(ROOM) == codec.exit(ROOM) == b""
    assert codec.add_member(ROOM, "bob").value == 0
    assert codec.members(ROOM).value == {}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", '"x"'])
def test_a_number_without_end_is_a_protocol_error(number):
    codec = session()
    connect(codec)
    push = {"push": {"channel": DIRECT, "pub": publication("hi", offset="?")}}
    with pytest.raises(base.ProtocolError):
        codec.read(json.dumps(push).replace('"?"', number).encode())


def test_a_message_of_a_room_is_an_entry_of_it():
    codec = session(namespace="chat")
    connect(codec)
    push = {"push": {"channel": f"chat:{ROOM}", "pub": publication("hi", 3)}}
    (entry,) = flat(codec.read(json.dumps(push).encode()))
    assert (entry.conv, entry.sender, entry.id) == (ROOM, "bob", "e/3")


def test_messages_of_a_channel_without_history_have_no_id_and_so_are_no_copies_of_each_other():
    codec = session(history=False)
    for subscribe in subscriptions(codec):
        codec.read(reply(subscribe, subscribe={}))
    push = {"push": {"channel": DIRECT, "pub": {"data": publication("hi")["data"]}}}
    (entry,) = flat(codec.read(json.dumps(push).encode()))
    assert (entry.client_msg_id, entry.id) == ("hi", "")


def test_what_is_recovered_follows_the_connected_event():
    codec = session()
    connect(codec)
    up, *entries = connect(codec, recovered=True, offset=2, publications=[publication("hi", 2)])
    assert isinstance(up, Connected)
    assert up.resumed
    assert [entry.id for entry in entries] == ["e/2", "e/2"]  # one of each channel
    assert all(isinstance(entry, Entry) for entry in entries)


def test_a_connection_with_one_channel_that_is_not_recovered_is_not_resumed():
    codec = session()
    connect(codec)
    first, second = subscriptions(codec)
    codec.read(reply(first, subscribe={"epoch": "e", "offset": 0, "recovered": True}))
    event = codec.read(reply(second, subscribe={"epoch": "f", "offset": 0, "recovered": False}))
    (up,) = flat(event)
    assert not up.resumed


def test_a_publication_without_a_reply_ends_as_unknown():
    codec = session()
    connect(codec)
    codec.send(DIRECT, "m1", "hi")
    codec.lost()
    answers = [event for event in connect(codec, recovered=True) if isinstance(event, Answer)]
    assert answers == [Answer(ticket="m1", value=Sent("unknown", temporary=False))]


@pytest.mark.parametrize(("code", "stored"), [(100, "unknown"), (103, "no")])
def test_a_refused_publication_is_not_stored_unless_the_error_is_internal(code, stored):
    codec = session()
    connect(codec)
    (frame,) = codec.send(DIRECT, "m1", "hi").frames
    answer = codec.read(reply(frame, error={"code": code, "message": "x", "temporary": True}))
    assert answer.value == Sent(stored, temporary=True)


def test_a_history_whose_position_is_gone_is_read_from_its_beginning():
    codec = session()
    connect(codec)
    (frame,) = codec.history(DIRECT, "e/7", 50).frames
    assert json.loads(frame)["history"]["since"] == {"epoch": "e", "offset": 7}
    again = codec.read(reply(frame, error={"code": 112, "message": "unrecoverable position"}))
    assert "since" not in json.loads(again.frames[0])["history"]


def test_a_system_without_history_promises_at_most_once_unless_more_is_expected():
    assert Centrifugo({"history": False}).traits.at_most_once
    assert not Centrifugo({"history": False, "at_most_once": False}).traits.at_most_once
    assert not Centrifugo({}).traits.at_most_once
    assert not {base.HISTORY, base.RESUME} & Centrifugo({"history": False}).capabilities
    with pytest.raises(ConfigError, match="history must be true or false; got 0"):
        Centrifugo({"history": 0})


def test_the_token_of_an_account_is_used_unchanged():
    codec = Centrifugo({}).codec(Account(name="ann", token="T"), "d0")
    assert json.loads(codec.open({}))["connect"] == {"token": "T"}


def test_a_token_is_signed_with_the_key():
    """The signature is that of `openssl dgst -sha256 -hmac k` over the first two parts."""
    token = sign_token("ann", "k")
    content, _, signature = token.rpartition(".")
    assert content == "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiYW5uIn0"
    assert signature == "eYpQieBRXB6KUabxsMsbVCLafPGIXsjJJygFihbeCe4"


CREATED = base.RunData(conversations={DIRECT: ["ann", "bob"]}, shared={ROOM: ["ann", "bob"]})


def test_a_clean_up_removes_the_history_of_the_runs_own_channels():
    shared, removal = session(api_key="k").clean_up(CREATED)
    assert (shared.name, "others" in shared.reason) == (ROOM, True)
    call = removal.begin()
    assert (call.request.path, call.request.headers["X-API-Key"]) == ("/api/batch", "k")
    read, remove = json.loads(call.request.body)["commands"]
    assert read["history"]["channel"] == remove["history_remove"]["channel"] == DIRECT
    replies = [{"history": {"publications": [publication("hi")]}}, {"history_remove": {}}]
    assert answer(call, 200, {"replies": replies}) == base.Removed(1)
    assert answer(call, 200, {"replies": [{"history": {}}, {"history_remove": {}}]}).count == 0
    assert "401" in answer(call, 401, {}).problem
    refused = {"error": {"code": 108, "message": "not available"}}
    assert "not available" in answer(call, 200, {"replies": [refused, refused]}).problem
    with pytest.raises(base.ProtocolError):
        answer(call, 200, {"replies": 3})


def answer(call, status, content):
    return call.read(base.Response(status, json.dumps(content).encode()))


def test_without_the_key_of_the_http_api_histories_stay():
    reasons = {step.name: step.reason for step in session().clean_up(CREATED)}
    assert "api_key" in reasons[DIRECT]
    assert session(history=False).clean_up(CREATED) == ()
