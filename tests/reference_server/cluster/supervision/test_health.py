"""Health checks: only the right answer counts, and silence does not hold them up for ever."""

import asyncio

import pytest

from gauntlet.reference_server.cluster.supervision import health

GOOD = {
    "python": b"HTTP/1.1 200 OK\r\n\r\n",
    "redis": b"+PONG\r\n",
    "rabbitmq": b"\x01\x00\x00",
    "postgres": b"R\x00\x00\x00\x08\x00\x00\x00\x00",
}
BAD = {
    "python": b"HTTP/1.1 503 No\r\n\r\n",
    "redis": b"-LOADING Redis is loading\r\n",
    "rabbitmq": b"AMQP\x00\x00\x09\x01",
    "postgres": b"E\x00\x00\x00\x20SFATAL\x00C57P03\x00",
}


async def ask(engine, answer):
    """Check a server that says `answer` to everything; None says nothing."""

    async def serve(reader, writer):
        await reader.read(1000)
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        return await health.CHECKS[engine](*server.sockets[0].getsockname())


@pytest.mark.parametrize("engine", health.CHECKS)
async def test_the_right_answer_is_healthy(engine):
    """In the engine's own protocol."""
    assert await ask(engine, GOOD[engine])


@pytest.mark.parametrize("engine", health.CHECKS)
async def test_a_wrong_answer_is_not(engine):
    """A server that starts up answers too, but does not serve."""
    assert not await ask(engine, BAD[engine])


@pytest.mark.parametrize("engine", health.CHECKS)
async def test_no_answer_is_not(engine, monkeypatch):
    """Nor an end in the middle, nor a refused connection."""
    monkeypatch.setattr(health, "_TIMEOUT_S", 0.05)
    assert not await ask(engine, None)
    assert not await ask(engine, b"")
    assert not await health.CHECKS[engine]("127.0.0.1", 1)
