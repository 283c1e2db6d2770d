"""Heartbeats, silent connections, and users whose app does not run for a while."""

from gauntlet.core.history import Kind

from .sessions import LOGIN, OPEN, connect, message, receive


def test_a_ping_of_the_server_is_answered(world, session):
    connection = connect(world, session)
    receive(session, connection, ping={"heads": {}})
    assert world.sent(connection)[-1] == {"pong": {}}


def test_silence_leads_to_a_ping_and_then_to_a_reconnect(world, session):
    connection = connect(world, session)
    world.pass_ms(2_600)
    assert world.sent(connection)[-1] == {"ping": {}}
    assert session.connected
    world.pass_ms(1_000)
    assert not session.connected
    assert world.closed == [(connection, True)]
    world.pass_ms(600)
    assert world.asked


def test_a_connection_with_pushes_is_not_pinged(world, session):
    connection = connect(world, session)
    for seq in range(1, 6):
        world.pass_ms(1_900)
        receive(session, connection, msg=message(seq))
    assert session.connected


def test_a_connection_without_connected_is_dropped_after_the_time_out(world, session):
    world.take().answer(200, LOGIN)
    session.on_open(world.dialled[-1], OPEN)
    world.pass_ms(7_500)
    assert world.closed == [(world.dialled[0], True)]
    assert world.asked or len(world.dialled) == 2
    assert world.kinds(Kind.DISCONNECT) == []


def test_a_stalled_user_reads_nothing_and_reconnects_after_waking(world, session):
    connection = connect(world, session)
    session.stall()
    assert [r.kind for r in world.records] == [Kind.CONNECT, Kind.OFFLINE]
    assert (world.reading, world.closed) == ([(connection, False)], [])
    session.start()
    assert world.reading == [(connection, False), (connection, True)]
    world.pass_ms(900)
    assert world.closed == []
    world.pass_ms(700)
    assert world.closed == [(connection, True)]
    connect(world, session)
    assert session.connected


def test_a_stalled_user_whose_connection_was_closed_reconnects_once(world, session):
    """The close waits in the buffers until the user reads again."""
    connection = connect(world, session)
    session.stall()
    session.start()
    session.on_closed(connection, 4008)
    (ended,) = world.kinds(Kind.DISCONNECT)
    assert ended.fields["spare"] == 4008
    world.pass_ms(600)
    new = connect(world, session)
    world.pass_ms(2_000)
    assert all(closed is not new for closed, _ in world.closed)


def test_stalling_without_a_connection_changes_nothing(world, session):
    session.stall()
    session.start()
    assert world.kinds(Kind.OFFLINE) == []
    assert world.reading == []


def test_a_stalled_user_reconnects_only_after_waking(world, session):
    """Neither silence nor a close of the server counts, because the app does not run."""
    connection = connect(world, session)
    session.stall()
    world.pass_ms(10_000)
    assert not connection.ended
    session.on_closed(connection, 1006)
    world.pass_ms(10_000)
    assert not world.asked
    session.start()
    assert world.take().request.path == "/v1/sessions"


def test_a_stalled_user_ignores_a_reconnect_request(world, session):
    connection = connect(world, session)
    receive(
        session,
        connection,
        reconnect={"url": "ws://127.0.0.1:2", "delay_ms": 500, "deadline_ms": 900},
    )
    session.stall()
    world.pass_ms(2000)
    assert world.dialled == [connection]


def test_a_heartbeat_without_an_interval_is_refused(world, session):
    """It would keep the engine busy."""
    world.take().answer(200, LOGIN)
    connection = world.dialled[-1]
    session.on_open(connection, OPEN)
    receive(session, connection, connected={"client": "e|1", "ping_ms": 0, "pong_ms": 0})
    assert connection.ended
    assert world.connections == 0
