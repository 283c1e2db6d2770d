"""Which server the registry in Redis asks next, without a Redis."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gauntlet.reference_server import registry
from gauntlet.reference_server.registry import redis as engine
from gauntlet.reference_server.registry.base import RegistryDown


@asynccontextmanager
async def closing_server(calls, name):
    """A server that notes each connection and closes it at once; its URL."""

    async def close(_reader, writer):
        calls.append(name)
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("concurrent", [1, 2, 3, 4])
async def test_concurrent_calls_that_fail_change_the_server_once(monkeypatch, concurrent):
    """Two of them would come back to the one that failed."""
    monkeypatch.setattr(engine, "RETRY_AFTER_S", 0.0)
    calls = []
    async with AsyncExitStack() as servers:
        urls = [
            await servers.enter_async_context(closing_server(calls, name))
            for name in ("first", "second")
        ]
        client = registry.connect(",".join(urls), lease_ms=60_000)
        failed = await asyncio.gather(
            *(client.generation() for _ in range(concurrent)), return_exceptions=True
        )
        assert [type(error) for error in failed] == [RegistryDown] * concurrent
        assert calls == ["first"] * concurrent
        with pytest.raises(RegistryDown):
            await client.generation()
        assert calls[-1] == "second"
        await client.close()
