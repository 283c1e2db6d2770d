"""One socket of a connection: each wake does little, each write is one call."""

import asyncio
import contextlib
import select
import socket
import struct

import pytest

from gauntlet.chaos.proxy import endpoint as module
from gauntlet.chaos.proxy.endpoint import HIGH_WATER_BYTES, READ_BYTES, Endpoint


class Record:
    """Both directions of an endpoint, as it sees them."""

    def __init__(self):
        self.chunks = []
        self.ended = self.lost = self.closed = 0
        self.blocked = []

    def receive(self, data):
        self.chunks.append(bytes(data))

    def source_ended(self):
        self.ended += 1

    def destination_lost(self):
        self.lost += 1

    def set_blocked(self, *, blocked):
        self.blocked.append(blocked)

    def on_close(self):
        self.closed += 1


@pytest.fixture
def pair():
    """Two connected TCP sockets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        far.settimeout(30)
    yield near, far
    for each in (near, far):
        each.close()


@pytest.fixture
async def ends(pair):
    """An endpoint that reads, what it told its directions, and the other side's socket."""
    near, far = pair
    endpoint, record = Endpoint(near), Record()
    endpoint.attach(record, record, record.on_close)
    yield endpoint, record, far
    endpoint.abort()
    await asyncio.sleep(0)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_wake_reads_once(ends):
    """Other sockets are served between two reads of a busy one."""
    _, record, far = ends
    far.sendall(b"x" * (3 * READ_BYTES))
    await asyncio.sleep(0)
    sizes = []
    while sum(map(len, record.chunks)) < 3 * READ_BYTES:
        before = len(record.chunks)
        await asyncio.sleep(0)
        sizes.append(len(record.chunks) - before)
    assert max(sizes) <= 2  # a sleep may span two iterations of the loop
    assert max(map(len, record.chunks)) <= READ_BYTES


async def test_a_wake_writes_few_of_the_pieces_that_wait(ends):
    """Other sockets are served in between, however small the pieces are."""
    endpoint, record, far = ends
    while not endpoint._waiting:
        endpoint.write(b"x" * 65_536)
    while not record.blocked:
        endpoint.write(b"ab")
    far.setblocking(False)
    written = []
    while record.blocked[-1]:
        before = len(endpoint._waiting)
        with contextlib.suppress(BlockingIOError):
            far.recv(1 << 20)
        await asyncio.sleep(0)
        written.append(before - len(endpoint._waiting))
    assert max(written) <= 100


async def test_reading_can_be_stopped_and_resumed(ends):
    endpoint, record, far = ends
    endpoint.set_reading(wanted=False)
    far.sendall(b"later")
    await asyncio.sleep(0.02)
    assert record.chunks == []
    endpoint.set_reading(wanted=True)
    await until(lambda: record.chunks == [b"later"])


async def test_the_end_of_the_source_is_told_once_and_leaves_the_socket_writable(ends):
    endpoint, record, far = ends
    far.shutdown(socket.SHUT_WR)
    await until(lambda: record.ended == 1)
    await asyncio.sleep(0.01)
    assert (record.ended, record.closed) == (1, 0)
    endpoint.write(b"answer")
    assert far.recv(10) == b"answer"


async def test_bytes_that_do_not_fit_wait_and_block_the_other_side(ends):
    """Nothing is lost, and the block ends when everything is written."""
    endpoint, record, far = ends
    data = bytes(range(256)) * 256
    sent = 0
    while not record.blocked:
        endpoint.write(memoryview(bytearray(data)))
        sent += len(data)
    assert endpoint._waiting_bytes > HIGH_WATER_BYTES
    received = b""
    loop = asyncio.get_running_loop()
    far.setblocking(False)
    while len(received) < sent:
        received += await loop.sock_recv(far, 1 << 20)
    assert received == data * (sent // len(data))
    await until(lambda: record.blocked == [True, False])


async def test_a_write_keeps_no_view_of_the_shared_buffer(ends):
    """What waits is copied, because the next read uses the buffer again."""
    endpoint, _, _ = ends
    while not endpoint._waiting:
        endpoint.write(b"a" * 65_536)
    view = memoryview(bytearray(b"b" * 10))
    endpoint.write(view)
    view[:] = b"c" * 10
    assert endpoint._waiting[-1] == b"b" * 10


async def test_each_write_is_one_call_of_the_operating_system(ends):
    """Otherwise the pieces of a slicer arrive joined."""
    endpoint, _, far = ends
    for piece in (b"ab", b"cd"):
        endpoint.write(piece)
        assert far.recv(10) == piece


async def test_close_waits_for_what_must_be_written(ends):
    endpoint, record, far = ends
    sent = 0
    while not endpoint._waiting:
        endpoint.write(b"x" * 65_536)
        sent += 65_536
    endpoint.close()
    assert record.closed == 0
    loop = asyncio.get_running_loop()
    far.setblocking(False)
    received = 0
    while data := await loop.sock_recv(far, 1 << 20):
        received += len(data)
    assert received == sent
    await until(lambda: record.closed == 1)
    assert record.lost == 1


@pytest.mark.parametrize("way", ["close", "abort"])
async def test_a_close_sends_fin_and_informs_once(ends, way):
    endpoint, record, far = ends
    getattr(endpoint, way)()
    getattr(endpoint, way)()
    await until(lambda: record.closed)
    assert far.recv(1) == b""
    await asyncio.sleep(0.01)
    assert (record.closed, record.lost) == (1, 1)


async def test_a_reset_sends_rst(ends):
    endpoint, record, far = ends
    endpoint.reset()
    await until(lambda: record.closed)
    with pytest.raises(ConnectionResetError):
        far.recv(1)


async def test_a_peer_that_resets_ends_the_socket(ends):
    endpoint, record, far = ends
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    await until(lambda: record.closed)
    endpoint.write(b"too late")
    endpoint.reset()
    await asyncio.sleep(0.01)
    assert (record.closed, record.lost) == (1, 1)


async def test_a_write_that_fails_informs_in_a_later_iteration(ends, pair):
    """The direction that writes is in the middle of its own work."""
    endpoint, record, far = ends
    endpoint.set_reading(wanted=False)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    reset = select.poll()
    reset.register(pair[0], 0)  # reports errors only
    assert reset.poll(30_000)
    endpoint.write(b"x")
    assert record.lost == 0
    await until(lambda: record.lost == 1)


def test_the_high_water_mark_admits_one_read():
    """Otherwise each read that cannot be written at once would stop the reader."""
    assert module.HIGH_WATER_BYTES >= module.READ_BYTES
