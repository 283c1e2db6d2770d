"""What every bus engine guarantees, tested with real brokers."""

import signal
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
    """`connect()` opens the bus as another process would; closed with the test."""
    buses = []

    def make() -> bus.Bus:
        buses.append(bus.connect(broker.url))
        return buses[-1]

    yield make
    for opened in buses:
        await opened.close()


async def publish_when_up(publisher: bus.Bus, queue: str, data: bytes) -> None:
    """Publish as soon as the bus accepts messages again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await publisher.publish(queue, data)
        except (BusDown, Undeliverable):
            assert time.monotonic() < deadline


async def test_a_queue_receives_every_message_once_and_in_order(connect, eventually):
    received: list[bytes] = []
    await connect().consume("edges.e1.1", received.append)
    publisher = connect()
    sent = [bytes([number]) * 100 for number in range(100)]
    for data in sent:
        await publisher.publish("edges.e1.1", data)
    await eventually(lambda: len(received) >= len(sent))
    assert received == sent


async def test_received_messages_are_trimmed(broker, connect, eventually):
    """Otherwise the entries of all edges would exceed the memory of the server."""
    if not broker.url.startswith("redis"):
        pytest.skip("RabbitMQ keeps no message that was delivered")
    received: list[bytes] = []
    await connect().consume("edges.e1.7", received.append)
    publisher = connect()
    async with Redis.from_url(broker.url) as redis:
        for count in range(1, 501):
            await publisher.publish("edges.e1.7", b"x" * 5_000)
            if count % 50 == 0:
                await eventually(lambda count=count: len(received) == count)
        assert await redis.xlen("edges.e1.7") < 2 * TRIM_EVERY
    assert len(received) == 500


async def test_publishing_to_a_missing_queue_is_undeliverable(connect):
    with pytest.raises(Undeliverable):
        await connect().publish("edges.nobody.1", b"x")


async def test_every_consumer_receives_messages_for_all_edges(connect, eventually):
    """Except those that were published before it started."""
    publisher = connect()
    await publisher.publish_all(b"too early")
    received: dict[str, list[bytes]] = {"edges.e1.2": [], "edges.e2.2": []}
    for queue, messages in received.items():
        await connect().consume(queue, messages.append)
    await publisher.publish_all(b"x")
    await eventually(lambda: all(received.values()))
    assert received == {"edges.e1.2": [b"x"], "edges.e2.2": [b"x"]}


async def test_close_deletes_the_queue(connect):
    publisher, edge = connect(), connect()
    await edge.consume("edges.e1.3", lambda _: None)
    await publisher.publish("edges.e1.3", b"x")
    await edge.close()
    with pytest.raises(Undeliverable):
        await publisher.publish("edges.e1.3", b"x")


async def test_the_queue_recovers_after_the_broker_was_killed(broker, connect, eventually):
    """Meanwhile, calls fail within a bounded time."""
    received: list[bytes] = []
    states: list[bool] = []
    edge, publisher = connect(), connect()
    edge.on_state(states.append)
    await edge.consume("edges.e1.4", received.append)
    await publisher.publish("edges.e1.4", b"before")
    await eventually(lambda: received == [b"before"])
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
    await eventually(lambda: b"after" in received)
    assert states == [True, False, True]


async def test_a_paused_broker_counts_as_lost(broker, connect, eventually):
    """The edge must poll meanwhile."""
    received: list[bytes] = []
    edge, publisher = connect(), connect()
    await edge.consume("edges.e1.5", received.append)
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
    await eventually(lambda: b"after" in received)


async def test_consume_returns_while_the_broker_is_down_and_starts_later(
    broker, connect, eventually
):
    await broker.component.kill()
    edge = connect()
    await edge.consume("edges.e1.6", lambda _: None)
    assert not edge.connected
    await broker.component.start()
    await eventually(lambda: edge.connected)


async def test_an_unknown_url_scheme_is_rejected():
    with pytest.raises(ValueError, match="kafka"):
        bus.connect("kafka://127.0.0.1:1")


async def test_a_connection_that_ended_while_nothing_was_published_costs_no_message(
    broker, connect, eventually
):
    received: list[bytes] = []
    consumer, publisher = connect(), connect()
    await consumer.consume("edges.idle.1", received.append)
    await publisher.publish("edges.idle.1", b"before")
    await eventually(lambda: received == [b"before"])
    await broker.component.kill(signal.SIGKILL)
    await eventually(lambda: not consumer.connected)
    await broker.component.start()
    await eventually(lambda: consumer.connected)
    await publisher.publish("edges.idle.1", b"after")
    await eventually(lambda: received == [b"before", b"after"])
