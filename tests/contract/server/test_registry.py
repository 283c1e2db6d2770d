"""What every registry engine guarantees, tested with a real Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from gauntlet.chaos.clocks.clocks import Clocks
from gauntlet.reference_server import registry
from gauntlet.reference_server.registry import redis as engine
from gauntlet.reference_server.registry.base import EdgeLease, Lease, RegistryDown

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
]
LONG_MS, SHORT_MS = 60_000, 700
BOUNDED_S = 5.0  # a call bounded to half a second, on a machine that is busy

BLUE = EdgeLease("edge-blue-1", "blue", "edges.edge-blue-1.001", "001", 2)
BLUE_AGAIN = BLUE._replace(queue="edges.edge-blue-1.002", epoch="002")
GREEN = EdgeLease("edge-green-1", "green", "edges.edge-green-1.001", "001", 1)
ANN_BLUE = Lease("ann", "edge-blue-1|001-1")
ANN_GREEN = Lease("ann", "edge-green-1|001-1")
BOB = Lease("bob", "edge-blue-1|001-2")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(make_service):
    """One real Redis for all tests."""
    service = make_service("redis")
    await service.component.start()
    yield service
    await service.component.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def connect(server):
    """`connect(lease_ms)` opens the registry as another process would; it is empty at first."""
    await server.component.kill()
    await server.component.start()
    clients = []

    def make(lease_ms: int = LONG_MS) -> registry.Registry:
        clients.append(registry.connect(server.url, lease_ms=lease_ms))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


async def fill(client: registry.Registry) -> None:
    """Register two edges; Ann is on both, Bob is on one."""
    await client.generation()
    await client.put_edge(BLUE)
    await client.put_edge(GREEN)
    await client.put([ANN_BLUE, ANN_GREEN, BOB])


async def test_users_are_found_on_all_their_edges(connect):
    """Users without a connection are left out."""
    client = connect()
    await fill(client)
    assert await client.queues(["ann", "bob", "eve"]) == {
        "ann": {BLUE.queue, GREEN.queue},
        "bob": {BLUE.queue},
    }
    assert await client.connections(["ann", "eve"]) == {
        "ann": {ANN_BLUE.connection, ANN_GREEN.connection}
    }
    assert sorted(await client.edges()) == [BLUE, GREEN]


async def test_removing_a_lease_keeps_the_other_leases_of_its_user(connect):
    """After a make-before-break move, the end of the old connection must not remove the new one."""
    client = connect()
    await fill(client)
    await client.remove([ANN_BLUE])
    assert await client.queues(["ann", "bob"]) == {"ann": {GREEN.queue}, "bob": {BLUE.queue}}


async def test_an_edge_that_a_user_has_just_joined_is_found_although_edges_are_kept(connect):
    """A message must reach it: the list that was read before does not have it."""
    publisher, edge = connect(), connect()
    await edge.generation()
    await edge.put_edge(BLUE)
    await edge.put([ANN_BLUE])
    assert await publisher.queues(["ann"]) == {"ann": {BLUE.queue}}
    await edge.put_edge(GREEN)
    await edge.put([ANN_GREEN])
    assert await publisher.queues(["ann"]) == {"ann": {BLUE.queue, GREEN.queue}}
    await edge.put_edge(BLUE_AGAIN)
    await edge.put([Lease("ann", "edge-blue-1|002-1")])
    assert await publisher.queues(["ann"]) == {"ann": {BLUE_AGAIN.queue, GREEN.queue}}


async def test_an_edge_that_has_ended_is_forgotten_after_a_moment(connect, monkeypatch):
    """Until then messages go to its queue as well, which is gone. Its clients count as lost."""
    publisher, edge = connect(), connect()
    await fill(edge)
    monkeypatch.setattr(engine, "EDGES_KEPT_S", BOUNDED_S)
    assert await publisher.queues(["bob"]) == {"bob": {BLUE.queue}}
    await edge.remove_edge(BLUE)
    assert await publisher.queues(["bob"]) == {"bob": {BLUE.queue}}
    assert await publisher.connections(["bob"]) == {}
    monkeypatch.setattr(engine, "EDGES_KEPT_S", 0.0)
    later = connect()
    assert await later.queues(["ann", "bob"]) == {"ann": {GREEN.queue}}
    assert await later.queues(["ann", "bob"]) == {"ann": {GREEN.queue}}


async def test_a_later_boot_of_an_edge_cannot_be_replaced_by_an_earlier_one(connect):
    client = connect()
    await fill(client)
    await client.put_edge(BLUE_AGAIN)
    await client.put_edge(BLUE)
    await client.remove_edge(BLUE)
    assert sorted(await client.edges()) == [BLUE_AGAIN, GREEN]
    assert await client.queues(["bob"]) == {}, "a connection of the boot before is gone"
    await client.remove_edge(BLUE_AGAIN)
    assert await client.edges() == [GREEN]


async def test_a_boot_that_is_gone_is_replaced_by_any_other_one(connect, monkeypatch):
    """The clock of the machine may have been set back before the edge was started again."""
    client = connect()
    await client.generation()
    await client.put_edge(BLUE_AGAIN)
    monkeypatch.setattr(engine.base, "EDGE_FRESH_MS", 50)
    await asyncio.sleep(0.1)
    await client.put_edge(BLUE)
    monkeypatch.undo()
    assert await client.edges() == [BLUE]


async def test_leases_expire_unless_they_are_renewed(connect):
    client = connect(SHORT_MS)
    await fill(client)
    assert len(await client.edges()) == 2
    for _ in range(3):
        await asyncio.sleep(SHORT_MS / 2000)
        await client.put_edge(GREEN)
        await client.put([ANN_GREEN])
    assert await client.edges() == [GREEN]
    assert await client.queues(["ann", "bob"]) == {"ann": {GREEN.queue}}


async def test_a_slow_edge_keeps_its_clients_and_gets_no_new_ones(connect, monkeypatch):
    monkeypatch.setattr(engine.base, "EDGE_FRESH_MS", 0)
    client = connect()
    await fill(client)
    assert await client.edges() == []
    assert await client.queues(["bob"]) == {"bob": {BLUE.queue}}
    assert await client.connections(["bob"]) == {"bob": {BOB.connection}}


async def test_a_draining_edge_keeps_its_clients_and_gets_no_new_ones(connect):
    client = connect()
    await fill(client)
    await client.put_edge(BLUE._replace(takes_clients=False))
    assert await client.edges() == [GREEN]
    assert await client.queues(["bob"]) == {"bob": {BLUE.queue}}


async def test_an_empty_registry_counts_as_down(connect):
    """It contains no information about connections."""
    client = connect()
    for look_up in (client.queues, client.connections):
        with pytest.raises(RegistryDown):
            await look_up(["ann"])


async def test_after_a_loss_of_data_the_registry_counts_as_down_for_one_lease(server, connect):
    """The edges register again in that time."""
    client, edge = connect(SHORT_MS), connect(SHORT_MS)
    await fill(edge)
    assert await client.connections(["ann"])
    before = await edge.generation()
    await server.component.kill()
    await server.component.start()
    assert await when_up(edge.generation) != before
    await when_up(client.edges)
    with pytest.raises(RegistryDown, match="rebuilt"):
        await client.connections(["ann"])
    await edge.put_edge(GREEN)
    assert await client.edges() == [GREEN], "new clients still find an edge"
    await asyncio.sleep(SHORT_MS / 1000)
    await edge.put_edge(GREEN)
    await edge.put([ANN_GREEN])
    assert await client.connections(["ann", "bob"]) == {"ann": {ANN_GREEN.connection}}


def act_between_the_calls(client, monkeypatch, act: Callable[[], Awaitable[Any]]) -> None:
    """Let something happen when a look-up has the leases, and before it has the edges."""
    fetch = client._live_queues

    async def fetch_afterwards():
        await act()
        return await fetch()

    monkeypatch.setattr(client, "_live_queues", fetch_afterwards)


@pytest.mark.parametrize("is_refilled", [False, True])
@pytest.mark.parametrize("look_up", ["queues", "connections"])
async def test_a_loss_of_data_during_a_look_up_does_not_hide_users(
    server, connect, monkeypatch, look_up, is_refilled
):
    """Without their edges they would count as gone, and messages would go to no edge."""
    client, edge = connect(), connect()
    await fill(edge)

    async def lose():
        async with Redis.from_url(server.url) as direct:
            await direct.flushall()
        if is_refilled:
            await edge.generation()
            await edge.put_edge(GREEN)

    act_between_the_calls(client, monkeypatch, lose)
    with pytest.raises(RegistryDown, match="rebuilt" if is_refilled else "empty"):
        await getattr(client, look_up)(["ann", "bob"])


async def when_up(call: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of the call once the registry is up again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await call()
        except RegistryDown:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("way", ["kill", "pause"])
async def test_calls_fail_in_bounded_time_while_the_registry_does_not_answer(server, connect, way):
    """They work again afterwards."""
    client = connect()
    await fill(client)
    if way == "kill":
        await server.component.kill()
    else:
        server.component.pause()
    try:
        for call in (
            client.queues(["ann"]),
            client.put([BOB]),
            client.remove([BOB]),
            client.put_edge(BLUE),
            client.edges(),
            client.generation(),
        ):
            began = time.monotonic()
            with pytest.raises(RegistryDown):
                await call
            assert time.monotonic() - began < BOUNDED_S
    finally:
        await server.component.start() if way == "kill" else server.component.resume()
    await when_up(client.generation)
    await client.put_edge(GREEN)
    assert GREEN in await client.edges()


async def test_a_process_with_a_wrong_clock_sees_the_leases_of_others(connect, monkeypatch):
    """And does not remove them when it writes its own."""
    client, wrong = connect(), connect()
    await fill(client)
    hour_ns, right = 3_600 * 1_000_000_000, time.time_ns
    for shift_ns in (hour_ns, -hour_ns):
        monkeypatch.setattr(time, "time_ns", lambda shift_ns=shift_ns: right() + shift_ns)
        monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9)
        await wrong.put_edge(GREEN)
        await wrong.put([ANN_GREEN])
        assert sorted(await wrong.edges()) == [BLUE, GREEN]
        assert await wrong.queues(["ann", "bob"]) == {
            "ann": {BLUE.queue, GREEN.queue},
            "bob": {BLUE.queue},
        }
        monkeypatch.undo()
        assert await client.queues(["bob"]) == {"bob": {BLUE.queue}}


@pytest.fixture
def clock(tmp_path_factory):
    """The clocks of a component named `redis`; skips if this machine cannot shift one."""
    clocks = Clocks()
    clocks.prepare(["redis"], tmp_path_factory.mktemp("clocks"))
    if clocks.unavailable:
        pytest.skip(clocks.unavailable)
    return clocks


@pytest.mark.parametrize("step_s", [3600, -3600])
async def test_a_step_of_the_registrys_clock_counts_as_a_loss_of_data(make_service, clock, step_s):
    """Edges notice it and write their leases again; what was written before does not count."""
    service = make_service("redis", **clock.environment["redis"])
    await service.component.start()
    edge = registry.connect(service.url, lease_ms=SHORT_MS)
    publisher = registry.connect(service.url, lease_ms=SHORT_MS)
    try:
        await fill(edge)
        assert await publisher.queues(["bob"]) == {"bob": {BLUE.queue}}
        before = await edge.generation()
        clock.files["redis"].shift(step_s)
        after = await edge.generation()
        assert after != before
        assert await edge.generation() == after
        assert await edge.edges() == [], "a lease that lies in the future is none"
        with pytest.raises(RegistryDown, match="rebuilt"):
            await publisher.queues(["bob"])
        await asyncio.sleep(SHORT_MS / 1000)
        assert await publisher.queues(["bob"]) == {}
        await edge.put_edge(BLUE)
        await edge.put([BOB])
        assert await publisher.queues(["bob"]) == {"bob": {BLUE.queue}}
        assert await publisher.connections(["bob"]) == {"bob": {BOB.connection}}
    finally:
        for client in (edge, publisher):
            await client.close()
        await service.component.stop()


@pytest.mark.parametrize("look_up", ["queues", "connections"])
async def test_a_step_of_the_registrys_clock_during_a_look_up_does_not_hide_users(
    make_service, clock, monkeypatch, look_up
):
    service = make_service("redis", **clock.environment["redis"])
    await service.component.start()
    client = registry.connect(service.url, lease_ms=LONG_MS)
    try:
        await fill(client)

        async def step():
            clock.files["redis"].shift(3600)

        act_between_the_calls(client, monkeypatch, step)
        with pytest.raises(RegistryDown, match="rebuilt"):
            await getattr(client, look_up)(["ann", "bob"])
    finally:
        await client.close()
        await service.component.stop()


@pytest.mark.parametrize("per_s", [-1.5, 2.0])
async def test_a_clock_of_the_registry_that_runs_wrong_never_hides_a_lease(
    make_service, clock, per_s
):
    """It deviates little between two look-ups, but counts as set when it has deviated by enough."""
    service = make_service("redis", **clock.environment["redis"])
    await service.component.start()
    client = registry.connect(service.url, lease_ms=LONG_MS)
    try:
        await fill(client)
        clock.files["redis"].shift(0.0, per_s)
        await client.put_edge(BLUE)
        await client.put([BOB])

        async def look_up_often():
            for _ in range(200):
                assert await client.queues(["bob"]) == {"bob": {BLUE.queue}}
                await asyncio.sleep(0.05)

        with pytest.raises(RegistryDown, match="rebuilt"):
            await look_up_often()
    finally:
        await client.close()
        await service.component.stop()


async def test_many_leases_are_written_in_one_call(connect):
    client = connect()
    await fill(client)
    users = [f"u{number}" for number in range(1200)]
    await client.put([Lease(user, f"edge-blue-1|001-{user}") for user in users])
    assert len(await client.queues(users)) == len(users)


async def test_an_unknown_url_scheme_is_rejected():
    with pytest.raises(ValueError, match="etcd"):
        registry.connect("etcd://127.0.0.1:1", lease_ms=LONG_MS)
