"""The end of a connection deletes the route of its user, although a newer connection uses it.

A renewal extends only a route that exists, so the user has none until they connect again.
"""

import logging
from collections.abc import Collection

from gauntlet.reference_server.registry.base import Lease
from gauntlet.reference_server.registry.redis import RedisRegistry

SENTENCE = "A user whose old connection ends late is no longer routed to, so messages come late."
SERVICES = ("edge",)
ANOMALIES = ("late",)
OPTIONS = {"scenario": "forgotten-links", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Remove leases by user, and write a lease once: later it is only extended."""
    original_put = RedisRegistry.put
    written: set[Lease] = set()

    async def put(self: RedisRegistry, leases: Collection[Lease]) -> None:
        known = [lease for lease in leases if lease in written]
        async with self._pipeline() as pipeline:
            for user, connection in known:
                pipeline.zscore(f"user:{user}", connection)
            scores = await pipeline.execute()
        stored = {lease for lease, score in zip(known, scores, strict=True) if score is not None}
        chosen = [lease for lease in leases if lease not in written or lease in stored]
        await original_put(self, chosen)
        written.update(chosen)

    async def remove(self: RedisRegistry, leases: Collection[Lease]) -> None:
        async with self._pipeline() as pipeline:
            for user, _ in leases:
                pipeline.zrange(f"user:{user}", 0, -1)
            found = await pipeline.execute()
        for (user, connection), names in zip(leases, found, strict=True):
            if set(names) - {connection.encode()}:
                log.warning("seeded bug acted: %s has no route", user)
        async with self._pipeline() as pipeline:
            for user, _ in leases:
                pipeline.delete(f"user:{user}")
            await pipeline.execute()

    RedisRegistry.put = put
    RedisRegistry.remove = remove
