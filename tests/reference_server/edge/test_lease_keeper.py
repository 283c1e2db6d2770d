"""Leases in a registry that fails and loses its content."""

import asyncio
from contextlib import asynccontextmanager, suppress

from gauntlet.reference_server.edge.lease_keeper import LeaseKeeper
from gauntlet.reference_server.registry.base import EdgeLease, Lease, RegistryDown

EDGE = EdgeLease("e", "blue", "q", "1", 0)
ANN, BOB = Lease("ann", "e|1-1"), Lease("bob", "e|1-2")


class Registry:
    """Leases in memory; counts round trips; may be down or lose everything."""

    def __init__(self):
        self.leases, self.edge, self.puts = set(), None, 0
        self.name, self.is_down = "first", False

    async def generation(self):
        self._check()
        return self.name

    async def put_edge(self, edge):
        self._check()
        self.edge = edge

    async def remove_edge(self, edge):
        self._check()
        self.edge = None

    async def put(self, leases):
        self._check()
        await asyncio.sleep(0)
        self.puts += 1
        self.leases |= set(leases)

    async def remove(self, leases):
        self._check()
        self.leases -= set(leases)

    def _check(self):
        if self.is_down:
            raise RegistryDown


@asynccontextmanager
async def keeping(registry, ping_ms=20):
    """Run a lease keeper inside the block."""
    keeper = LeaseKeeper(registry, ping_ms, lambda: EDGE)
    tasks = [asyncio.create_task(job) for job in (keeper.heartbeat_loop(), keeper.write_loop())]
    try:
        yield keeper
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_adding_a_lease_waits_until_it_is_written():
    """At connect the lease comes first."""
    registry = Registry()
    async with keeping(registry) as keeper:
        await keeper.add(ANN)
        assert ANN in registry.leases


async def test_a_storm_of_connections_is_written_in_few_round_trips():
    registry = Registry()
    async with keeping(registry, ping_ms=60_000) as keeper:
        await asyncio.sleep(0)
        await asyncio.gather(*(keeper.add(Lease(f"u{n}", f"e|1-{n}")) for n in range(100)))
        assert len(registry.leases) == 100
        assert registry.puts <= 4


async def test_a_dropped_lease_is_removed_and_not_renewed():
    """A renewal in progress must not write the lease of a dead connection again."""
    registry = Registry()
    async with keeping(registry) as keeper:
        await keeper.add(ANN)
        await keeper.add(BOB)
        keeper.drop(ANN)
        await settle(lambda: registry.leases == {BOB})
        await asyncio.sleep(0.06)
        assert registry.leases == {BOB}


async def test_an_emptied_registry_is_filled_again():
    """A new generation makes all connections and the edge register at the next heartbeat."""
    registry = Registry()
    async with keeping(registry) as keeper:
        await keeper.add(ANN)
        registry.leases.clear()
        registry.edge, registry.name = None, "second"
        await settle(lambda: registry.leases == {ANN} and registry.edge == EDGE)


async def test_adding_a_lease_does_not_wait_for_a_registry_that_is_down():
    """The lease is written once the registry is back."""
    registry = Registry()
    async with keeping(registry, ping_ms=60) as keeper:
        registry.is_down = True
        async with asyncio.timeout(30):
            await keeper.add(ANN)
        assert registry.leases == set()
        registry.is_down = False
        await settle(lambda: registry.leases == {ANN})


async def test_closing_removes_all_leases():
    registry = Registry()
    async with keeping(registry) as keeper:
        await keeper.add(ANN)
        await settle(lambda: registry.edge)
    await keeper.close()
    assert registry.leases == set()
    assert registry.edge is None
