"""A connection of the bus to a broker that does what the test says."""

import asyncio
import contextlib

import pytest

from gauntlet.reference_server.bus import amqp_connection
from gauntlet.reference_server.bus import amqp_frames as frames
from gauntlet.reference_server.bus.amqp_connection import Returned, connect
from gauntlet.reference_server.bus.amqp_frames import AmqpError

QUEUE = "edges.e1.1"
ANSWERS = {
    frames.OPEN: frames.method(0, frames.OPEN_OK, b"\0"),
    frames.CHANNEL_OPEN: frames.method(1, frames.CHANNEL_OPEN_OK, bytes(4)),
    frames.CONFIRM_SELECT: frames.method(1, frames.CONFIRM_SELECT_OK),
    frames.EXCHANGE_DECLARE: frames.method(1, frames.EXCHANGE_DECLARE_OK),
    frames.QUEUE_DECLARE: frames.method(1, frames.QUEUE_DECLARE_OK, frames.short(QUEUE) + bytes(8)),
    frames.QUEUE_BIND: frames.method(1, frames.QUEUE_BIND_OK),
    frames.CONSUME: frames.method(1, frames.CONSUME_OK, frames.short("tag")),
    frames.CLOSE: frames.method(0, frames.CLOSE_OK),
}
CLOSED = (403).to_bytes(2, "big") + frames.short("ACCESS_REFUSED") + bytes(4)


class Broker:
    """Answers all calls; a test reads what was published, and sends what it likes."""

    def __init__(self):
        self.answers = dict(ANSWERS)
        self.frame_bytes_max = 131_072
        self.methods = []  # in the order of arrival
        self.heartbeats = 0
        self.writer = None

    async def serve(self, reader, writer):
        """Serve one client."""
        self.writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readexactly(8) == frames.PROTOCOL_HEADER
            writer.write(frames.method(0, frames.START, b"\0\x09" + bytes(4)))
            tune = bytes((0, 9)) + self.frame_bytes_max.to_bytes(4, "big") + bytes((0, 60))
            self.answers.setdefault(frames.START_OK, frames.method(0, frames.TUNE, tune))
            while True:
                head = await reader.readexactly(7)
                payload = await reader.readexactly(int.from_bytes(head[3:], "big") + 1)
                self.receive(head[0], payload[:-1])

    def receive(self, kind, payload):
        """Answer a call, and note everything else."""
        self.heartbeats += kind == frames.HEARTBEAT
        if kind == frames.METHOD:
            method = int.from_bytes(payload[:4], "big")
            self.methods.append(method)
            if answer := self.answers.get(method):
                self.writer.write(answer)

    def acknowledge(self, number, *, multiple=False):
        """Confirm a message, or all up to it."""
        arguments = number.to_bytes(8, "big") + bytes((multiple,))
        self.writer.write(frames.method(1, frames.ACK, arguments))

    def published(self, count):
        """Whether so many messages have arrived."""
        return self.methods.count(frames.PUBLISH) == count


def delivery(body, frame_bytes_max=131_072):
    """Return the frames with which a broker delivers a message."""
    arguments = frames.short("tag") + bytes(9) + frames.short("") + frames.short(QUEUE)
    sent = frames.message(1, "", QUEUE, body, 1, frame_bytes_max, mandatory=False)
    return frames.method(1, frames.DELIVER, arguments) + sent[sent.index(b"\xce") + 1 :]


def returned(number):
    """Return the frames with which a broker returns a message."""
    arguments = (312).to_bytes(2, "big") + frames.short("NO_ROUTE") + frames.short("") * 2
    sent = frames.message(1, "", "", b"x", number, 131_072, mandatory=True)
    return frames.method(1, frames.RETURN, arguments) + sent[sent.index(b"\xce") + 1 :]


async def settle(condition):
    """Wait until a condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
async def broker():
    """The broker, and its address as `url`."""
    broker = Broker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.url = f"amqp://im:pw@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield broker
    server.close()
    if broker.writer is not None:
        broker.writer.transport.abort()
    await asyncio.sleep(0)


@pytest.fixture
async def received():
    """The messages that the connection handed over."""
    return []


@pytest.fixture
async def connection(broker, received):
    """An open connection."""
    connection = await connect(broker.url, 2, received.append)
    yield connection
    connection.abort()


def publish(connection, body=b"x"):
    """Begin to publish a message that must find a queue."""
    return asyncio.ensure_future(connection.publish("", QUEUE, body, mandatory=True))


async def test_a_message_is_published_when_the_broker_has_confirmed_it(broker, connection):
    first, second = publish(connection), publish(connection)
    await settle(lambda: broker.published(2))
    broker.acknowledge(2)
    await second
    assert not first.done()
    broker.acknowledge(1)
    await first


async def test_one_confirmation_may_be_for_all_messages_before(broker, connection):
    sent = [publish(connection) for _ in range(3)]
    await settle(lambda: broker.published(3))
    broker.acknowledge(2, multiple=True)
    await asyncio.gather(*sent[:2])
    assert not sent[2].done()
    broker.acknowledge(3, multiple=True)
    await sent[2]


async def test_a_returned_message_is_told_from_the_others(broker, connection):
    """The confirmation that follows it is for nothing, and the connection goes on."""
    sent = [publish(connection) for _ in range(2)]
    await settle(lambda: broker.published(2))
    broker.writer.write(returned(1))
    broker.acknowledge(2, multiple=True)
    await sent[1]
    with pytest.raises(Returned):
        await sent[0]
    assert connection.error is None


@pytest.mark.parametrize(
    "said",
    [
        frames.method(1, frames.NACK, bytes(9)),
        frames.method(1, frames.CANCEL, frames.short("tag") + b"\0"),
        frames.method(1, frames.CHANNEL_CLOSE, CLOSED),
        frames.method(0, frames.CLOSE, CLOSED),
        frames.method(1, frames.QUEUE_BIND_OK),
        frames.method(1, frames.ACK),
        frames.frame(9, 1, b""),
        b"AMQP\0\0\x09\x01",
        bytes(8),
        b"",
    ],
    ids=[
        "nack",
        "cancel",
        "channel-close",
        "close",
        "unasked",
        "too-short",
        "kind",
        "version",
        "no-end",
        "hang-up",
    ],
)
async def test_an_error_ends_the_connection_and_all_that_waits(broker, connection, said):
    sent = publish(connection)
    await settle(lambda: broker.published(1))
    broker.writer.write(said)
    if not said:
        broker.writer.close()
    with pytest.raises(AmqpError):
        await sent
    assert connection.error is not None
    with pytest.raises(AmqpError):
        await publish(connection)


@pytest.mark.parametrize("size", [1, 7, 100, 10**6])
async def test_messages_are_handed_over_in_order_however_their_bytes_arrive(
    connection, received, size
):
    """Also those whose body has several frames, and those without a body."""
    bodies = [b"a", b"", b"b" * 5_000, b"c"]
    stream = b"".join(delivery(body, 1_000) for body in bodies)
    for begin in range(0, len(stream), size):
        connection.data_received(stream[begin : begin + size])
    assert received == bodies


async def test_a_message_that_cannot_be_handled_does_not_end_the_consumption(broker, caplog):
    handled = []

    def handle(body):
        handled.append(1 // len(body))

    connection = await connect(broker.url, 2, handle)
    connection.data_received(delivery(b"") + delivery(b"x"))
    assert handled == [1]
    assert caplog.messages == ["a message could not be handled"]
    connection.abort()


async def test_a_large_message_is_written_in_frames_that_the_broker_accepts(broker):
    broker.frame_bytes_max = 4_096
    connection = await connect(broker.url, 2)
    sent = publish(connection, b"x" * 10_000)
    await settle(lambda: broker.published(1))
    broker.acknowledge(1)
    await sent
    connection.abort()


async def test_a_consumer_declares_its_queue_before_it_reads_it(broker, connection):
    await connection.declare_fanout("edges.all")
    await connection.consume(QUEUE, "edges.all")
    assert broker.methods[-4:] == [
        *(frames.EXCHANGE_DECLARE, frames.QUEUE_DECLARE, frames.QUEUE_BIND, frames.CONSUME)
    ]


async def test_heartbeats_are_sent_while_nothing_else_is(broker, connection):
    """Half as often as the broker expects a sign of life."""
    await settle(lambda: broker.heartbeats == 1)
    await settle(lambda: broker.heartbeats == 2)


async def test_a_refused_login_says_why(broker):
    broker.answers[frames.START_OK] = frames.method(0, frames.CLOSE, CLOSED)
    with pytest.raises(AmqpError, match="403 ACCESS_REFUSED"):
        await connect(broker.url, 2)


async def test_a_close_waits_for_the_broker_which_deletes_the_queue(broker, connection):
    await connection.close()
    assert broker.methods[-1] == frames.CLOSE
    with pytest.raises(AmqpError):
        await publish(connection)


async def test_a_close_does_not_wait_for_a_broker_that_is_silent(broker, connection, monkeypatch):
    monkeypatch.setattr(amqp_connection, "CLOSE_TIMEOUT_S", 0.01)
    del broker.answers[frames.CLOSE]
    async with asyncio.timeout(2):
        await connection.close()
    assert connection.error is not None


async def test_a_publication_that_is_given_up_disturbs_no_other_one(broker, connection):
    given_up, other = publish(connection), publish(connection)
    await settle(lambda: broker.published(2))
    given_up.cancel()
    broker.acknowledge(2, multiple=True)
    await other
    assert connection.error is None
