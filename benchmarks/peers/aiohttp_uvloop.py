"""aiohttp's WebSocket client on uvloop, with one task per connection and without statistics."""

import asyncio
import contextlib
import random

import aiohttp
import uvloop

from benchmarks.peers.arguments import PAYLOAD, parse


async def _exchange(session: aiohttp.ClientSession, url: str, pace_s: float) -> None:
    async with session.ws_connect(url, compress=0) as socket:
        await asyncio.sleep(pace_s * random.random())  # spreads the connections over the pace
        while True:
            await socket.send_str(PAYLOAD)
            await socket.receive_str()
            if pace_s:
                await asyncio.sleep(pace_s)


async def _main() -> None:
    url, connections, pace_s, seconds = parse()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for _ in range(connections):
                    group.create_task(_exchange(session, url, pace_s))


if __name__ == "__main__":
    uvloop.run(_main())
