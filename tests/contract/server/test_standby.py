"""A store and its standby, with real servers: what was acknowledged survives a failover."""

import asyncio
import time
from contextlib import suppress

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from gauntlet.reference_server import registry
from gauntlet.reference_server.cluster.engines import postgres, redis_server
from gauntlet.reference_server.cluster.engines.pair import Pair
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StateError
from gauntlet.reference_server.cluster.topology.ports import PortAllocator
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.registry.base import EdgeLease, Lease, RegistryDown
from gauntlet.reference_server.registry.redis import RETRY_AFTER_S
from gauntlet.reference_server.store import open_messages
from gauntlet.reference_server.store.base import AppendRequest

pytestmark = [pytest.mark.contract, pytest.mark.integration, pytest.mark.timeout(180)]

PASSWORD = "for-tests"
ENGINES = {"redis": redis_server.launch_spec, "postgres": postgres.launch_spec}
EDGE = EdgeLease("edge-blue-1", "blue", "edges.blue", "001", 1)
ANN, BOB = Lease("ann", "edge-blue-1|001-1"), Lease("bob", "edge-blue-1|001-2")


@pytest_asyncio.fixture
async def make_pair(require_service, tmp_path):
    """`make_pair("redis")` starts a store and its standby; both are stopped afterwards."""
    free_port = PortAllocator()
    started = []

    async def make(engine):
        require_service(engine)
        planned = [
            plan.PlannedComponent(name, name, engine, [free_port()])
            for name in ("store", "store-standby")
        ]
        first, second = planned
        pair = Pair(first.name, {first.name: second.address, second.name: first.address})
        for each in planned:
            launch = ENGINES[engine](each, tmp_path, tmp_path / f"{each.name}.log", PASSWORD, pair)
            component = Component(each, launch, lambda *_: None)
            started.append(component)
            await component.start()
        return started

    yield make
    for component in started:
        await component.stop()
        component.launch.clean_up()


def postgres_url(*components):
    hosts = ",".join(each.planned.address for each in components)
    return f"postgresql://im:{PASSWORD}@{hosts}/postgres?target_session_attrs=read-write"


async def sync_states(component):
    """Return how each standby of a server follows it."""
    asyncpg = pytest.importorskip("asyncpg")
    connection = await asyncpg.connect(postgres_url(component))
    try:
        deadline = time.monotonic() + 60
        while not (rows := await connection.fetch("SELECT sync_state FROM pg_stat_replication")):
            assert time.monotonic() < deadline  # a standby is up before it follows
            await asyncio.sleep(0.1)
        return [row["sync_state"] for row in rows]
    finally:
        await connection.close()


async def await_replica(component):
    """Return once a replica has what was written to a Redis."""
    url = f"redis://:{PASSWORD}@{component.planned.address}"
    async with Redis.from_url(url) as client:
        await client.set("last", "")  # WAIT is about the writes of its own connection
        assert await client.wait(1, 60_000) == 1


async def eventually(call, *errors):
    """Return what a call returns as soon as it raises none of these errors."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return await call()
        except errors:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def failure(call, words):
    """Return once a call fails for a reason with some words; it must not succeed before."""
    deadline = time.monotonic() + 60
    while True:
        with pytest.raises(RegistryDown) as failed:
            await call()
        if words in str(failed.value):
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def two_failures(call):
    """Return the reasons of the next two calls, which go to one server each."""
    reasons = []
    for _ in range(2):
        with pytest.raises(RegistryDown) as failed:
            await call()
        reasons.append(str(failed.value))
        await asyncio.sleep(RETRY_AFTER_S)
    return reasons


async def test_acknowledged_messages_are_on_the_promoted_postgres(make_pair):
    primary, standby = await make_pair("postgres")
    store = open_messages(postgres_url(primary, standby), 5_000)
    acked = 0

    async def send(number):
        request = AppendRequest("d.ann.bob", f"m{number}", "ann", "text")
        return await store.append([request])

    async def send_all():
        nonlocal acked
        for number in range(100_000):
            await send(number)
            acked = number + 1

    try:
        await eventually(lambda: send(0), ApiError)
        assert await sync_states(primary) == ["sync"]
        sending = asyncio.create_task(send_all())
        while acked < 20 and not sending.done():
            await asyncio.sleep(0.01)
        await primary.kill()
        with suppress(ApiError):
            await sending
        await standby.promote()
        await eventually(lambda: send(acked + 1), ApiError)
        found = set()
        while entries := (await store.entries("d.ann.bob", len(found), 500))[0]:
            found |= {entry.client_msg_id for entry in entries}
        assert {f"m{number}" for number in range(acked)} <= found
        assert acked >= 20
        await primary.start()  # as the standby of the other one: nothing can be written to it
        await send(acked + 2)
        assert await sync_states(standby) == ["async"], "commits wait for no other server now"
        alone = open_messages(postgres_url(primary), 2_000)
        with pytest.raises(ApiError):
            await alone.append([AppendRequest("d.ann.bob", "x", "ann", "text")])
        await alone.close()
    finally:
        await store.close()


async def test_edges_register_at_the_promoted_redis(make_pair):
    primary, standby = await make_pair("redis")
    urls = ",".join(f"redis://:{PASSWORD}@{each.planned.address}" for each in (primary, standby))
    edge, publisher = (registry.connect(urls, lease_ms=60_000) for _ in range(2))
    try:
        generation = await eventually(edge.generation, RegistryDown)
        await edge.put_edge(EDGE)
        await edge.put([ANN])
        assert await publisher.queues(["ann"]) == {"ann": {EDGE.queue}}
        await await_replica(primary)
        await primary.kill()
        with pytest.raises(RegistryDown):
            await edge.put([BOB])
        for look_up in (lambda: publisher.queues(["ann"]), publisher.edges):
            # Of every two calls, one goes to the replica, where no lease can be renewed.
            assert "the registry has not been promoted" in await two_failures(look_up)
        await standby.promote()
        # The edge has not written yet what was not replicated.
        await failure(lambda: publisher.queues(["ann"]), "being rebuilt")
        await eventually(publisher.edges, RegistryDown)  # logins need not wait for that
        assert await eventually(edge.generation, RegistryDown) == generation
        await eventually(lambda: edge.put([BOB]), RegistryDown)
        found = await eventually(lambda: publisher.queues(["ann", "bob"]), RegistryDown)
        assert found == {"ann": {EDGE.queue}, "bob": {EDGE.queue}}
        await primary.start()
        late = registry.connect(urls, lease_ms=60_000)  # begins with the replica
        await eventually(lambda: late.put([ANN]), RegistryDown)
        await late.close()
    finally:
        for client in (edge, publisher):
            await client.close()


async def test_a_store_without_a_standby_cannot_be_promoted(make_service):
    component = make_service("redis").component
    await component.start()
    try:
        with pytest.raises(StateError, match="has no standby and is none"):
            await component.promote()
    finally:
        await component.stop()
