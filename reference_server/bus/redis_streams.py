"""The bus on Redis Streams: one short stream per edge boot, and one that every edge reads.

A stream is made by its edge (an empty first entry), so that publishing to a missing one is
noticed; it expires unless its edge refreshes it, so that killed edges leave nothing behind. What
the edge has heard, it cuts off.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gauntlet.reference_server.bus import base
from gauntlet.reference_server.bus.consumer import Listening

ALL = "edges.all"
STREAM_MAXLEN = 2_000
STREAM_TTL_MS = 60_000
TRIM_EVERY = 100  # entries heard: what they hold is given back to a server with little memory
BLOCK_MS = 500
ANSWER_TIMEOUT_S = BLOCK_MS / 1000 + 0.5  # a silent server is a lost one: the edge then polls
FAILURES = (RedisError, OSError, TimeoutError)

Streams = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


class RedisStreamsBus(Listening):
    """See `base.Bus`."""

    def __init__(self, url: str) -> None:
        super().__init__(FAILURES)
        self._url = url
        self._publisher = _client(url)

    async def publish(self, queue: str, data: bytes) -> None:
        if not await self._add(queue, data, create=False):
            raise base.Undeliverable(queue)

    async def publish_all(self, data: bytes) -> None:
        await self._add(ALL, data, create=True)

    async def close(self) -> None:
        await self.stop()
        if self._queue:
            with suppress(*FAILURES):
                async with asyncio.timeout(base.PUBLISH_TIMEOUT_S):
                    await self._publisher.delete(self._queue)
        await self._publisher.aclose()

    async def _add(self, stream: str, data: bytes, *, create: bool) -> bool:
        try:
            async with asyncio.timeout(base.PUBLISH_TIMEOUT_S):
                added = await self._publisher.xadd(
                    stream, {"d": data}, maxlen=STREAM_MAXLEN, nomkstream=not create
                )
        except FAILURES as error:
            raise base.BusDown(str(error) or type(error).__name__) from error
        return added is not None

    async def _session(self, up: Callable[[], None]) -> None:
        redis = _client(self._url)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                positions = await self._positions(redis)
            refresh_at, heard = time.monotonic(), 0
            up()
            while True:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    if heard >= TRIM_EVERY:
                        heard = 0
                        await redis.xtrim(self._queue, minid=positions[self._queue.encode()])
                    streams = await _read(redis, positions)
                    if time.monotonic() >= refresh_at:
                        refresh_at = time.monotonic() + STREAM_TTL_MS / 4000
                        await redis.pexpire(self._queue, STREAM_TTL_MS)
                for stream, entries in streams:
                    positions[stream] = entries[-1][0]
                    heard += len(entries)
                    for _, fields in entries:
                        self._heard(fields[b"d"])
        finally:
            await redis.aclose()

    async def _positions(self, redis: Redis) -> dict[bytes, bytes]:
        """Make the own stream anew and find where to begin in both."""
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(self._queue)
            pipeline.xadd(self._queue, {"d": b""})
            pipeline.pexpire(self._queue, STREAM_TTL_MS)
            pipeline.xrevrange(ALL, count=1)
            _, first, _, last = await pipeline.execute()
        return {self._queue.encode(): first, ALL.encode(): last[0][0] if last else b"0-0"}


async def _read(redis: Redis, positions: dict[bytes, bytes]) -> Streams:
    # redis-py types every shape that its protocols and options could give; this is ours.
    return cast("Streams", await redis.xread(cast("Any", positions), block=BLOCK_MS))


def _client(url: str) -> Redis:
    # Its own time-outs stay off: each call here has one around it, and theirs cost a task each.
    return Redis.from_url(
        url,
        protocol=2,
        socket_timeout=None,
        socket_connect_timeout=base.PUBLISH_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
