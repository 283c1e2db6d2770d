"""A session of a system without positions, echo and idempotent sends: what is different there."""

from random import Random

import pytest

from gauntlet.core.history import Channel, Kind
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
    """A world whose frames are kept as they are."""

    def send(self, link, frame):
        """A frame was sent."""
        self.frames.append((link, frame))


@pytest.fixture
def world():
    """With the XMPP adapter."""
    made = XmlWorld(Xmpp({}))
    made.context.conversations_of[ANN.number] = [TALK]
    return made


@pytest.fixture
def session(world):
    """Ann, connected."""
    made = Session(world.context, ANN, Random(1))
    made.start()
    hear(made, connect(world, made), BOUND, ENABLED)
    return made


def connect(world, session):
    """Open the dialled connection as far as the features of the stream."""
    link = world.dialled[-1]
    session.on_open(link)
    hear(session, link, *HANDSHAKE)
    return link


def hear(session, link, *frames):
    """The server says something."""
    for frame in frames:
        session.on_frame(link, frame if isinstance(frame, bytes) else frame.encode())


def talk(ident, sseq=1, sender="u0-1"):
    """A message of Bob's to Ann, as the server hands it on."""
    body = payload.build(TALK.number, 2, sseq, 500, 120)
    own = f"<stanza-id xmlns='urn:xmpp:sid:0' by='u0-0@localhost' id='{ident}'/></message>"
    said = message("u0-0@localhost", f"m{sseq}", body).decode()
    said = said.replace("<message ", f"<message from='{sender}@localhost/d0' ")
    return said.replace("</message>", own)


def test_the_address_of_the_target_is_dialled_without_a_login(world, session):
    assert not world.asked
    assert world.dialled[0].url == "ws://127.0.0.1:9/xmpp-websocket"
    assert session.connected


def test_a_push_without_a_position_is_presented_and_its_copy_dropped(world, session):
    hear(session, session.request_channel.connection, talk("a1"), talk("a1"))
    shown, dropped = world.kinds(Kind.DELIVER, Kind.RECEIVE)
    assert (shown.kind, shown.fields["seq"], shown.fields["sseq"]) == (Kind.DELIVER, 0, 1)
    assert dropped.kind is Kind.RECEIVE


def test_a_send_lost_with_its_session_is_unknown_after_one_attempt(world, session):
    session.submit(Op(0, TALK, 1, 1), world.time_ns)
    link = session.request_channel.connection
    session.on_closed(link, 1006)
    world.pass_ms(2_500)  # the world's attempt time-out is over: that alone ends nothing
    assert not world.kinds(Kind.UNKNOWN)
    hear(session, connect(world, session), FAILED, BOUND, ENABLED)
    assert len(world.kinds(Kind.ATTEMPT)) == 1
    assert len(world.kinds(Kind.UNKNOWN)) == 1
    assert sum(b"<body>" in frame for _, frame in world.frames) == 1


def test_the_archive_is_read_after_a_session_that_was_not_resumed(world, session):
    """The user's own entries are not presented on the device that wrote them."""
    hear(session, session.request_channel.connection, talk("a1"))
    session.on_closed(session.request_channel.connection, 1006)
    world.pass_ms(2_500)
    link = connect(world, session)
    hear(session, link, FAILED, BOUND, ENABLED)
    assert session.receiver.behind
    (query,) = [frame for on, frame in world.frames if on is link and b"mam:2" in frame]
    assert b"<after>a1</after>" in query
    for ident, sender in (("a2", "u0-1"), ("a3", "u0-0")):
        inner = talk("", 2, sender)
        hear(
            session,
            link,
            f"<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2' queryid='page1' "
            f"id='{ident}'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></result>"
            "</message>",
        )
    fin = "<fin xmlns='urn:xmpp:mam:2' complete='true'/>"
    hear(session, link, f"<iq xmlns='jabber:client' type='result' id='page1'>{fin}</iq>")
    assert not session.receiver.behind
    channels = [record.fields["flags"] & 3 for record in world.kinds(Kind.DELIVER)]
    assert channels == [Channel.LIVE, Channel.RESYNC]


def test_a_resumed_session_reads_no_archive(world, session):
    session.on_closed(session.request_channel.connection, 1006)
    world.pass_ms(2_500)
    link = connect(world, session)
    hear(session, link, "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='1'/>")
    assert session.connected
    assert not session.receiver.behind


def test_a_planned_absence_closes_the_stream(world, session):
    """Otherwise the server would keep the session and its messages."""
    session.leave()
    assert world.frames[-1][1].startswith(b"<close ")
