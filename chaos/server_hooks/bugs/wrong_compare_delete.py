"""Seeded bug: the end of one connection removes all leases of its user from the registry.

A make-before-break move exposes it: the lease of the new connection is written first, and is
deleted together with the old one. Until the lease is renewed, nothing is published to the new edge,
which receives messages only by polling the conversation heads.
"""

from collections.abc import Collection

from gauntlet.reference_server.registry.base import Lease
from gauntlet.reference_server.registry.redis import RedisRegistry


def install() -> None:
    """Delete by user instead of deleting exactly one lease."""

    async def remove(self: RedisRegistry, leases: Collection[Lease]) -> None:
        async with self._pipeline() as pipeline:
            for user, _ in leases:
                pipeline.delete(f"user:{user}")
            await pipeline.execute()

    RedisRegistry.remove = remove  # type: ignore[method-assign]  # a seeded bug replaces a method
