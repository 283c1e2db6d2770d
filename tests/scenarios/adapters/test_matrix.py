"""Matrix: what the contract tests do not cover."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS
from gauntlet.scenarios.adapters.base import (
    Account,
    Connected,
    Immediate,
    Kept,
    ProtocolError,
    Removal,
    Removed,
    Response,
    RunData,
    Sent,
)
from gauntlet.scenarios.adapters.matrix import Matrix

from .events import flat

CONV, ROOM = "d.ann.bob", "!r1:localhost"
MEMBERS = {CONV: ["ann", "bob"]}
ANN, BOB = Account(name="ann", token="ta"), Account(name="bob", token="tb")
FORBIDDEN = {"errcode": "M_FORBIDDEN"}


def answer(content, status=200, **fields):
    return Response(status, json.dumps(content).encode(), **fields)


def refused(code, status=400):
    return answer({"errcode": code}, status)


def path(request):
    return unquote(urlsplit(request.path).path)


def query(request):
    return {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}


def prepare(adapter, accounts, conversations, *groups):
    """Answer the groups of requests of a preparation; return all requests."""
    preparation = adapter.prepare(accounts, conversations)
    asked = [next(preparation), *(preparation.send(responses) for responses in groups[:-1])]
    with pytest.raises(StopIteration):
        preparation.send(groups[-1])
    return [[(path(request), request.token) for request in group] for group in asked]


def prepared(**settings):
    """Return an adapter whose users have tokens and one room."""
    adapter = Matrix(settings)
    created, joined = [answer({"room_id": ROOM})], [answer({"room_id": ROOM})]
    prepare(adapter, [ANN, BOB], MEMBERS, [], [], [], created, joined)
    return adapter


def session(adapter=None, account=ANN, device="d0"):
    codec = (adapter or prepared()).codec(account, device)
    codec.set_conversations(MEMBERS)
    codec.open({})
    return codec


def poll(codec, response):
    """Return the request of the next poll, and the events of its response."""
    request = codec.receive_request({})
    return request, flat(codec.read_response(response))


def message(number):
    content = {"msgtype": "m.text", "body": f"hi {number}", "gauntlet_id": f"c{number}"}
    return {
        "type": "m.room.message",
        "sender": "@bob:localhost",
        "event_id": f"${number}",
        "content": content,
    }


def synced(place, *numbers, limited=False, room=ROOM):
    timeline = {"events": [message(number) for number in numbers], "limited": limited}
    return answer({"next_batch": place, "rooms": {"join": {room: {"timeline": timeline}}}})


def connected(adapter=None):
    codec = session(adapter)
    poll(codec, synced("s1"))
    return codec


# --- before the load


def test_users_who_cannot_log_in_are_registered_and_log_in_then():
    token = answer({"access_token": "t2"})
    login, register = "/_matrix/client/v3/login", "/_matrix/client/v3/register"
    asked = prepare(
        Matrix({}),
        [Account(name="ann"), Account(name="bob")],
        {},
        [answer({"access_token": "t1"}), answer(FORBIDDEN, 403)],
        [answer({"user_id": "@bob:localhost"})],
        [token],
        [],
        [],
    )
    assert asked == [[(login, ""), (login, "")], [(register, "")], [(login, "")], [], []]


def test_a_shared_secret_signs_the_nonce_of_each_registration():
    preparation = Matrix({"registration_secret": "s"}).prepare([Account(name="ann")], {})
    next(preparation)
    (nonce,) = preparation.send([answer(FORBIDDEN, 403)])
    assert (nonce.method, path(nonce)) == ("GET", "/_synapse/admin/v1/register")
    (registration,) = preparation.send([answer({"nonce": "n"})])
    # HMAC-SHA1 of "n", "ann", "ann" and "notadmin", separated by zero bytes, with the key "s".
    assert json.loads(registration.body)["mac"] == "b9f61a456dc3a0aac2c7138a1a25ffc448c2cd38"


def test_users_are_not_registered_where_that_is_forbidden():
    adapter = Matrix({"register": False})
    assert OPEN_ACCOUNTS not in adapter.capabilities
    preparation = adapter.prepare([Account(name="ann")], {})
    next(preparation)
    with pytest.raises(ProtocolError, match="HTTP 403"):
        preparation.send([answer(FORBIDDEN, 403)])


def test_a_refused_registration_names_the_user():
    preparation = Matrix({}).prepare([Account(name="ann")], {})
    next(preparation)
    preparation.send([answer(FORBIDDEN, 403)])
    with pytest.raises(ProtocolError, match="ann can neither log in nor be registered: HTTP 403"):
        preparation.send([answer(FORBIDDEN, 403)])


def test_the_first_member_creates_a_room_and_the_others_join_it():
    created, joined = [answer({"room_id": ROOM})], [answer({"room_id": ROOM})]
    asked = prepare(Matrix({}), [ANN, BOB], MEMBERS, [], [], [], created, joined)
    assert asked[3:] == [
        [("/_matrix/client/v3/createRoom", "ta")],
        [("/_matrix/client/v3/join/#d.ann.bob:localhost", "tb")],
    ]


def test_all_members_join_a_room_that_exists_already():
    joined = [answer({"room_id": ROOM}), answer({"room_id": ROOM})]
    adapter = Matrix({})
    asked = prepare(adapter, [ANN, BOB], MEMBERS, [], [], [], [refused("M_ROOM_IN_USE")], joined)
    join = "/_matrix/client/v3/join/#d.ann.bob:localhost"
    assert asked[4] == [(join, "ta"), (join, "tb")]
    assert ROOM in path(connected(adapter).send(CONV, "c1", "hi").request)


# --- connecting


def test_a_user_with_a_token_connects_with_one_sync_that_waits_for_nothing():
    request, (up,) = poll(session(), synced("s1", 1, 2))  # what was there before is not pushed
    assert (path(request), request.token) == ("/_matrix/client/v3/sync", "ta")
    assert query(request)["timeout"] == "0"
    assert isinstance(up, Connected)
    assert not up.resumed


def test_another_device_of_a_user_logs_in_with_its_own_id():
    codec = session(account=Account(name="ann", password="p"), device="d1")
    request, events = poll(codec, answer({"access_token": "t9"}))
    asked = json.loads(request.body)
    assert (asked["device_id"], asked["password"], events) == ("d1", "p", [])
    request, (up,) = poll(codec, synced("s1"))
    assert request.token == "t9"
    assert isinstance(up, Connected)


def test_a_token_that_the_server_has_forgotten_is_replaced_on_the_same_device():
    """Transaction ids, which make a repeated send harmless, belong to the device."""
    codec = connected()
    with pytest.raises(ProtocolError, match="M_UNKNOWN_TOKEN"):
        poll(codec, refused("M_UNKNOWN_TOKEN", 401))
    codec.lost()
    codec.open({})
    request, _ = poll(codec, answer({"access_token": "t2"}))
    assert json.loads(request.body)["device_id"] == "d0"
    request, (up,) = poll(codec, synced("s2"))
    assert (request.token, query(request)["since"], up.resumed) == ("t2", "s1", True)


def test_a_server_that_has_lost_the_account_does_not_resume_the_session():
    codec = connected()
    poll(codec, synced("s2", 1))
    with pytest.raises(ProtocolError, match="M_UNKNOWN_TOKEN"):
        poll(codec, refused("M_UNKNOWN_TOKEN", 401))
    codec.open({})
    poll(codec, answer(FORBIDDEN, 403))
    poll(codec, answer({"user_id": "@ann:localhost"}))
    poll(codec, answer({"access_token": "t2"}))
    request, (up,) = poll(codec, synced("s1"))
    assert "since" not in query(request)
    assert not up.resumed
    assert "from" not in query(codec.history(CONV, "$1", 10).request)


def test_a_wrong_password_of_an_existing_account_is_reported():
    codec = session(account=Account(name="ann"), adapter=Matrix({}))
    poll(codec, answer(FORBIDDEN, 403))
    with pytest.raises(ProtocolError, match="the password of ann is wrong"):
        poll(codec, refused("M_USER_IN_USE"))


# --- syncs


def test_a_sync_waits_and_continues_where_the_last_one_ended():
    codec = connected()
    request, entries = poll(codec, synced("s2", 1, 2))
    assert (query(request)["since"], query(request)["timeout"]) == ("s1", "10000")
    assert [(entry.conv, entry.id, entry.sender) for entry in entries] == [
        (CONV, "$1", "bob"),
        (CONV, "$2", "bob"),
    ]


def test_rooms_of_other_runs_are_ignored():
    assert poll(connected(), synced("s2", 1, room="!other:localhost"))[1] == []


def test_what_was_missed_follows_the_connected_event():
    codec = connected()
    codec.lost()
    codec.open({})
    up, *missed = poll(codec, synced("s2", 1, 2))[1]
    assert up.resumed
    assert [entry.id for entry in missed] == ["$1", "$2"]


def test_after_a_sync_that_was_cut_short_the_session_is_not_resumed():
    """Then the history is read, which contains what the sync has left out."""
    codec = connected()
    with pytest.raises(ProtocolError, match="left out messages"):
        poll(codec, synced("s2", 7, 8, limited=True))
    codec.lost()
    codec.open({})
    (up,) = poll(codec, synced("s3"))[1]
    assert not up.resumed


def test_a_first_sync_of_a_connection_that_is_cut_short_is_not_resumed():
    codec = connected()
    codec.lost()
    codec.open({})
    (up,) = poll(codec, synced("s2", 7, 8, limited=True))[1]
    assert not up.resumed


# --- messages


@pytest.mark.parametrize(
    ("response", "sent"),
    [
        (answer({"event_id": "$1"}), Sent("yes")),
        (answer({}), Sent("unknown")),
        (refused("M_FORBIDDEN", 403), Sent("no", temporary=False)),
        (refused("M_UNKNOWN_TOKEN", 401), Sent("no")),
        (
            answer({"errcode": "M_LIMIT_EXCEEDED"}, 429, retry_after_s=2.0),
            Sent("no", retry_after_s=2.0),
        ),
        (Response(408, b""), Sent("unknown")),
        (refused("M_UNKNOWN", 500), Sent("unknown")),
        (Response(502, b"<html>"), Sent("unknown")),
    ],
)
def test_only_an_error_of_the_client_proves_that_a_message_was_not_stored(response, sent):
    call = connected().send(CONV, "c1", "hi")
    assert call.read(response) == sent


def test_a_send_is_repeated_with_the_same_transaction_id():
    codec = connected()
    first, second = (codec.send(CONV, "g1.0/1", "hi").request for _ in range(2))
    assert first == second
    assert first.method == "PUT"
    assert urlsplit(first.path).path.endswith("/send/m.room.message/g1.0%2F1")


def test_without_a_room_nothing_is_sent_or_read():
    codec = connected()
    assert codec.send("d.ann.cat", "c1", "hi") == Immediate(Sent("no"))
    with pytest.raises(ProtocolError, match=r"no room for d\.ann\.cat"):
        codec.history("d.ann.cat", "", 10)


def test_the_history_continues_after_an_entry_without_repeating_it():
    codec = connected()
    poll(codec, synced("s2", 1, 2))
    call = codec.history(CONV, "$2", 10)
    assert query(call.request)["from"] == "s2"
    page = call.read(answer({"chunk": [message(3)], "end": "t3"}))
    assert ([entry.id for entry in page.entries], page.more) == (["$3"], True)
    call = codec.history(CONV, "$3", 10)
    assert query(call.request)["from"] == "t3"
    assert not call.read(answer({"chunk": []})).more


@pytest.mark.parametrize("after", ["", "$unknown"])
def test_the_history_is_read_from_its_beginning_where_no_token_is_known(after):
    assert "from" not in query(connected().history(CONV, after, 10).request)


@pytest.mark.parametrize(("status", "code"), [(403, "M_FORBIDDEN"), (404, "M_NOT_FOUND")])
def test_the_history_of_a_room_that_the_server_has_lost_is_empty(status, code):
    page = connected().history(CONV, "$1", 10).read(refused(code, status))
    assert (page.entries, page.more) == ([], False)


def test_a_history_that_cannot_be_read_is_not_taken_for_an_empty_one():
    call = connected().history(CONV, "", 10)
    for response in (Response(403, b"a proxy"), refused("M_UNKNOWN_TOKEN", 401)):
        with pytest.raises(ProtocolError):
            call.read(response)


def test_places_of_entries_of_long_ago_are_forgotten():
    codec = connected()
    for number in range(100):
        poll(codec, synced(f"s{number + 2}", number))
    assert query(codec.history(CONV, "$99", 10).request)["from"] == "s101"
    assert "from" not in query(codec.history(CONV, "$0", 10).request)


def test_a_redacted_message_is_no_entry():
    codec = connected()
    redacted = message(1) | {"content": {}}
    timeline = {"events": [redacted]}
    content = {"next_batch": "s2", "rooms": {"join": {ROOM: {"timeline": timeline}}}}
    assert poll(codec, answer(content))[1] == []


# --- cleaning up


def test_the_account_that_the_run_has_created_is_removed_last_and_its_rooms_stay():
    codec = session(account=Account(name="ann", password="p"), adapter=Matrix({}))
    room, account = codec.clean_up(RunData(conversations=MEMBERS, owns_account=True))
    assert isinstance(room, Kept)
    assert isinstance(account, Removal)
    assert (account.kind, account.name, account.last) == ("account", "ann", True)
    poll(codec, answer({"access_token": "t1"}))
    call = account.begin()
    assert (path(call.request), call.request.token) == (
        "/_matrix/client/v3/account/deactivate",
        "t1",
    )
    assert json.loads(call.request.body)["auth"]["password"] == "p"
    assert call.read(answer({"id_server_unbind_result": "success"})) == Removed()
    failed = call.read(answer(FORBIDDEN, 403))
    assert (failed.count, failed.problem) == (0, "the server answered 403 M_FORBIDDEN")


def test_an_account_that_is_older_than_the_run_stays():
    assert session().clean_up(RunData(shared=MEMBERS)) == []


def test_cleaning_up_creates_no_account():
    codec = session(account=Account(name="ann"), adapter=Matrix({}))
    codec.clean_up(RunData(owns_account=True))
    with pytest.raises(ProtocolError, match="HTTP 403"):
        poll(codec, answer(FORBIDDEN, 403))


def test_a_wrong_setting_is_refused():
    with pytest.raises(ConfigError, match=r"target\.server\.register must be true or false"):
        Matrix({"register": "no"})
