"""The bus on Redis Streams: one short stream per edge boot, and one stream for all edges.

An edge creates its stream with an empty first entry, so that publishing to a missing stream is
detected. The stream expires unless its edge refreshes it, so that killed edges leave nothing
behind. The edge trims the entries that it has received.
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
from gauntlet.reference_server.bus.consumer import Consumer

ALL_EDGES = "edges.all"
STREAM_MAXLEN = 2_000
STREAM_TTL_MS = 60_000
REFRESH_S = 1.0  # also how soon an edge notices that others have deleted its stream
TRIM_EVERY = 100  # received entries; trimming them keeps the memory use of the server low
BLOCK_MS = 500
ANSWER_TIMEOUT_S = BLOCK_MS / 1000 + 0.5  # a silent server counts as down, and the edge polls
FAILURES = (RedisError, OSError, TimeoutError)

Streams = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


class RedisStreamsBus(Consumer):
    """`base.Bus` on Redis Streams."""

    def __init__(self, url: str) -> None:
        super().__init__(FAILURES)
        self._url = url
        self._publisher = _client(url)

    async def publish(self, queue: str, data: bytes) -> None:
        if not await self._add(queue, data, create=False):
            raise base.Undeliverable(queue)

    async def publish_all(self, data: bytes) -> None:
        await self._add(ALL_EDGES, data, create=True)

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

    async def _session(self, on_connected: Callable[[], None]) -> None:
        redis = _client(self._url)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                positions = await self._start_streams(redis)
            refresh_at, received = time.monotonic(), 0
            on_connected()
            while True:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    if received >= TRIM_EVERY:
                        received = 0
                        await redis.xtrim(self._queue, minid=positions[self._queue.encode()])
                    streams = await _read(redis, positions)
                    if time.monotonic() >= refresh_at:
                        refresh_at = time.monotonic() + REFRESH_S
                        if not await redis.pexpire(self._queue, STREAM_TTL_MS):
                            raise RedisError("the stream of this edge is gone")
                for stream, entries in streams:
                    positions[stream] = entries[-1][0]
                    received += len(entries)
                    for _, fields in entries:
                        self._deliver(fields[b"d"])
        finally:
            await redis.aclose()

    async def _start_streams(self, redis: Redis) -> dict[bytes, bytes]:
        """Create this edge's stream again; return the position to read from in both streams."""
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(self._queue)
            pipeline.xadd(self._queue, {"d": b""})
            pipeline.pexpire(self._queue, STREAM_TTL_MS)
            pipeline.xrevrange(ALL_EDGES, count=1)
            _, first, _, last = await pipeline.execute()
        return {self._queue.encode(): first, ALL_EDGES.encode(): last[0][0] if last else b"0-0"}


async def _read(redis: Redis, positions: dict[bytes, bytes]) -> Streams:
    # redis-py's type covers all protocols and options; this is the shape for the ones used here.
    return cast("Streams", await redis.xread(cast("Any", positions), block=BLOCK_MS))


def _client(url: str) -> Redis:
    # Without its own time-outs, which cost a task each: every call here has a time-out around it.
    return Redis.from_url(
        url,
        protocol=2,
        socket_timeout=None,
        socket_connect_timeout=base.PUBLISH_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
