"""The bus on RabbitMQ: one exclusive classic queue per edge boot, one fan-out exchange.

Publishing and consuming have separate connections, because a memory or disk alarm blocks
publishers. A lost connection is not restored behind the scenes: the loss of a queue must be
noticed, because the edge then repairs from SQL.
"""

import asyncio
from collections.abc import Callable

from gauntlet.reference_server.bus import amqp_connection, base
from gauntlet.reference_server.bus.amqp_connection import AmqpConnection, Returned
from gauntlet.reference_server.bus.amqp_frames import AmqpError
from gauntlet.reference_server.bus.consumer import Consumer

ALL_EDGES = "edges.all"
CONNECT_TIMEOUT_S = 2.0
PROBE_EVERY_S = 0.5
PROBE_TIMEOUT_S = 1.0
HEARTBEAT_S = 2  # frees the exclusive queue of a silent connection
FAILURES = (AmqpError, Returned, OSError, TimeoutError)


class RabbitMqBus(Consumer):
    """`base.Bus` on RabbitMQ."""

    def __init__(self, url: str) -> None:
        super().__init__(FAILURES)
        self._url = url
        self._publisher: AmqpConnection | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, queue: str, data: bytes) -> None:
        await self._publish("", queue, data, mandatory=True)

    async def publish_all(self, data: bytes) -> None:
        await self._publish(ALL_EDGES, "", data, mandatory=False)

    async def close(self) -> None:
        await self.stop()
        if self._publisher is not None:
            await self._publisher.close()

    async def _publish(self, exchange: str, key: str, data: bytes, *, mandatory: bool) -> None:
        """Publish within a time limit: a blocked broker confirms nothing."""
        try:
            async with asyncio.timeout(base.PUBLISH_TIMEOUT_S):
                publisher = await self._connected_publisher()
                await publisher.publish(exchange, key, data, mandatory=mandatory)
        except Returned as error:
            raise base.Undeliverable(key) from error
        except FAILURES as error:
            self._disconnect()
            raise base.BusDown(str(error) or type(error).__name__) from error

    async def _connected_publisher(self) -> AmqpConnection:
        async with self._connecting:
            if self._publisher is None or self._publisher.error is not None:
                self._publisher = await self._open()
            return self._publisher

    def _disconnect(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.abort()

    async def _open(self, on_message: base.MessageHandler | None = None) -> AmqpConnection:
        connection = await amqp_connection.connect(self._url, HEARTBEAT_S, on_message)
        try:
            await connection.declare_fanout(ALL_EDGES)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _session(self, on_connected: Callable[[], None]) -> None:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            connection = await self._open(self._deliver)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.consume(self._queue, ALL_EDGES)
            await self._probe(connection)
            on_connected()
            while True:  # detects a dead broker within a second; heartbeats would take longer
                await asyncio.sleep(PROBE_EVERY_S)
                await self._probe(connection)
        finally:
            await connection.close()

    async def _probe(self, connection: AmqpConnection) -> None:
        """Send an empty message to the own queue; a broker that accepts none counts as down."""
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await connection.publish("", self._queue, b"", mandatory=True)
