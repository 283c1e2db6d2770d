"""One virtual user: connecting, staying, moving, coming back."""

import itertools
import json
from random import Random

import pytest

from gauntlet.core.history import Kind, RoomEvent
from gauntlet.scenarios.adapters.xmpp import Xmpp
from gauntlet.scenarios.client.session import Session

from ..world import ANN, ROOM, TALK, World

LOGIN = {"token": "t", "connect": {"url": "ws://127.0.0.1:1", "environment": "blue"}}
MS = 1_000_000


@pytest.fixture
def session(world):
    """Ann, who is about to log in."""
    made = Session(world.context, ANN, Random(1))
    made.start()
    return made


def say(session, link, **frame):
    """The server sends a frame."""
    session.on_frame(link, json.dumps(frame).encode())


def connect(world, session, heads=None, edge="edge-blue-1"):
    """Answer the login, open the dialled link, and greet."""
    if world.asked:
        world.take().answer(200, LOGIN)
    link = world.dialled[-1]
    session.on_open(link)
    greeting = {"client": f"{edge}|1", "ping_ms": 2000, "pong_ms": 1000, "heads": heads or {}}
    say(session, link, connected=greeting)
    return link


def keep_alive(world, session, link, for_s):
    """Time goes by, in which the server is heard every second."""
    for _ in range(for_s):
        world.pass_ms(1000, step_ms=500)
        say(session, link, ping={})


def message(seq, sender="u0-1"):
    """A pushed message that is none of ours in content; order is all that matters here."""
    return {
        "conv": TALK.name,
        "seq": seq,
        "msg_id": "m",
        "client_msg_id": "c",
        "sender": sender,
        "body": "x",
        "ts": 0,
    }


def test_a_user_logs_in_dials_and_introduces_himself(world, session):
    """The WebSocket path is the protocol's, and `connect` is the first frame."""
    link = connect(world, session)
    assert link.url == "ws://127.0.0.1:1/v1/ws"
    hello = {"connect": {"token": "t", "device": "d0", "cursors": {}}}
    assert world.sent(link) == [hello]
    (record,) = world.kinds(Kind.CONNECT)
    assert record.fields == {"ref_ns": link.dialled_ns, "link": 1, "peer": ANN.number}
    assert (link.connected.edge, link.connected.environment) == ("edge-blue-1", "blue")
    assert world.connected == [ANN]


def test_what_lies_before_the_head_is_read_at_once(world, session):
    """Between the cursor and the head of `connected` there will be no push."""
    connect(world, session, heads={TALK.name: 3})
    (asked,) = world.asked
    assert asked.request.path.endswith("/messages?after=0&limit=500")


def test_a_return_names_its_cursors(world, session):
    """A lost connection comes back with how far it had come, as the next incarnation."""
    link = connect(world, session)
    say(session, link, msg=message(1))
    session.on_closed(link, 1006)
    assert not session.connected
    world.pass_ms(600)
    again = connect(world, session)
    assert world.sent(again)[0]["connect"]["cursors"] == {TALK.name: 1}
    assert again.incarnation == 2
    (gone,) = world.kinds(Kind.DISCONNECT)
    assert gone.fields == {"link": 1, "peer": ANN.number, "spare": 1006}
    assert world.context.counters.reconnects == 1


def test_returns_wait_longer_while_they_fail(world, session):
    """Each failed login is followed by a backoff, and by another gateway."""
    gateways = []
    for _ in range(6):
        asked = world.take()
        gateways.append(asked.gateway)
        asked.fail()
        assert world.asked == []
        world.pass_ms(5_000)
    assert gateways == list(range(gateways[0], gateways[0] + 6))


def test_whoever_has_a_token_needs_no_login(world, session):
    """While logins fail the last known address is dialled."""
    link = connect(world, session)
    session.on_closed(link, 1006)
    world.pass_ms(600)
    world.take().answer(503, {"error": {"code": "unavailable", "message": ""}})
    assert len(world.dialled) == 2
    connect(world, session)
    assert session.connected


def test_the_servers_ping_is_answered(world, session):
    """`pong` answers `ping`, at once."""
    link = connect(world, session)
    say(session, link, ping={"heads": {}})
    assert world.sent(link)[-1] == {"pong": {}}


def test_silence_means_dead(world, session):
    """After ping_ms the client asks; after ping_ms + pong_ms it leaves and returns."""
    link = connect(world, session)
    world.pass_ms(2_600)
    assert world.sent(link)[-1] == {"ping": {}}
    assert session.connected
    world.pass_ms(1_000)
    assert not session.connected
    assert world.closed == [(link, True)]
    world.pass_ms(600)
    assert world.asked


def test_any_traffic_counts_as_life(world, session):
    """A connection that pushes needs no pings."""
    link = connect(world, session)
    for seq in range(1, 6):
        world.pass_ms(1_900)
        say(session, link, msg=message(seq))
    assert session.connected


def test_make_before_break(world, session):
    """On `reconnect` the new connection is up, with cursors, before the old one is closed."""
    old = connect(world, session)
    say(session, old, msg=message(1))
    target = "ws://127.0.0.1:2/v1/ws"
    move = {"url": target, "delay_ms": 400, "deadline_ms": 9000, "reason": "cutover"}
    say(session, old, reconnect=move)
    world.pass_ms(300)
    assert len(world.dialled) == 1
    world.pass_ms(200)
    new = world.dialled[-1]
    assert new.url == target
    session.on_open(new)
    say(session, old, msg=message(2))
    assert session.connected
    assert world.closed == []
    connect(world, session, edge="edge-green-1")
    assert world.closed == [(old, False)]
    assert world.sent(new)[0]["connect"]["cursors"] == {TALK.name: 1}
    records = [(r.kind, r.fields["link"]) for r in world.kinds(Kind.CONNECT, Kind.DISCONNECT)]
    assert records == [(Kind.CONNECT, 1), (Kind.CONNECT, 2), (Kind.DISCONNECT, 1)]


def test_a_failed_move_is_tried_again_beside_the_old_connection(world, session):
    """The old connection stays while the new one cannot be had."""
    old = connect(world, session)
    move = {"url": "ws://127.0.0.1:2", "delay_ms": 0, "deadline_ms": 9000, "reason": "cutover"}
    say(session, old, reconnect=move)
    world.pass_ms(10)
    session.on_closed(world.dialled[-1], 1006)
    assert session.connected
    world.pass_ms(600)
    new = connect(world, session)
    assert world.closed == [(world.dialled[1], False), (old, False)]
    assert session.request_channel.connection is new


def test_an_unanswered_dial_is_given_up(world, session):
    """A server that opens and never says `connected` is left."""
    world.take().answer(200, LOGIN)
    session.on_open(world.dialled[-1])
    world.pass_ms(7_500)
    assert world.closed == [(world.dialled[0], True)]
    assert world.asked or len(world.dialled) == 2
    assert world.kinds(Kind.DISCONNECT) == []


def test_a_planned_absence_is_recorded_and_ends(world, session):
    """Offline on purpose: closed with 1000, no return before `start`."""
    link = connect(world, session)
    session.leave()
    assert [r.kind for r in world.records] == [Kind.CONNECT, Kind.OFFLINE, Kind.DISCONNECT]
    assert world.closed == [(link, False)]
    world.pass_ms(10_000)
    assert world.asked == []
    session.start()
    connect(world, session)
    assert session.connected


def test_a_stalled_user_reads_nothing_and_comes_anew(world, session):
    """Away on purpose, though connected; on waking he reads on, and replaces what still stands."""
    link = connect(world, session)
    session.stall()
    assert [r.kind for r in world.records] == [Kind.CONNECT, Kind.OFFLINE]
    assert (world.reading, world.closed) == ([(link, False)], [])
    session.start()
    assert world.reading == [(link, False), (link, True)]
    world.pass_ms(900)
    assert world.closed == []
    world.pass_ms(700)
    assert world.closed == [(link, True)]
    connect(world, session)
    assert session.connected


def test_a_stalled_user_who_was_cut_off_returns_once(world, session):
    """The close that waits in the buffers is heard on waking; nothing is replaced after it."""
    link = connect(world, session)
    session.stall()
    session.start()
    session.on_closed(link, 4008)
    (ended,) = world.kinds(Kind.DISCONNECT)
    assert ended.fields["spare"] == 4008
    world.pass_ms(600)
    again = connect(world, session)
    world.pass_ms(2_000)
    assert all(closed is not again for closed, _ in world.closed)


def test_who_is_not_connected_cannot_stall(world, session):
    """Without a connection nothing is recorded, and waking changes nothing."""
    session.stall()
    session.start()
    assert world.kinds(Kind.OFFLINE) == []
    assert world.reading == []


def test_a_room_is_attended_on_every_connection(world, session):
    """`enter` is said when the user was put in, and again after a return."""
    link = connect(world, session)
    session.join(ROOM, 1)
    assert world.sent(link)[-1] == {"enter": {"conv": ROOM.name}}
    session.on_closed(link, 1012)
    world.pass_ms(600)
    again = connect(world, session)
    assert {"enter": {"conv": ROOM.name}} in world.sent(again)


def test_a_member_exits_his_room_and_enters_it_again(world, session):
    """Said and recorded each time; a return does not enter a room that he has left."""
    link = connect(world, session)
    session.attend(ROOM, on=False)
    assert world.kinds(Kind.ATTEND) == []  # he is not in it yet
    session.join(ROOM, 1)
    session.attend(ROOM, on=False)
    assert world.sent(link)[-1] == {"exit": {"conv": ROOM.name}}
    session.on_closed(link, 1012)
    world.pass_ms(600)
    again = connect(world, session)
    assert {"enter": {"conv": ROOM.name}} not in world.sent(again)
    session.attend(ROOM, on=True)
    assert world.sent(again)[-1] == {"enter": {"conv": ROOM.name}}
    told = [record.fields for record in world.kinds(Kind.ATTEND)]
    assert [fields["sseq"] for fields in told] == [RoomEvent.EXITED, RoomEvent.ENTERED]
    assert {(fields["conv"], fields["peer"]) for fields in told} == {(ROOM.number, ANN.number)}


def test_an_absence_is_told_of_the_device(world, session):
    """The record names the device's last connection: his others may stay."""
    link = connect(world, session)
    session.leave()
    (offline,) = world.kinds(Kind.OFFLINE)
    assert offline.fields == {"link": link.number, "peer": ANN.number}


def test_nonsense_ends_the_connection(world, session):
    """A frame that the protocol does not have is not passed over in silence."""
    link = connect(world, session)
    session.on_frame(link, b"{]")
    assert world.closed == [(link, True)]
    world.pass_ms(600)
    assert world.asked


def test_a_login_is_renewed_long_before_it_expires(world, session):
    """On the same connection; the calls after it carry the new token, and so on and on."""
    world.take().answer(200, {**LOGIN, "expires_in_s": 3600})
    link = connect(world, session)
    for token in ("u", "v"):
        keep_alive(world, session, link, 2700)
        login = world.take()
        assert login.request.path == "/v1/sessions"
        login.answer(200, {**LOGIN, "token": token, "expires_in_s": 3600})
        assert session.request_channel.codec.history(TALK.name, 0, 1).request.token == token
    assert world.dialled == [link]
    assert session.request_channel.connection is link


def test_one_login_has_one_renewal(world, session):
    """Whoever was cut off and logged in again meanwhile does not renew the old login too."""
    world.take().answer(200, {**LOGIN, "expires_in_s": 3600})
    link = connect(world, session)
    keep_alive(world, session, link, 1000)
    session.on_closed(link, 1006)
    world.pass_ms(2000)
    world.take().answer(200, {**LOGIN, "expires_in_s": 36_000})
    keep_alive(world, session, connect(world, session), 2000)
    assert not world.asked


def test_a_renewal_that_failed_is_tried_again_soon(world, session):
    """A login is out of order for a minute: there is a new token before the old one is void."""
    world.take().answer(200, {**LOGIN, "expires_in_s": 3600})
    link = connect(world, session)
    keep_alive(world, session, link, 2700)
    for _ in range(3):
        world.take().fail()
        keep_alive(world, session, link, 181)
    world.take().answer(200, {**LOGIN, "token": "u", "expires_in_s": 3600})
    assert session.request_channel.codec.history(TALK.name, 0, 1).request.token == "u"
    assert world.dialled == [link]


def test_a_login_without_an_end_is_not_renewed(world, session):
    """A system that says nothing of it has tokens for ever."""
    link = connect(world, session)
    keep_alive(world, session, link, 10_000)
    assert not world.asked


def test_who_leaves_renews_nothing(world, session):
    """An absence is one; his return logs in anyway."""
    world.take().answer(200, {**LOGIN, "expires_in_s": 60})
    connect(world, session)
    session.leave()
    world.pass_ms(60_000, step_ms=100)
    assert not world.asked


def test_a_frozen_user_comes_back_when_he_is_woken_and_not_before(world, session):
    """Neither silence nor the server's close brings him back: his app does not run."""
    link = connect(world, session)
    session.stall()
    world.pass_ms(10_000)
    assert not link.ended
    session.on_closed(link, 1006)
    world.pass_ms(10_000)
    assert not world.asked
    session.start()
    assert world.take().request.path == "/v1/sessions"


def test_a_frozen_user_does_not_move(world, session):
    """A `reconnect` that he has read, but whose delay ends while he is frozen, waits for nobody."""
    link = connect(world, session)
    say(session, link, reconnect={"url": "ws://127.0.0.1:2", "delay_ms": 500, "deadline_ms": 900})
    session.stall()
    world.pass_ms(2000)
    assert world.dialled == [link]


def test_who_is_told_no_address_tries_the_others():
    """Without a login the target's own addresses are all there is: a dead one is not for ever."""
    world = World(Xmpp({}))
    world.context.api.append("ws://127.0.0.1:10")
    session = Session(world.context, ANN, Random(1))
    session.start()
    for _ in range(3):
        session.on_closed(world.dialled[-1], 1006)
        world.pass_ms(5000)
    addresses = [link.url for link in world.dialled]
    assert len(addresses) == 4
    assert all(one != other for one, other in itertools.pairwise(addresses))
