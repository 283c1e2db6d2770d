"""What becomes of a connection with a login that the server has not issued."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.core.history import ProbeResult
from gauntlet.scenarios.adapters.base import Account, Response
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.engine.actions import forged_connections
from gauntlet.scenarios.engine.actions.forged_connections import result_of_connecting

from ...world import ANN

CONNECTED = b'{"connected":{"client":"e|1","ping_ms":1,"pong_ms":1,"heads":{}}}'
REFUSED = b'{"error":{"code":"unauthorized","message":"no"}}'


@pytest.fixture
def bench(world, monkeypatch):
    """A session whose server opens connections and answers with `frames`, then closes them."""
    monkeypatch.setattr(forged_connections, "_TIMEOUT_S", 0.01)
    frames: list[bytes] = []
    made = SimpleNamespace(frames=frames, code=0, opens=True, sent=[], closed=[], dialled=[])
    made.expected_ends = []

    class Port:
        def dial(self, connection, dial):
            made.dialled.append(dial)
            listener = connection.session
            if made.opens:
                listener.on_open(connection, Response(101, b""))
            for frame in frames:
                listener.on_frame(connection, frame)
            if made.code:
                made.expected_ends.append(connection.ended)
                listener.on_closed(connection, made.code)

        def send(self, _connection, frame):
            made.sent.append(frame)

        def close(self, connection, *, abort):
            made.closed.append((connection.ended, abort))

    codec = world.context.adapter.codec(Account(name=ANN.name), "d0")
    current = Connection(None, "ws://127.0.0.1:9/v1/ws", 0, number=3)
    channel = SimpleNamespace(
        codec=codec, connection=current, ask=lambda make, *given: make(*given)
    )
    made.session = SimpleNamespace(user=ANN, request_channel=channel)

    async def attempt():
        return await result_of_connecting(world.context, Port(), made.session, "forged", "d0")

    made.attempt = attempt
    return made


@pytest.mark.parametrize(
    ("frames", "code", "result"),
    [
        ([CONNECTED], 0, ProbeResult.GRANTED),
        ([CONNECTED, REFUSED], 4501, ProbeResult.GRANTED),
        ([REFUSED], 4501, ProbeResult.REFUSED),
        ([], 4501, ProbeResult.REFUSED),
        ([], 1006, ProbeResult.UNKNOWN),
        ([b"no frame", b'{"ping":{}}'], 0, ProbeResult.UNKNOWN),
    ],
)
async def test_the_first_answer_is_the_result(bench, frames, code, result):
    bench.frames += frames
    bench.code = code
    assert await bench.attempt() is result
    assert bench.sent == [b'{"connect":{"token":"forged","device":"d0","cursors":{}}}']
    assert bench.closed == [(True, True)]
    (dial,) = bench.dialled
    assert (dial.url, dial.subprotocols) == ("ws://127.0.0.1:9/v1/ws", ("im.v1.json",))


async def test_a_connection_that_was_not_opened_says_nothing(bench):
    bench.opens, bench.code = False, 4501
    assert await bench.attempt() is ProbeResult.UNKNOWN


async def test_nothing_is_tried_without_a_connection_or_a_frame_with_a_token(bench):
    bench.session.request_channel.connection = None
    assert await bench.attempt() is None
    bench.session.request_channel.codec = SimpleNamespace(open_as=lambda _token, _device: b"")
    assert await bench.attempt() is None
    assert bench.dialled == []


async def test_an_attempt_that_is_cancelled_leaves_no_connection(bench):
    task = asyncio.ensure_future(bench.attempt())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.closed == [(True, True)]


async def test_the_close_by_the_server_is_expected_and_no_trouble_of_a_client(bench):
    bench.code = 4501
    await bench.attempt()
    assert bench.expected_ends == [True]
