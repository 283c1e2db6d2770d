"""The registry in Redis.

| key | type | content |
|---|---|---|
| `generation` | string | a random name, written by the first edge that finds it absent |
| `edges` | hash | edge name → its lease as JSON, with the wall-clock ms of its last renewal |
| `user:<user>` | sorted set | connection → the wall-clock ms at which its lease expires |

Callers determine expiry with their wall clocks: leases last tens of seconds, while the clocks of
one site differ by milliseconds. Nothing needs persistence; edges write it all again after a loss.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from itertools import islice

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gauntlet.reference_server.registry import base

CALL_TIMEOUT_S = 0.5
RETRY_AFTER_S = 0.5  # after a failure calls fail immediately this long: callers have queues
PUT_CHUNK = 500

# An edge that was cut off must not overwrite or remove the lease of its later boot; epochs sort.
_PUT_EDGE = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and cjson.decode(old).epoch > ARGV[2] then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
"""
_REMOVE_EDGE = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and cjson.decode(old).epoch == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
"""
# One command for all users: a command per user would cost the calling process more than the rest
# of a message's fan-out.
_LEASES = """
local found = {}
for number, key in ipairs(KEYS) do
    found[number] = redis.call('ZRANGEBYSCORE', key, ARGV[1], '+inf')
end
return found
"""


class _EdgeRow(msgspec.Struct):
    epoch: str
    renewed_ms: int
    lease: base.EdgeLease


_decode_row = msgspec.json.Decoder(_EdgeRow).decode


class RedisRegistry:
    """`base.Registry` on Redis."""

    def __init__(self, url: str, *, lease_ms: int) -> None:
        self._lease_ms = lease_ms
        self._generation: bytes | None = None
        self._trusted_at = 0.0
        self._retry_at = 0.0
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=None,  # each call has a time-out around it
            socket_connect_timeout=CALL_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    async def generation(self) -> str:
        async with self._pipeline() as pipeline:
            pipeline.set("generation", secrets.token_hex(8), nx=True)
            pipeline.get("generation")
            _, name = await pipeline.execute()
        return str(name, "ascii")

    async def put_edge(self, edge: base.EdgeLease) -> None:
        row = _EdgeRow(edge.epoch, _now_ms(), edge)
        async with self._pipeline() as pipeline:
            pipeline.eval(_PUT_EDGE, 1, "edges", edge.name, edge.epoch, msgspec.json.encode(row))
            await pipeline.execute()

    async def remove_edge(self, edge: base.EdgeLease) -> None:
        async with self._pipeline() as pipeline:
            pipeline.eval(_REMOVE_EDGE, 1, "edges", edge.name, edge.epoch)
            await pipeline.execute()

    async def put(self, leases: Collection[base.Lease]) -> None:
        for chunk in _chunks(leases):
            expires_ms = self._expiry_ms()
            async with self._pipeline() as pipeline:
                for user, connection in chunk:
                    pipeline.zadd(f"user:{user}", {connection: expires_ms})
                    pipeline.zremrangebyscore(f"user:{user}", 0, _now_ms())
                    pipeline.pexpire(f"user:{user}", self._lease_ms)
                await pipeline.execute()

    async def remove(self, leases: Collection[base.Lease]) -> None:
        for chunk in _chunks(leases):
            async with self._pipeline() as pipeline:
                for user, connection in chunk:
                    pipeline.zrem(f"user:{user}", connection)
                await pipeline.execute()

    async def queues(self, users: Collection[str]) -> dict[str, set[str]]:
        leases, edges = await self._look_up(users)
        boots = {f"{edge.name}|{edge.epoch}": edge.queue for edge in edges}
        return {
            user: {boots[base.boot_of(connection)] for connection in connections}
            for user, connections in _on_live_boots(leases, boots).items()
        }

    async def connections(self, users: Collection[str]) -> dict[str, set[str]]:
        leases, edges = await self._look_up(users)
        return _on_live_boots(leases, {f"{edge.name}|{edge.epoch}" for edge in edges})

    async def edges(self) -> list[base.EdgeLease]:
        async with self._pipeline() as pipeline:
            pipeline.hgetall("edges")
            (rows,) = await pipeline.execute()
        renewed = _edges_renewed(rows, min(self._lease_ms, base.EDGE_FRESH_MS))
        return [edge for edge in renewed if edge.takes_clients]

    async def close(self) -> None:
        await self._redis.aclose()

    async def _look_up(
        self, users: Collection[str]
    ) -> tuple[dict[str, list[str]], list[base.EdgeLease]]:
        async with self._pipeline() as pipeline:
            pipeline.get("generation")
            pipeline.hgetall("edges")
            keys = [f"user:{user}" for user in users]
            pipeline.eval(_LEASES, len(keys), *keys, _now_ms())
            generation, rows, found = await pipeline.execute()
        self._require_complete(generation)
        leases = {
            user: [str(connection, "utf-8") for connection in connections]
            for user, connections in zip(users, found, strict=True)
        }
        return leases, _edges_renewed(rows, self._lease_ms)

    def _require_complete(self, generation: bytes | None) -> None:
        """Raise RegistryDown while leases of live connections may be missing.

        The first generation that a process sees is trusted. If it is incomplete, some messages are
        delivered late by the edges' heads poll; without this trust, every start would send all
        messages to all edges for the length of a lease.
        """
        if generation is None:
            raise base.RegistryDown("the registry is empty")
        now = time.monotonic()
        if self._generation is not None and generation != self._generation:
            self._trusted_at = now + self._lease_ms / 1000
        self._generation = generation
        if now < self._trusted_at:
            raise base.RegistryDown("the registry lost its data and is being rebuilt")

    def _expiry_ms(self) -> int:
        return _now_ms() + self._lease_ms

    @asynccontextmanager
    async def _pipeline(self) -> AsyncIterator[Pipeline]:
        """One round trip with a time limit; every failure becomes RegistryDown."""
        if time.monotonic() < self._retry_at:
            raise base.RegistryDown("the registry failed a moment ago")
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    yield pipeline
        except (RedisError, OSError, TimeoutError) as error:
            self._retry_at = time.monotonic() + RETRY_AFTER_S
            raise base.RegistryDown(str(error) or type(error).__name__) from error


def _chunks(leases: Collection[base.Lease]) -> Iterator[list[base.Lease]]:
    rest = iter(leases)
    while chunk := list(islice(rest, PUT_CHUNK)):
        yield chunk


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _edges_renewed(rows: dict[bytes, bytes], within_ms: int) -> list[base.EdgeLease]:
    decoded = (_decode_row(data) for data in rows.values())
    return [row.lease for row in decoded if row.renewed_ms + within_ms > _now_ms()]


def _on_live_boots(leases: dict[str, list[str]], boots: Collection[str]) -> dict[str, set[str]]:
    """Return the users' connections on live boots, without users who have none."""
    live = {
        user: {connection for connection in connections if base.boot_of(connection) in boots}
        for user, connections in leases.items()
    }
    return {user: connections for user, connections in live.items() if connections}
