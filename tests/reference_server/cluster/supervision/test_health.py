"""Health checks: only the expected answer counts, and a silent server times out."""

import asyncio

import pytest

from gauntlet.reference_server.cluster.supervision import health

HEALTHY = {
    "python": b"HTTP/1.1 200 OK\r\n\r\n",
    "redis": b"+PONG\r\n",
    "rabbitmq": b"\x01\x00\x00",
    "postgres": b"R\x00\x00\x00\x08\x00\x00\x00\x00",
}
UNHEALTHY = {
    "python": b"HTTP/1.1 503 No\r\n\r\n",
    "redis": b"-LOADING Redis is loading\r\n",
    "rabbitmq": b"AMQP\x00\x00\x09\x01",
    "postgres": b"E\x00\x00\x00\x20SFATAL\x00C57P03\x00",
}


@pytest.fixture(autouse=True)
def _long_timeout(monkeypatch):
    monkeypatch.setattr(health, "_TIMEOUT_S", 30.0)


async def check(engine, answer):
    """Check a server that answers every request with `answer`, or never if it is None."""

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
async def test_the_expected_answer_is_healthy(engine):
    assert await check(engine, HEALTHY[engine])


async def test_a_redis_that_asks_for_its_password_is_healthy():
    """The check does not know the password, which only the processes of the server need."""
    assert await check("redis", b"-NOAUTH Authentication required.\r\n")


@pytest.mark.parametrize("engine", health.CHECKS)
async def test_any_other_answer_is_unhealthy(engine):
    """A server that is starting up answers too, but does not serve."""
    assert not await check(engine, UNHEALTHY[engine])


@pytest.mark.parametrize("engine", health.CHECKS)
async def test_a_missing_or_incomplete_answer_is_unhealthy(engine, monkeypatch):
    monkeypatch.setattr(health, "_TIMEOUT_S", 0.05)
    assert not await check(engine, None)
    assert not await check(engine, b"")
    assert not await health.CHECKS[engine]("127.0.0.1", 1)
