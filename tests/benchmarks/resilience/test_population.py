"""A population on a server that does not answer."""

import asyncio
import contextlib

import aiohttp
import pytest

from benchmarks.resilience.client import NotServed
from benchmarks.resilience.population import Population


@contextlib.asynccontextmanager
async def silent_server():
    """A server that accepts connections, and never answers."""

    async def keep(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while await reader.read(1000):
                pass
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_founding_a_population_on_a_silent_server_fails():
    async with silent_server() as url, aiohttp.ClientSession() as http:
        population = Population(http, [url], 5, "t", 1.0)
        with pytest.raises(NotServed, match=r"had not logged in .* within 0\.2 s"):
            await asyncio.wait_for(population.found(0.2), 30)
