"""What the tests of a session have the server do."""

import json

from gauntlet.scenarios.adapters.base import Response

from ..world import TALK

LOGIN = {"token": "t", "connect": {"url": "ws://127.0.0.1:1", "environment": "blue"}}
OPEN = Response(101, b"")


def receive(session, connection, **frame):
    """Have the session receive a frame."""
    session.on_frame(connection, json.dumps(frame).encode())


def connect(world, session, heads=None, edge="edge-blue-1"):
    """Answer the login, open the dialled connection, and accept the user."""
    if world.asked:
        world.take().answer(200, LOGIN)
    connection = world.dialled[-1]
    session.on_open(connection, OPEN)
    connected = {"client": f"{edge}|1", "ping_ms": 2000, "pong_ms": 1000, "heads": heads or {}}
    receive(session, connection, connected=connected)
    return connection


def keep_alive(world, session, connection, for_s):
    """Let time pass, with a ping of the server every second."""
    for _ in range(for_s):
        world.pass_ms(1000, step_ms=500)
        receive(session, connection, ping={})


def message(seq, sender="u0-1"):
    """Return a pushed message without a payload, for tests of order and connections."""
    return {
        "conv": TALK.name,
        "seq": seq,
        "msg_id": "m",
        "client_msg_id": "c",
        "sender": sender,
        "body": "x",
        "ts": 0,
    }
