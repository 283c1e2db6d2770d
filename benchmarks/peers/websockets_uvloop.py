"""`websockets.asyncio` on uvloop, with one task per connection and without statistics."""

import asyncio
import contextlib
import random

import uvloop
from websockets.asyncio.client import connect

from benchmarks.peers.arguments import PAYLOAD, parse


async def _exchange(url: str, pace_s: float) -> None:
    async with connect(url, compression=None, ping_interval=None, max_queue=None) as socket:
        await asyncio.sleep(pace_s * random.random())  # spreads the connections over the pace
        while True:
            await socket.send(PAYLOAD)
            await socket.recv()
            if pace_s:
                await asyncio.sleep(pace_s)


async def _main() -> None:
    url, connections, pace_s, seconds = parse()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(_exchange(url, pace_s))


if __name__ == "__main__":
    uvloop.run(_main())
