"""A session with a system that has neither positions nor echo nor idempotent sends."""

from random import Random

import pytest

from gauntlet.core.history import Channel, Kind
from gauntlet.scenarios.adapters.base import Response
from gauntlet.scenarios.adapters.xmpp import Xmpp
from gauntlet.scenarios.adapters.xmpp_stanzas import message
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.workloads.entities import Op

from ..world import ANN, TALK, World

HANDSHAKE = (
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>",
    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>",
)
ENABLED = "<enabled xmlns='urn:xmpp:sm:3' resume='true' id='s1'/>"
FAILED = "<failed xmlns='urn:xmpp:sm:3'/>"
BOUND = "<iq xmlns='jabber:client' type='result' id='bind'/>"


class XmlWorld(World):
    """A world that keeps frames as bytes."""

    def send(self, connection, frame):
        self.frames.append((connection, frame))


@pytest.fixture
def world():
    """A world with the XMPP adapter."""
    session = XmlWorld(Xmpp({}))
    session.context.conversations_of[ANN.number] = [TALK]
    return session


@pytest.fixture
def session(world):
    """Ann's session, connected."""
    session = Session(world.context, ANN, Random(1))
    session.start()
    receive(session, connect(world, session), BOUND, ENABLED)
    return session


def connect(world, session):
    """Open the dialled connection up to the features of the stream."""
    connection = world.dialled[-1]
    session.on_open(connection, Response(101, b""))
    receive(session, connection, *HANDSHAKE)
    return connection


def receive(session, connection, *frames):
    """Have the session receive frames."""
    for frame in frames:
        session.on_frame(connection, frame if isinstance(frame, bytes) else frame.encode())


def message_of_bob(ident, sseq=1, sender="u0-1"):
    """Return a message of Bob to Ann, as the server forwards it."""
    body = payload.build(TALK.number, 2, sseq, 500, 120)
    stanza_id = f"<stanza-id xmlns='urn:xmpp:sid:0' by='u0-0@localhost' id='{ident}'/></message>"
    stanza = message("u0-0@localhost", f"m{sseq}", body).decode()
    stanza = stanza.replace("<message ", f"<message from='{sender}@localhost/d0' ")
    return stanza.replace("</message>", stanza_id)


def test_the_address_of_the_target_is_dialled_without_a_login(world, session):
    assert not world.asked
    assert world.dialled[0].url == "ws://127.0.0.1:9/xmpp-websocket"
    assert session.connected


def test_a_push_without_a_position_is_presented_and_its_copy_dropped(world, session):
    receive(session, session.request_channel.connection, message_of_bob("a1"), message_of_bob("a1"))
    delivered, dropped = world.kinds(Kind.DELIVER, Kind.RECEIVE)
    assert (delivered.kind, delivered.fields["seq"], delivered.fields["sseq"]) == (
        Kind.DELIVER,
        0,
        1,
    )
    assert dropped.kind == Kind.RECEIVE


def test_a_send_lost_with_its_session_is_unknown_after_one_attempt(world, session):
    session.submit(Op(0, TALK, 1, 1), world.time_ns)
    connection = session.request_channel.connection
    session.on_closed(connection, 1006)
    world.pass_ms(2_500)  # the world's attempt time-out is over: that alone ends nothing
    assert not world.kinds(Kind.UNKNOWN)
    receive(session, connect(world, session), FAILED, BOUND, ENABLED)
    assert len(world.kinds(Kind.ATTEMPT)) == 1
    assert len(world.kinds(Kind.UNKNOWN)) == 1
    assert sum(b"<body>" in frame for _, frame in world.frames) == 1


def test_the_archive_is_read_after_a_session_that_was_not_resumed(world, session):
    """The user's stanza_id entries are not presented on the device that wrote them."""
    receive(session, session.request_channel.connection, message_of_bob("a1"))
    session.on_closed(session.request_channel.connection, 1006)
    world.pass_ms(2_500)
    connection = connect(world, session)
    receive(session, connection, FAILED, BOUND, ENABLED)
    assert session.receiver.behind
    (query,) = [frame for on, frame in world.frames if on is connection and b"mam:2" in frame]
    assert b"<after>a1</after>" in query
    for ident, sender in (("a2", "u0-1"), ("a3", "u0-0")):
        inner = message_of_bob("", 2, sender)
        receive(
            session,
            connection,
            f"<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2' queryid='page1' "
            f"id='{ident}'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></result>"
            "</message>",
        )
    fin = "<fin xmlns='urn:xmpp:mam:2' complete='true'/>"
    receive(session, connection, f"<iq xmlns='jabber:client' type='result' id='page1'>{fin}</iq>")
    assert not session.receiver.behind
    channels = [record.fields["flags"] & 3 for record in world.kinds(Kind.DELIVER)]
    assert channels == [Channel.LIVE, Channel.RESYNC]


def test_a_resumed_session_reads_no_archive(world, session):
    session.on_closed(session.request_channel.connection, 1006)
    world.pass_ms(2_500)
    connection = connect(world, session)
    receive(session, connection, "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='1'/>")
    assert session.connected
    assert not session.receiver.behind


def test_a_planned_absence_closes_the_stream(world, session):
    """Otherwise the server would keep the session and its messages."""
    session.leave()
    assert world.frames[-1][1].startswith(b"<close ")
