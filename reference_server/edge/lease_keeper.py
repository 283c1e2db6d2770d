"""Keeps the leases of this edge and its connections in the registry, across registry outages."""

import asyncio
import logging
from collections.abc import Callable

from gauntlet.reference_server.registry.base import EdgeLease, Lease, Registry, RegistryDown

HEARTBEAT_MAX_S = 1.0  # an emptied registry is complete again within two heartbeats

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Leases of local connections: written in batches, renewed each `ping_ms`, rebuilt if lost."""

    def __init__(
        self, registry: Registry, ping_ms: int, edge_lease: Callable[[], EdgeLease]
    ) -> None:
        self._registry = registry
        self._edge_lease = edge_lease
        self._renew_every_s = ping_ms / 1000
        self._held: set[Lease] = set()
        self._unwritten: dict[Lease, asyncio.Future[None]] = {}
        self._dropped: set[Lease] = set()
        self._has_changes = asyncio.Event()
        # A renewal must not write a lease again while that lease is being removed.
        self._write_lock = asyncio.Lock()
        self._is_complete = False  # whether the registry has every lease that is held here
        self.reachable = False  # whether the last heartbeat reached the registry

    async def add(self, lease: Lease) -> None:
        """Hold a lease; return once it is written, or the attempt failed and will be repeated."""
        self._held.add(lease)
        written = self._unwritten[lease] = asyncio.get_running_loop().create_future()
        self._has_changes.set()
        await written

    def drop(self, lease: Lease) -> None:
        """Stop holding a lease; it is removed with the next batch, or expires."""
        self._held.discard(lease)
        self._dropped.add(lease)
        self._has_changes.set()

    async def write_loop(self) -> None:
        """Write additions and removals in batches, until cancelled."""
        while True:
            await self._has_changes.wait()
            self._has_changes.clear()
            await self._write_batch()

    async def heartbeat_loop(self) -> None:
        """Renew the edge's lease at each heartbeat and all leases each `ping_ms`, until cancelled.

        All leases are also written when the registry has lost its content (another generation).
        """
        loop = asyncio.get_running_loop()
        generation, renew_at_s = "", 0.0
        while True:
            try:
                current = await self._registry.generation()
                if current != generation or not self._is_complete or loop.time() >= renew_at_s:
                    self._is_complete = True
                    async with self._write_lock:
                        await self._registry.put(tuple(self._held))
                    generation, renew_at_s = current, loop.time() + self._renew_every_s
                await self._registry.put_edge(self._edge_lease())
                self.reachable = True
            except RegistryDown as error:
                self.reachable = self._is_complete = False
                log.warning("registry down: %s", error)
            await asyncio.sleep(min(HEARTBEAT_MAX_S, self._renew_every_s / 2))

    async def close(self) -> None:
        """Remove the remaining leases and the edge's lease, if the registry can be reached."""
        self._dropped |= self._held
        await self._write_batch()
        try:
            await self._registry.remove_edge(self._edge_lease())
        except RegistryDown:
            log.warning("registry down: the leases of this edge will expire")

    async def _write_batch(self) -> None:
        unwritten, self._unwritten = self._unwritten, {}
        dropped, self._dropped = self._dropped, set()
        try:
            async with self._write_lock:
                await self._registry.put(unwritten.keys() & self._held)
                await self._registry.remove(dropped)
        except RegistryDown:
            self._is_complete = False
        finally:
            for written in unwritten.values():
                if not written.done():
                    written.set_result(None)
