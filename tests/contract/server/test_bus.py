"""What every bus engine promises, asked of real brokers."""

import time

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from gauntlet.reference_server import bus
from gauntlet.reference_server.bus.base import BusDown, Undeliverable
from gauntlet.reference_server.bus.redis_streams import TRIM_EVERY

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
]
BOUNDED_S = 5.0  # a call bounded to about a second, on a machine that is busy


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["redis", "rabbitmq"])
async def broker(request, make_service):
    """One real broker of each kind for all tests."""
    service = make_service(request.param)
    await service.component.start()
    yield service
    await service.component.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def connect(broker):
    """`connect()`: one more process's end of the bus, closed with the test."""
    ends = []

    def make() -> bus.Bus:
        ends.append(bus.connect(broker.url))
        return ends[-1]

    yield make
    for end in ends:
        await end.close()


async def publish_when_up(end: bus.Bus, queue: str, data: bytes) -> None:
    """Publish as soon as the bus takes it again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await end.publish(queue, data)
        except (BusDown, Undeliverable):
            assert time.monotonic() < deadline


async def test_a_queue_hears_what_is_published_in_order(connect, eventually):
    """One publisher, one queue: every message, once, in order, with its bytes."""
    heard: list[bytes] = []
    await connect().consume("edges.e1.1", heard.append)
    publisher = connect()
    sent = [bytes([number]) * 100 for number in range(100)]
    for data in sent:
        await publisher.publish("edges.e1.1", data)
    await eventually(lambda: len(heard) >= len(sent))
    assert heard == sent


async def test_what_was_heard_is_not_kept(broker, connect, eventually):
    """Two thousand batches an edge would be more than the memory of its Redis."""
    if not broker.url.startswith("redis"):
        pytest.skip("RabbitMQ keeps no message that was delivered")
    heard: list[bytes] = []
    await connect().consume("edges.e1.7", heard.append)
    publisher = connect()
    async with Redis.from_url(broker.url) as redis:
        for count in range(1, 501):
            await publisher.publish("edges.e1.7", b"x" * 5_000)
            if count % 50 == 0:
                await eventually(lambda count=count: len(heard) == count)
        assert await redis.xlen("edges.e1.7") < 2 * TRIM_EVERY
    assert len(heard) == 500


async def test_a_missing_queue_is_told(connect):
    """A stale registry entry shows at once: its edge is gone."""
    with pytest.raises(Undeliverable):
        await connect().publish("edges.nobody.1", b"x")


async def test_every_listener_hears_what_is_for_all(connect, eventually):
    """With the registry down each edge hears everything, and nothing of before it listened."""
    publisher = connect()
    await publisher.publish_all(b"too early")
    heard: dict[str, list[bytes]] = {"edges.e1.2": [], "edges.e2.2": []}
    for queue, messages in heard.items():
        await connect().consume(queue, messages.append)
    await publisher.publish_all(b"x")
    await eventually(lambda: all(heard.values()))
    assert heard == {"edges.e1.2": [b"x"], "edges.e2.2": [b"x"]}


async def test_closing_drops_the_queue(connect):
    """An edge that ends leaves nothing behind that would collect messages."""
    publisher, edge = connect(), connect()
    await edge.consume("edges.e1.3", lambda _: None)
    await publisher.publish("edges.e1.3", b"x")
    await edge.close()
    with pytest.raises(Undeliverable):
        await publisher.publish("edges.e1.3", b"x")


async def test_a_killed_broker_is_noticed_and_the_queue_comes_back(broker, connect, eventually):
    """Lost, told, bounded failures; then found again by itself, with the same queue."""
    heard: list[bytes] = []
    states: list[bool] = []
    edge, publisher = connect(), connect()
    edge.on_state(states.append)
    await edge.consume("edges.e1.4", heard.append)
    await publisher.publish("edges.e1.4", b"before")
    await eventually(lambda: heard == [b"before"])
    await broker.component.kill()
    await eventually(lambda: not edge.connected)
    for call in (publisher.publish("edges.e1.4", b"x"), publisher.publish_all(b"x")):
        began = time.monotonic()
        with pytest.raises(BusDown):
            await call
        assert time.monotonic() - began < BOUNDED_S
    await broker.component.start()
    await eventually(lambda: edge.connected)
    await publish_when_up(publisher, "edges.e1.4", b"after")
    await eventually(lambda: b"after" in heard)
    assert states == [True, False, True]


async def test_a_frozen_broker_is_noticed(broker, connect, eventually):
    """A broker that answers nothing is as lost as a dead one: the edge must poll meanwhile."""
    heard: list[bytes] = []
    edge, publisher = connect(), connect()
    await edge.consume("edges.e1.5", heard.append)
    await publisher.publish("edges.e1.5", b"before")
    broker.component.pause()
    try:
        began = time.monotonic()
        with pytest.raises(BusDown):
            await publisher.publish("edges.e1.5", b"x")
        assert time.monotonic() - began < BOUNDED_S
        await eventually(lambda: not edge.connected)
    finally:
        broker.component.resume()
    await eventually(lambda: edge.connected)
    await publish_when_up(publisher, "edges.e1.5", b"after")
    await eventually(lambda: b"after" in heard)


async def test_an_edge_may_start_before_its_broker(broker, connect, eventually):
    """`consume` returns with the broker down, and hears once it is up."""
    await broker.component.kill()
    edge = connect()
    await edge.consume("edges.e1.6", lambda _: None)
    assert not edge.connected
    await broker.component.start()
    await eventually(lambda: edge.connected)


async def test_an_unknown_scheme_is_refused():
    """A wrong URL fails when the process starts, by name."""
    with pytest.raises(ValueError, match="kafka"):
        bus.connect("kafka://127.0.0.1:1")
