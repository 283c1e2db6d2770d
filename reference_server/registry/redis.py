"""The registry in Redis.

| key | type | content |
|---|---|---|
| `generation` | string | a random name, written by the first edge that finds it absent |
| `edges` | hash | edge name → its lease as JSON, with the ms of its last renewal |
| `user:<user>` | sorted set | connection → the ms at which its lease expires |

All times are those of the clock of Redis, so that the clocks of callers do not matter. A step of
that clock counts as a loss of data. Nothing needs persistence; edges write it all again after a
loss.
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
# After a failover. An edge notices it at its next heartbeat, which comes within a second, and
# writes all of its leases at one of the next two.
REBUILT_AFTER_S = 4.0
PUT_CHUNK = 500

CLOCK_STEP_MS = 1_000  # by less, the clock of Redis may deviate without having been set
# How long a list of edges is used for messages, unless a user is connected to an edge beyond it.
EDGES_KEPT_S = 1.0

_NOW = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# An edge that was cut off must not overwrite or remove the lease of its later boot; epochs sort.
_PUT_EDGE = f"""
{_NOW}
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then
    local row = cjson.decode(old)
    local age_ms = now_ms - row.renewed_ms
    local fresh = age_ms >= -{CLOCK_STEP_MS} and age_ms < tonumber(ARGV[4])
    if row.epoch > ARGV[2] and fresh then return 0 end
end
local row = '{{"epoch":"' .. ARGV[2] .. '","renewed_ms":' .. string.format('%d', now_ms)
return redis.call('HSET', KEYS[1], ARGV[1], row .. ',"lease":' .. ARGV[3] .. '}}')
"""
_REMOVE_EDGE = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and cjson.decode(old).epoch == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
"""
# One command for all users: a command per user would cost the calling process more than the rest
# of a message's fan-out. The first key is that of the generation.
_LEASES = f"""
{_NOW}
local found = {{}}
for number = 2, #KEYS do
    -- One that lasts longer than any lease was written before the clock was set back.
    found[number - 1] = redis.call(
        'ZRANGEBYSCORE', KEYS[number], now_ms, now_ms + ARGV[1] + {CLOCK_STEP_MS})
end
return {{redis.call('GET', KEYS[1]), now_ms, found}}
"""
_PUT = f"""
{_NOW}
for number, key in ipairs(KEYS) do
    redis.call('ZADD', key, now_ms + ARGV[1], ARGV[number + 1])
    redis.call('ZREMRANGEBYSCORE', key, 0, now_ms)
    redis.call('PEXPIRE', key, ARGV[1])
end
"""


class _EdgeRow(msgspec.Struct):
    epoch: str
    renewed_ms: int
    lease: base.EdgeLease


_decode_row = msgspec.json.Decoder(_EdgeRow).decode


class RedisRegistry:
    """`base.Registry` on Redis, or on a Redis and its replicas: their URLs, separated by commas.

    After a failed call, the next one goes to the next of them. Until a replica is promoted it
    refuses what edges write, and no look-up uses it: edges cannot renew their leases there.
    Afterwards, leases that were not replicated are missing until their edges write them again;
    look-ups fail until then.
    """

    def __init__(self, urls: str, *, lease_ms: int) -> None:
        self._lease_ms = lease_ms
        self._generation: bytes | None = None
        self._trusted_at = 0.0
        # The least and the most by which the clock of Redis was ahead of our monotonic clock.
        self._ahead_ms: tuple[int, int] | None = None
        self._steps = 0  # of the clock of Redis
        self._retry_at = 0.0
        self._primary: Redis | None = None  # the server of the last call that succeeded
        # The queues of the edges, by boot, and until when they are used.
        self._queues: dict[str, str] = {}
        self._queues_until = 0.0
        self._servers: list[Redis] = [
            Redis.from_url(
                url,
                socket_timeout=None,  # each call has a time-out around it
                socket_connect_timeout=CALL_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
            for url in urls.split(",")
        ]

    async def generation(self) -> str:
        began_ms = _monotonic_ms()
        async with self._pipeline() as pipeline:
            pipeline.set("generation", secrets.token_hex(8), nx=True)
            pipeline.get("generation")
            pipeline.time()
            _, name, now = await pipeline.execute()
        self._note_time(_ms(now), began_ms)
        return f"{str(name, 'ascii')}/{self._steps}"

    async def put_edge(self, edge: base.EdgeLease) -> None:
        row = (edge.name, edge.epoch, msgspec.json.encode(edge), base.EDGE_FRESH_MS)
        async with self._pipeline() as pipeline:
            pipeline.eval(_PUT_EDGE, 1, "edges", *row)
            await pipeline.execute()

    async def remove_edge(self, edge: base.EdgeLease) -> None:
        async with self._pipeline() as pipeline:
            pipeline.eval(_REMOVE_EDGE, 1, "edges", edge.name, edge.epoch)
            await pipeline.execute()

    async def put(self, leases: Collection[base.Lease]) -> None:
        for chunk in _chunks(leases):
            keys = [f"user:{lease.user}" for lease in chunk]
            connections = [lease.connection for lease in chunk]
            async with self._pipeline() as pipeline:
                pipeline.eval(_PUT, len(keys), *keys, self._lease_ms, *connections)
                await pipeline.execute()

    async def remove(self, leases: Collection[base.Lease]) -> None:
        for chunk in _chunks(leases):
            async with self._pipeline() as pipeline:
                for user, connection in chunk:
                    pipeline.zrem(f"user:{user}", connection)
                await pipeline.execute()

    async def queues(self, users: Collection[str]) -> dict[str, set[str]]:
        """Return the queues of the users' edges.

        The edges may be those of a moment ago, but never without the edge of a lease: a message may
        go to the queue of an edge that has just ended, and misses no edge that lives.
        """
        leases = await self._leases(users)
        boots = {base.boot_of(each) for connections in leases.values() for each in connections}
        if time.monotonic() >= self._queues_until or not boots <= self._queues.keys():
            self._queues = await self._live_queues()
            self._queues_until = time.monotonic() + EDGES_KEPT_S
        queues = self._queues
        return {
            user: {queues[base.boot_of(connection)] for connection in connections}
            for user, connections in _on_live_boots(leases, queues).items()
        }

    async def connections(self, users: Collection[str]) -> dict[str, set[str]]:
        leases = await self._leases(users)
        return _on_live_boots(leases, await self._live_queues())

    async def edges(self) -> list[base.EdgeLease]:
        async with self._pipeline() as pipeline:
            pipeline.hgetall("edges")
            pipeline.time()
            pipeline.role()
            rows, now, role = await pipeline.execute()
            _require_primary(role)
        renewed = _edges_renewed(rows, _ms(now), min(self._lease_ms, base.EDGE_FRESH_MS))
        return [edge for edge in renewed if edge.takes_clients]

    async def close(self) -> None:
        for server in self._servers:
            await server.aclose()

    async def _leases(self, users: Collection[str]) -> dict[str, list[str]]:
        """Return the connections of each user, on whichever boot."""
        began_ms = _monotonic_ms()
        async with self._pipeline() as pipeline:
            keys = ["generation", *[f"user:{user}" for user in users]]
            pipeline.eval(_LEASES, len(keys), *keys, self._lease_ms)
            pipeline.role()
            (generation, now_ms, found), role = await pipeline.execute()
            _require_primary(role)
        self._note_time(now_ms, began_ms)
        self._require_complete(generation)
        return {
            user: [str(connection, "utf-8") for connection in connections]
            for user, connections in zip(users, found, strict=True)
        }

    async def _live_queues(self) -> dict[str, str]:
        """Return the queue of every boot whose lease is valid.

        This call follows one for the leases, and data may have been lost since. The generation is
        read after the edges, so that a loss between these two is noticed, too.
        """
        began_ms = _monotonic_ms()
        async with self._pipeline() as pipeline:
            pipeline.hgetall("edges")
            pipeline.get("generation")
            pipeline.time()
            pipeline.role()
            rows, generation, now, role = await pipeline.execute()
            _require_primary(role)
        self._note_time(_ms(now), began_ms)
        self._require_complete(generation)
        edges = _edges_renewed(rows, _ms(now), self._lease_ms)
        return {f"{edge.name}|{edge.epoch}": edge.queue for edge in edges}

    def _note_time(self, redis_ms: int, began_ms: int) -> None:
        """Notice a step of the clock of Redis: leases may have expired, or never would.

        Redis was asked at `began_ms` or later, and has answered by now. This process may have been
        paused meanwhile, so only bounds are known. They are compared with the closest ones since
        the last step, because a clock that runs too fast or too slow deviates little between calls.
        """
        least, most = redis_ms - _monotonic_ms(), redis_ms - began_ms
        low, high = self._ahead_ms or (least, most)
        if least > high + CLOCK_STEP_MS or most < low - CLOCK_STEP_MS:
            self._steps += 1
            self._trusted_at = time.monotonic() + self._lease_ms / 1000
            low, high = least, most
        self._ahead_ms = max(low, least), min(high, most)

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
            raise base.RegistryDown("the registry lost data and is being rebuilt")

    @asynccontextmanager
    async def _pipeline(self) -> AsyncIterator[Pipeline]:
        """One round trip with a time limit; every failure becomes RegistryDown."""
        if time.monotonic() < self._retry_at:
            raise base.RegistryDown("the registry failed a moment ago")
        server = self._servers[0]
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                async with server.pipeline(transaction=False) as pipeline:
                    yield pipeline
        except (RedisError, OSError, TimeoutError) as error:
            self._retry_at = time.monotonic() + RETRY_AFTER_S
            if server is self._servers[0]:  # otherwise a concurrent call has changed it already
                self._servers.append(self._servers.pop(0))
            raise base.RegistryDown(str(error) or type(error).__name__) from error
        if self._primary not in (None, server):
            self._trusted_at = max(self._trusted_at, time.monotonic() + REBUILT_AFTER_S)
        self._primary = server


def _chunks(leases: Collection[base.Lease]) -> Iterator[list[base.Lease]]:
    rest = iter(leases)
    while chunk := list(islice(rest, PUT_CHUNK)):
        yield chunk


def _require_primary(role: list[object]) -> None:
    """Raise RedisError if this is the answer of a replica to ROLE."""
    if role[0] != b"master":
        raise RedisError("the registry has not been promoted")


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _ms(now: tuple[int, int]) -> int:
    """Return the milliseconds of an answer to TIME: seconds and microseconds."""
    return now[0] * 1000 + now[1] // 1000


def _edges_renewed(rows: dict[bytes, bytes], now_ms: int, within_ms: int) -> list[base.EdgeLease]:
    decoded = (_decode_row(data) for data in rows.values())
    return [row.lease for row in decoded if -CLOCK_STEP_MS <= now_ms - row.renewed_ms < within_ms]


def _on_live_boots(leases: dict[str, list[str]], boots: Collection[str]) -> dict[str, set[str]]:
    """Return the users' connections on live boots, without users who have none."""
    live = {
        user: {connection for connection in connections if base.boot_of(connection) in boots}
        for user, connections in leases.items()
    }
    return {user: connections for user, connections in live.items() if connections}
