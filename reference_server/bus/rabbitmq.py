"""The bus on RabbitMQ: one exclusive classic queue per edge boot, one fan-out exchange.

It uses plain connections instead of `connect_robust`, because the loss of a queue must be noticed
(the edge then repairs from SQL) and not hidden by an automatic restore. Publishing and consuming
have separate connections, because a memory or disk alarm blocks publishers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractMessage
from aio_pika.abc import AbstractIncomingMessage as Incoming
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, PublishError

from gauntlet.reference_server.bus import base
from gauntlet.reference_server.bus.consumer import Consumer

ALL_EDGES = "edges.all"
CONNECT_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 0.5
PROBE_EVERY_S = 0.5
PROBE_TIMEOUT_S = 1.0
HEARTBEAT_S = 2  # frees the exclusive queue of a silent connection
FAILURES = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError, RuntimeError)


class RabbitMqBus(Consumer):
    """`base.Bus` on RabbitMQ."""

    def __init__(self, url: str) -> None:
        super().__init__(FAILURES)
        self._url = url
        self._publisher: _Publisher | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, queue: str, data: bytes) -> None:
        async with self._publishing() as publisher:
            await publisher.direct.publish(_message(data), queue, mandatory=True)

    async def publish_all(self, data: bytes) -> None:
        async with self._publishing() as publisher:
            await publisher.all_edges.publish(_message(data), "", mandatory=False)

    async def close(self) -> None:
        await self.stop()
        await self._disconnect(self._publisher)

    @asynccontextmanager
    async def _publishing(self) -> AsyncIterator["_Publisher"]:
        """Limit the time of a publish, in which aio-pika could wait for a confirm forever."""
        publisher: _Publisher | None = None
        try:
            async with asyncio.timeout(base.PUBLISH_TIMEOUT_S):
                publisher = await self._connected_publisher()
                yield publisher
        except PublishError as error:
            raise base.Undeliverable(str(error)) from error
        except FAILURES as error:
            await self._disconnect(publisher)
            raise base.BusDown(str(error) or type(error).__name__) from error

    async def _connected_publisher(self) -> "_Publisher":
        """Return the publisher, which is a new one if the broker has closed the last one.

        A connection that was closed while nothing was published is no failure of a publish.
        """
        async with self._connecting:
            if self._publisher is None or self._publisher.channel.is_closed:
                await self._disconnect(self._publisher)
                self._publisher = await _publisher(self._url)
            return self._publisher

    async def _disconnect(self, publisher: "_Publisher | None") -> None:
        """Close a publisher; a newer one, which another publish may be using, stays."""
        if publisher is None:
            return
        if self._publisher is publisher:
            self._publisher = None
        await _close(publisher.connection)

    async def _session(self, on_connected: Callable[[], None]) -> None:
        connection = await _connect(self._url)
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            queue = await channel.declare_queue(
                self._queue, exclusive=True, auto_delete=True, timeout=CONNECT_TIMEOUT_S
            )
            await queue.bind(await _declare_all(channel), timeout=CONNECT_TIMEOUT_S)
            await queue.consume(self._on_message, no_ack=True, timeout=CONNECT_TIMEOUT_S)
            await self._probe(channel)
            on_connected()
            while True:  # detects a dead broker within a second; heartbeats would take longer
                await asyncio.sleep(PROBE_EVERY_S)
                await self._probe(channel)
        finally:
            await _close(connection)

    async def _probe(self, channel: AbstractChannel) -> None:
        """Send an empty message to the own queue; a broker that accepts none counts as down."""
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await channel.default_exchange.publish(_message(b""), self._queue)

    async def _on_message(self, message: Incoming) -> None:
        # Without an await: aio-pika starts these calls in order of arrival, so they also end in it.
        self._deliver(message.body)


class _Publisher(NamedTuple):
    """A connection to publish on, and the exchanges of its channel."""

    connection: AbstractConnection
    channel: AbstractChannel
    direct: AbstractExchange
    all_edges: AbstractExchange


async def _publisher(url: str) -> _Publisher:
    connection = await _connect(url)
    try:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        return _Publisher(
            connection, channel, channel.default_exchange, await _declare_all(channel)
        )
    except BaseException:  # also the end of the time for a publish
        await _close(connection)
        raise


async def _connect(url: str) -> AbstractConnection:
    return await aio_pika.connect(url, timeout=CONNECT_TIMEOUT_S, heartbeat=HEARTBEAT_S)


async def _declare_all(channel: AbstractChannel) -> AbstractExchange:
    return await channel.declare_exchange(
        ALL_EDGES, aio_pika.ExchangeType.FANOUT, durable=False, timeout=CONNECT_TIMEOUT_S
    )


async def _close(connection: AbstractConnection) -> None:
    with suppress(*FAILURES):
        await asyncio.wait_for(connection.close(), CLOSE_TIMEOUT_S)


def _message(data: bytes) -> AbstractMessage:
    return aio_pika.Message(data, delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT)
