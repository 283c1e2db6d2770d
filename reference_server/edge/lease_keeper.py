"""Keeps this edge and its connections in the registry, over every outage of it."""

import asyncio
import logging
from collections.abc import Callable

from gauntlet.reference_server.registry.base import EdgeLease, Lease, Registry, RegistryDown

BEAT_MAX_S = 1.0  # an emptied registry is full again within two beats

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Leases of local connections: written in batches, renewed each `ping_ms`, rebuilt if lost."""

    def __init__(self, registry: Registry, ping_ms: int, edge: Callable[[], EdgeLease]) -> None:
        self._registry = registry
        self._edge = edge
        self._renew_every_s = ping_ms / 1000
        self._held: set[Lease] = set()
        self._new: dict[Lease, asyncio.Future[None]] = {}
        self._gone: set[Lease] = set()
        self._wanted = asyncio.Event()
        self._writing = asyncio.Lock()  # a renewal must not bring back what is being removed
        self._is_complete = False  # whether the registry holds all that is held here
        self.reachable = False  # whether the last beat came through

    async def add(self, lease: Lease) -> None:
        """Hold a lease; returns once it is written, or could not be (then it is tried again)."""
        self._held.add(lease)
        written = self._new[lease] = asyncio.get_running_loop().create_future()
        self._wanted.set()
        await written

    def drop(self, lease: Lease) -> None:
        """Stop holding a lease; it is removed with the next batch, or runs out."""
        self._held.discard(lease)
        self._gone.add(lease)
        self._wanted.set()

    async def write(self) -> None:
        """Write additions and removals, many at a time, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._write_batch()

    async def beat(self) -> None:
        """Renew the edge's lease each beat and all leases each `ping_ms`, until cancelled."""
        loop = asyncio.get_running_loop()
        generation, renew_at_s = "", 0.0
        while True:
            try:
                current = await self._registry.generation()
                if current != generation or not self._is_complete or loop.time() >= renew_at_s:
                    self._is_complete = True
                    async with self._writing:
                        await self._registry.put(tuple(self._held))
                    generation, renew_at_s = current, loop.time() + self._renew_every_s
                await self._registry.put_edge(self._edge())
                self.reachable = True
            except RegistryDown as error:
                self.reachable = self._is_complete = False
                log.warning("registry down: %s", error)
            await asyncio.sleep(min(BEAT_MAX_S, self._renew_every_s / 2))

    async def close(self) -> None:
        """Remove the remaining leases and the edge's, if the registry is there."""
        self._gone |= self._held
        await self._write_batch()
        try:
            await self._registry.remove_edge(self._edge())
        except RegistryDown:
            log.warning("registry down: the leases will run out")

    async def _write_batch(self) -> None:
        new, self._new = self._new, {}
        gone, self._gone = self._gone, set()
        try:
            async with self._writing:
                await self._registry.put(new.keys() & self._held)
                await self._registry.remove(gone)
        except RegistryDown:
            self._is_complete = False
        finally:
            for written in new.values():
                if not written.done():
                    written.set_result(None)
