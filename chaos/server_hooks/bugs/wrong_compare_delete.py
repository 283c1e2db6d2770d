"""A seeded bug: the end of one connection takes all leases of its user out of the registry.

Make-before-break shows it: the new connection's lease is written first, and goes with the old
one. Until it is renewed nothing is published to the new edge, which finds out by polling heads.
"""

from collections.abc import Collection

from gauntlet.reference_server.registry.base import Lease
from gauntlet.reference_server.registry.redis import RedisRegistry


def install() -> None:
    """Delete by user, where exactly one lease was meant."""

    async def remove(self: RedisRegistry, leases: Collection[Lease]) -> None:
        async with self._pipeline() as pipeline:
            for user, _ in leases:
                pipeline.delete(f"user:{user}")
            await pipeline.execute()

    RedisRegistry.remove = remove  # type: ignore[method-assign]  # that is what a seeded bug is
