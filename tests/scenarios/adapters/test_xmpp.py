"""One user's XMPP session: login, acknowledgement, resumption and archive."""

from pathlib import Path

import pytest

from gauntlet.scenarios.adapters.base import (
    Account,
    Answer,
    Connected,
    Created,
    Kept,
    Page,
    Refused,
    Removed,
    RunData,
    SendFrames,
    Sent,
)
from gauntlet.scenarios.adapters.xmpp import Xmpp

from .events import flat

GOLDEN = Path(__file__).parents[2] / "golden" / "xmpp"
CONV = "d.u0-0.u0-1"
HANDSHAKE = [
    "open", "features-before-login", "success", "open", "features", "bound", "enabled",
]  # fmt: skip


def golden(name):
    """Return the bytes of a golden frame."""
    return (GOLDEN / f"{name}.xml").read_bytes().strip()


def receive(codec, *names, h=None):
    """Return the events of golden server frames; `h` replaces the count in the last one."""
    events = []
    for name in names:
        frame = golden(f"server/{name}")
        if h is not None and name == names[-1]:
            frame = frame.replace(b"h='2'", f"h='{h}'".encode())
        events += flat(codec.read(frame))
    return events


def sent_frames(events):
    """Return the frames that the events request to be sent."""
    return [frame for event in events if isinstance(event, SendFrames) for frame in event.frames]


def answers(events):
    """Return the values of the calls that ended, by ticket."""
    return {event.ticket: event.value for event in events if isinstance(event, Answer)}


@pytest.fixture
def codec():
    """The codec of a session that is up and has sent its presence."""
    made = Xmpp({}).codec(Account(name="u0-1"), "d0")
    assert made.open({}) == golden("client/open")
    events = receive(made, *HANDSHAKE)
    assert sent_frames(events) == [
        golden("client/auth"), golden("client/open"), golden("client/bind"),
        golden("client/enable"), golden("client/presence"), golden("client/request-ack"),
    ]  # fmt: skip
    assert [event for event in events if isinstance(event, Connected)] == [
        Connected("localhost", "", 10_000, 5_000, {})
    ]
    return made


def resumed(h):
    """Return the frame with which the server resumes the session."""
    return f"<resumed xmlns='urn:xmpp:sm:3' previd='mhtD4XsNydrR' h='{h}'/>".encode()


def reconnect(codec, last):
    """Lose the connection, open another, and return the events of the answer to `resume`."""
    codec.lost()
    codec.open({})
    events = receive(codec, *HANDSHAKE[:5])
    assert sent_frames(events)[-1].startswith(
        b"<resume xmlns='urn:xmpp:sm:3' previd=\"mhtD4XsNydrR\""
    )
    return flat(codec.read(last))


def test_every_golden_frame_of_prosody_is_understood(codec):
    for file in sorted((GOLDEN / "server").glob("*.xml")):
        codec.read(file.read_bytes().strip())


def test_a_send_is_acknowledged_when_the_server_has_counted_it(codec):
    """The presence is the first stanza of the session, and the messages follow it."""
    first, second = codec.send(CONV, "m1", "hi"), codec.send(CONV, "m2", "hi")
    assert first.frames[1] == second.frames[1] == golden("client/request-ack")
    assert answers(receive(codec, "ack", h=1)) == {}
    assert answers(receive(codec, "ack", h=2)) == {"m1": Sent("yes")}
    assert answers(receive(codec, "ack", h=3)) == {"m2": Sent("yes")}


def test_waiting_stanzas_are_sent_before_the_session_is_reported_as_connected(codec):
    """Later stanzas must follow on the wire as they follow in the count."""
    codec.lost()
    codec.send(CONV, "m1", "one")
    events = reconnect(codec, resumed(1))
    kinds = [type(event) for event in events]
    assert kinds.index(SendFrames) < kinds.index(Connected)


def test_only_stanzas_raise_the_clients_count(codec):
    receive(codec, "presence", "ack", "message", "close", "archived")
    assert sent_frames(receive(codec, "request-ack")) == [b"<a xmlns='urn:xmpp:sm:3' h='3'/>"]


def test_a_resumed_session_acknowledges_and_repeats_by_the_servers_count(codec):
    codec.send(CONV, "m1", "one")
    codec.send(CONV, "m2", "two")
    codec.lost()
    assert codec.send(CONV, "m3", "three").frames == ()
    events = reconnect(codec, resumed(2))
    assert [event.resumed for event in events if isinstance(event, Connected)] == [True]
    assert answers(events) == {"m1": Sent("yes")}
    assert [b"two" in frame or b"three" in frame for frame in sent_frames(events)] == [
        True,
        True,
        False,
    ]
    assert answers(receive(codec, "ack", h=4)) == {"m2": Sent("yes"), "m3": Sent("yes")}


def test_sends_in_flight_in_a_lost_session_are_unknown(codec):
    codec.send(CONV, "m1", "one")
    page = codec.history(CONV, "", 10)
    codec.lost()
    codec.send(CONV, "m2", "two")  # certainly not sent: it goes out on the new session
    events = reconnect(codec, golden("server/resume-failed"))
    assert sent_frames(events) == [golden("client/bind")]
    events = receive(codec, "bound", "enabled")
    assert answers(events) == {"m1": Sent("unknown", temporary=False), page.ticket: None}
    frames = sent_frames(events)
    assert sum(b"two" in frame for frame in frames) == 1
    assert not any(b"one" in frame for frame in frames)
    assert answers(receive(codec, "ack", h=2)) == {"m2": Sent("yes")}


def test_a_lost_session_with_a_known_count_has_definite_outcomes(codec):
    """XEP-0198 1.6: `failed` with `h`. What it counts was handled, and the rest was not."""
    codec.send(CONV, "m1", "one")
    codec.send(CONV, "m2", "two")
    failed = golden("server/resume-failed").replace(b"<failed ", b"<failed h='2' ")
    events = reconnect(codec, failed)
    assert answers(events) == {"m1": Sent("yes"), "m2": Sent("no")}


def test_a_session_that_was_closed_is_not_resumed(codec):
    assert codec.goodbye() == golden("client/close")
    codec.lost()
    codec.open({})
    assert sent_frames(receive(codec, *HANDSHAKE[:5]))[-1] == golden("client/bind")


def test_an_archive_page_collects_its_entries_until_fin(codec):
    call = codec.history(CONV, "x", 500)
    assert call.ticket == "page1"
    assert receive(codec, "archived") == []
    (entry,) = answers(receive(codec, "archive-end"))["page1"].entries
    assert (entry.id, entry.body) == ("CgcAvfcwo6MLvCUNIf6r5Y5t", "hi & <")
    call = codec.history(CONV, entry.id, 500)
    fin = golden("server/archive-end").replace(b" complete='true'", b"").replace(b"page1", b"page2")
    assert answers(flat(codec.read(fin))) == {"page2": Page([], more=True)}


def test_an_archive_without_the_id_is_read_from_the_start(codec):
    """XEP-0313: `item-not-found` for `after`. The call continues under its ticket."""
    codec.history(CONV, "gone", 500)
    (query,) = sent_frames(receive(codec, "archive-unknown-id"))
    assert b"<after>" not in query
    assert answers(receive(codec, "archived", "archive-end"))["page1"].entries


def test_a_message_error_before_the_acknowledgement_is_unknown(codec):
    codec.send(CONV, "m1", "hi")
    bounce = b"<message xmlns='jabber:client' type='error' id='m1' from='u0-0@localhost'/>"
    assert answers(flat(codec.read(bounce))) == {"m1": Sent("unknown", temporary=False)}


def test_a_ping_of_the_server_is_answered(codec):
    ping = (
        b"<iq xmlns='jabber:client' type='get' id='p7' from='localhost'>"
        b"<ping xmlns='urn:xmpp:ping'/></iq>"
    )
    (pong,) = sent_frames([codec.read(ping)])
    assert b"type='result'" in pong
    assert b'id="p7"' in pong
    assert codec.ping() == golden("client/ping")


def test_a_refused_login_reports_the_condition():
    failure = (
        b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/>"
        b"<text>no</text></failure>"
    )
    assert Xmpp({}).codec(Account(name="u"), "d").read(failure) == Refused("not-authorized", "")


def test_names_of_accounts_may_contain_dots():
    codec = Xmpp({}).codec(Account(name="ann.lee"), "d0")
    codec.set_conversations({"d.ann.lee.bob.ray": ["ann.lee", "bob.ray"]})
    codec._up = True
    call = codec.send("d.ann.lee.bob.ray", "m1", "hello")
    assert b"to='bob.ray@localhost'" in call.frames[0].replace(b'"', b"'")


def iq(ident, kind="result", content=""):
    """Return an IQ stanza of the server."""
    return f"<iq xmlns='jabber:client' type='{kind}' id='{ident}'>{content}</iq>".encode()


def error(condition):
    xmlns = "urn:ietf:params:xml:ns:xmpp-stanzas"
    return f"<error type='cancel'><{condition} xmlns='{xmlns}'/></error>"


def signing_up():
    """A codec that has sent the request to create its account."""
    codec = Xmpp({"password": "p&q"}).codec(Account(name="ann"), "d0")
    assert codec.sign_up().value is False
    codec.open({})
    (frame,) = sent_frames(receive(codec, "open", "features-before-login"))
    assert b"jabber:iq:register" in frame
    assert b"p&amp;q" in frame
    return codec


def test_an_account_is_registered_before_the_login_and_reported_if_it_is_new():
    events = flat(signing_up().read(iq("register")))
    assert events[0] == Created(kind="account", name="ann")
    assert b"<auth" in sent_frames(events)[0]


def test_an_account_that_exists_already_is_not_reported_as_created():
    codec = signing_up()
    (event,) = flat(codec.read(iq("register", "error", error("conflict"))))
    assert b"<auth" in event.frames[0]
    codec.open({})  # once registered, the next connection begins with the login
    assert b"<auth" in sent_frames(receive(codec, "open", "features-before-login"))[0]


def test_a_refused_registration_reports_the_condition():
    (event,) = flat(signing_up().read(iq("register", "error", error("not-allowed"))))
    assert event == Refused("registration", "not-allowed")


def test_a_clean_up_discards_queued_messages_and_removes_the_account(codec):
    queued, account = codec.clean_up(RunData(owns_account=True))
    call = queued.begin()
    assert b"urn:xmpp:ping" in call.frames[0]
    receive(codec, "message")
    acknowledge, answer = flat(codec.read(iq(call.ticket)))
    assert acknowledge.frames[0].startswith(b"<a ")
    assert answer == Answer(call.ticket, Removed(1))
    call = account.begin()
    assert b"<remove/>" in call.frames[0]
    assert flat(codec.read(iq(call.ticket))) == [Answer(call.ticket, Removed(1))]


def test_a_server_may_end_the_stream_of_a_removed_account_without_a_result(codec):
    _, account = codec.clean_up(RunData(owns_account=True))
    call = account.begin()
    xmlns = "urn:ietf:params:xml:ns:xmpp-streams"
    stream = "xmlns:s='http://etherx.jabber.org/streams'"
    frame = f"<s:error {stream}><not-authorized xmlns='{xmlns}'/></s:error>".encode()
    assert flat(codec.read(frame)) == [Answer(call.ticket, Removed(1))]


def test_a_server_that_refuses_to_remove_an_account_is_quoted(codec):
    _, account = codec.clean_up(RunData(owns_account=True))
    call = account.begin()
    (answer,) = flat(codec.read(iq(call.ticket, "error", error("not-allowed"))))
    assert "not-allowed" in answer.value.problem


def test_an_account_that_the_run_did_not_create_is_kept_with_its_messages(codec):
    (kept,) = codec.clean_up(RunData())
    assert isinstance(kept, Kept)
    assert "did not create" in kept.reason
