"""One virtual user: connecting, reconnects, absences, rooms and errors."""

import json
from random import Random

import pytest

from gauntlet.core.history import ClosedBy, Kind, RoomEvent
from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.scenarios.adapters.base import Adapter as Base
from gauntlet.scenarios.adapters.base import (
    Answer,
    Connected,
    Entry,
    OverSocket,
    SendFrames,
    StartTls,
)
from gauntlet.scenarios.adapters.base import Codec as CodecBase
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.client.session import Session

from ..world import ANN, BOB, ROOM, TALK, World
from .sessions import OPEN, connect, message, receive

MS = 1_000_000


def test_a_session_logs_in_dials_and_sends_the_connect_frame_first(world, session):
    connection = connect(world, session)
    assert connection.url == "ws://127.0.0.1:1/v1/ws"
    connect_frame = {"connect": {"token": "t", "device": "d0", "cursors": {}}}
    assert world.sent(connection) == [connect_frame]
    (record,) = world.kinds(Kind.CONNECT)
    assert record.fields == {"ref_ns": connection.dialled_ns, "link": 1, "peer": ANN.number}
    assert (connection.connected.edge, connection.connected.environment) == ("edge-blue-1", "blue")
    assert world.connected == [ANN]


def test_entries_before_the_head_are_read_immediately(world, session):
    """The server does not push what lies between the cursor and the head of `connected`."""
    connect(world, session, heads={TALK.name: 3})
    (asked,) = world.asked
    assert asked.request.path.endswith("/messages?after=0&limit=500")


def test_a_reconnect_sends_the_cursors_and_is_the_next_incarnation(world, session):
    connection = connect(world, session)
    receive(session, connection, msg=message(1))
    session.on_closed(connection, 1006)
    assert not session.connected
    world.pass_ms(600)
    new = connect(world, session)
    assert world.sent(new)[0]["connect"]["cursors"] == {TALK.name: 1}
    assert new.incarnation == 2
    (disconnect,) = world.kinds(Kind.DISCONNECT)
    ended = {"link": 1, "peer": ANN.number, "sseq": ClosedBy.SERVER, "spare": 1006}
    assert disconnect.fields == ended
    assert world.context.counters.reconnects == 1


def test_a_server_that_closes_with_the_code_of_a_normal_end_is_not_the_client(world, session):
    session.on_closed(connect(world, session), 1000)
    (ended,) = world.kinds(Kind.DISCONNECT)
    assert (ended.fields["sseq"], ended.fields["spare"]) == (ClosedBy.SERVER, 1000)


def test_a_requested_reconnect_opens_the_new_connection_before_closing_the_old_one(world, session):
    old = connect(world, session)
    receive(session, old, msg=message(1))
    target = "ws://127.0.0.1:2/v1/ws"
    request = {"url": target, "delay_ms": 400, "deadline_ms": 9000, "reason": "cutover"}
    receive(session, old, reconnect=request)
    world.pass_ms(300)
    assert len(world.dialled) == 1
    world.pass_ms(200)
    new = world.dialled[-1]
    assert new.url == target
    session.on_open(new, OPEN)
    receive(session, old, msg=message(2))
    assert session.connected
    assert world.closed == []
    connect(world, session, edge="edge-green-1")
    assert world.closed == [(old, False)]
    assert world.sent(new)[0]["connect"]["cursors"] == {TALK.name: 1}
    records = [(r.kind, r.fields["link"]) for r in world.kinds(Kind.CONNECT, Kind.DISCONNECT)]
    assert records == [(Kind.CONNECT, 1), (Kind.CONNECT, 2), (Kind.DISCONNECT, 1)]


def test_a_failed_reconnect_is_retried_while_the_old_connection_stays(world, session):
    old = connect(world, session)
    request = {"url": "ws://127.0.0.1:2", "delay_ms": 0, "deadline_ms": 9000, "reason": "cutover"}
    receive(session, old, reconnect=request)
    world.pass_ms(10)
    session.on_closed(world.dialled[-1], 1006)
    assert session.connected
    world.pass_ms(600)
    new = connect(world, session)
    assert world.closed == [(world.dialled[1], False), (old, False)]
    assert session.request_channel.connection is new


def test_a_planned_absence_is_recorded_and_ends_with_start(world, session):
    connection = connect(world, session)
    session.leave()
    assert [r.kind for r in world.records] == [Kind.CONNECT, Kind.OFFLINE, Kind.DISCONNECT]
    assert world.closed == [(connection, False)]
    (ended,) = world.kinds(Kind.DISCONNECT)
    assert (ended.fields["sseq"], ended.fields["spare"]) == (ClosedBy.CLIENT, 1000)
    world.pass_ms(10_000)
    assert world.asked == []
    session.start()
    connect(world, session)
    assert session.connected


def test_every_second_user_exits_all_rooms_before_a_planned_absence(world):
    """The others are lost to the server, as those who close an app."""
    for user in (ANN, BOB):
        session = Session(world.context, user, Random(1))
        session.start()
        connection = connect(world, session)
        session.join(ROOM, 1)
        session.leave()
        exits_all = user is BOB
        assert ({"leave": {}} in world.sent(connection)) is exits_all
        attend = [record.fields for record in world.kinds(Kind.ATTEND)]
        known = {"conv": ROOM.number, "link": connection.number, "peer": BOB.number}
        assert attend == [known | {"sseq": RoomEvent.EXITED}] * exits_all
    session.start()
    again = connect(world, session)
    assert {"enter": {"conv": ROOM.name}} in world.sent(again)


def test_who_is_in_no_room_exits_none(world):
    session = Session(world.context, BOB, Random(1))
    session.start()
    connection = connect(world, session)
    session.leave()
    assert {"leave": {}} not in world.sent(connection)
    assert world.kinds(Kind.ATTEND) == []


def test_a_system_without_such_a_frame_sees_the_close_alone(world, monkeypatch):
    session = Session(world.context, BOB, Random(1))
    monkeypatch.setattr(type(session.request_channel.codec), "exit_all", CodecBase.exit_all)
    session.start()
    connection = connect(world, session)
    session.join(ROOM, 1)
    session.leave()
    assert {"leave": {}} not in world.sent(connection)
    assert world.kinds(Kind.ATTEND) == []


def test_a_joined_room_is_entered_on_every_connection(world, session):
    connection = connect(world, session)
    session.join(ROOM, 1)
    assert world.sent(connection)[-1] == {"enter": {"conv": ROOM.name}}
    session.on_closed(connection, 1012)
    world.pass_ms(600)
    new = connect(world, session)
    assert {"enter": {"conv": ROOM.name}} in world.sent(new)


def test_exiting_and_entering_a_room_is_sent_and_recorded(world, session):
    """A new connection does not enter a room that the user has exited."""
    connection = connect(world, session)
    session.attend(ROOM, on=False)
    assert world.kinds(Kind.ATTEND) == []  # Ann is no member yet
    session.join(ROOM, 1)
    session.attend(ROOM, on=False)
    assert world.sent(connection)[-1] == {"exit": {"conv": ROOM.name}}
    session.on_closed(connection, 1012)
    world.pass_ms(600)
    new = connect(world, session)
    assert {"enter": {"conv": ROOM.name}} not in world.sent(new)
    session.attend(ROOM, on=True)
    assert world.sent(new)[-1] == {"enter": {"conv": ROOM.name}}
    attendance = [record.fields for record in world.kinds(Kind.ATTEND)]
    assert [fields["sseq"] for fields in attendance] == [RoomEvent.EXITED, RoomEvent.ENTERED]
    assert {(fields["conv"], fields["peer"]) for fields in attendance} == {
        (ROOM.number, ANN.number)
    }


def test_an_absence_is_recorded_for_the_connection_of_the_device(world, session):
    """The user's other devices may stay connected."""
    connection = connect(world, session)
    session.leave()
    (offline,) = world.kinds(Kind.OFFLINE)
    assert offline.fields == {"link": connection.number, "peer": ANN.number}


def test_an_unreadable_frame_ends_the_connection(world, session):
    connection = connect(world, session)
    session.on_frame(connection, b"{]")
    assert world.closed == [(connection, True)]
    world.pass_ms(600)
    assert world.asked


@pytest.mark.parametrize(
    "frame",
    [
        {"msg": message(-5)},
        {"msg": message(1 << 40)},
        {"gap": {"conv": TALK.name, "from": 1, "to": 1 << 62}},
        {"ping": {"heads": {TALK.name: -1}}},
        {"reconnect": {"url": "ws://127.0.0.1:2", "delay_ms": -1}},
        {"reconnect": {"url": "ws://127.0.0.1:2", "delay_ms": 1 << 50}},
    ],
)
def test_an_impossible_number_ends_the_connection_and_is_recorded(world, session, frame):
    connection = connect(world, session)
    receive(session, connection, **frame)
    assert connection.ended
    assert [error.kind for error in world.errors.counts()] == ["protocol"]
    world.pass_ms(5000)
    assert world.asked  # the next login


class Clumsy(Reference):
    """Its codec raises at some frames, and answers others with no event."""

    def codec(self, account, device):
        class Codec(type(super().codec(account, device))):
            def read(self, frame):
                if b"boom" in frame:
                    return {}["id"]
                return "event" if b"word" in frame else super().read(frame)

        return Codec(account.name, device)


@pytest.mark.parametrize(("frame", "kind"), [("boom", "adapter"), ("word", "protocol")])
def test_an_error_of_the_adapter_ends_the_connection_and_not_the_load(frame, kind):
    world = World(Clumsy({}))
    session = Session(world.context, ANN, Random(1))
    session.start()
    connection = connect(world, session)
    receive(session, connection, **{frame: {}})
    assert connection.ended
    (error,) = world.errors.counts()
    assert error.kind == kind


def test_what_the_server_refuses_is_recorded_with_its_reason(world, session):
    connection = connect(world, session)
    refusal = {"code": "banned", "message": "too many friends", "temporary": False, "stored": "no"}
    receive(session, connection, error=refusal)
    assert [error.text for error in world.errors.counts()] == ["banned: too many friends"]


class Channels(Base):
    """A system with one channel per conversation, which confirms that a user has entered."""

    capabilities = frozenset({ROOMS})
    subprotocols = ("channels.v1",)

    def url(self, url):
        return f"{url}/ws"

    def codec(self, account, device):
        return ChannelCodec(account)


class ChannelCodec(CodecBase):
    """Subscribes to the channels of its conversations."""

    def __init__(self, account):
        self.account = account
        self.channels = {}

    def url(self, url):
        return f"{url}?user={self.account.name}"

    def handshake_headers(self):
        return {"Cookie": f"session={self.account.name}"}

    def set_conversations(self, conversations):
        self.channels = dict(conversations)

    def opened(self, response):
        return SendFrames(frames=(json.dumps({"status": response.status}).encode(),))

    def open(self, cursors):
        return json.dumps({"subscribe": self.channels}).encode()

    def enter(self, conv):
        return OverSocket(ticket=f"enter {conv}", frames=(json.dumps({"enter": conv}).encode(),))

    def send(self, conv, client_msg_id, body):
        return OverSocket(ticket=client_msg_id, frames=())

    def read(self, frame):
        content = json.loads(frame)
        if "text" in content:
            return Entry(conv=ROOM.name, seq=0, sender="u0-1", body=content["text"], id="1")
        if "entered" in content:
            return Answer(ticket=f"enter {ROOM.name}", value=content["entered"])
        return Connected()


def test_a_codec_names_its_own_address_headers_and_channels():
    world = World(Channels({}))
    session = Session(world.context, ANN, Random(1))
    session.start()
    (dial,) = world.dials
    assert dial.url == "ws://127.0.0.1:9/ws?user=u0-0"
    assert (dial.headers, dial.subprotocols) == ({"Cookie": "session=u0-0"}, ("channels.v1",))
    connection = world.dialled[-1]
    session.on_open(connection, OPEN)
    members = [ANN.name, "u0-1"]
    assert world.sent(connection) == [
        {"subscribe": {TALK.name: members, ROOM.name: members}},
        {"status": 101},
    ]


@pytest.mark.parametrize("accepted", [True, False])
def test_a_room_without_numbers_is_entered_by_a_call_and_its_messages_presented(accepted):
    world = World(Channels({}))
    session = Session(world.context, ANN, Random(1))
    session.start()
    connection = world.dialled[-1]
    session.on_open(connection, OPEN)
    receive(session, connection, connected={})
    session.join(ROOM, 0)
    assert world.sent(connection)[-1] == {"enter": ROOM.name}
    receive(session, connection, entered=accepted)
    assert [error.kind for error in world.errors.counts()] == ([] if accepted else ["refused"])
    receive(session, connection, text="hello")
    (delivery,) = world.kinds(Kind.DELIVER)
    assert delivery.fields["conv"] == ROOM.number


def test_tls_begins_where_the_codec_asks_for_it(world, session):
    connection = connect(world, session)
    session._handle(connection, StartTls(frames=(b'{"after": "tls"}',)))
    assert world.tls == [connection]
    assert world.sent(connection)[-1] == {"after": "tls"}
