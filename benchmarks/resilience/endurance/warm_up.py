"""Fills the bounded caches of gateways and edges, so that what still grows afterwards is a leak.

Both keep the tokens that they have verified (10,000), and gateways the routes of paths that they
have seen (8,192). An hour of ordinary churn only fills a part of these caches, and the memory for
that cannot be told from a leak.
"""

import asyncio
import json
from collections.abc import Callable, Sequence

import aiohttp
from websockets.asyncio.client import connect

from benchmarks.resilience.client import BROKEN, Account

# Each user has a token of their own. A login names one of two edges, which share the users about
# equally: each of them has to see more than it keeps.
_VISITORS = 24_000
_AT_ONCE = 40
_SHOWN_EVERY = 4_000


async def fill_caches(
    http: aiohttp.ClientSession, api: Sequence[str], say: Callable[[str], None]
) -> None:
    """Let many users log in, make a call at each gateway, and connect for a moment."""
    visitors = iter(range(_VISITORS))

    async def visit_all() -> None:
        for number in visitors:
            await _visit(Account(http, api, f"w-{number}", "d0"), api)
            if number % _SHOWN_EVERY == 0:
                say(f"the caches are filled: user {number} of {_VISITORS}")

    await asyncio.gather(*(visit_all() for _ in range(_AT_ONCE)))


async def _visit(visitor: Account, api: Sequence[str]) -> None:
    """Log in, ask each gateway for a room that does not exist, and connect and leave."""
    while True:
        try:
            url = await visitor.log_in()
            for each in api:
                await visitor.call("GET", f"/v1/rooms/r.{visitor.user}/members", api=each)
            hello = {"token": visitor.token, "device": visitor.device, "cursors": {}}
            async with connect(
                url,
                subprotocols=["im.v1.json"],  # type: ignore[list-item]  # a NewType of str
                compression=None,
                proxy=None,
            ) as socket:
                await socket.send(json.dumps({"connect": hello}))
                await socket.recv()
                await socket.send('{"leave":{}}')
            return
        except BROKEN:
            await visitor.pause()
