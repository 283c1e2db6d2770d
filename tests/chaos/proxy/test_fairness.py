"""No busy link holds up the loop: each iteration takes little time, measured as CPU time.

CPU time of the thread of the loop, because other processes of the machine do not add to it.
"""

import asyncio
import contextlib
import gc
import socket
import threading
import time

import pytest

from gauntlet.chaos.proxy.collection import Proxies

CONNECTIONS = 10
SECONDS = 1.0


@pytest.fixture
def sink():
    """An upstream that reads everything."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def drain(connection):
        with connection, contextlib.suppress(OSError):
            while connection.recv(1 << 18):
                pass

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drain, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@contextlib.contextmanager
def flood(address):
    """Send over several connections as much as passes."""
    host, port = address.split(":")
    senders = [socket.create_connection((host, int(port))) for _ in range(CONNECTIONS)]

    def send(sender):
        with contextlib.suppress(OSError):
            while True:
                sender.sendall(bytes(1 << 18))

    for sender in senders:
        threading.Thread(target=send, args=(sender,), daemon=True).start()
    yield
    for sender in senders:
        with contextlib.suppress(OSError):
            sender.shutdown(socket.SHUT_RDWR)
        sender.close()


@contextlib.contextmanager
def without_garbage_collection():
    """Leave out pauses that grow with all that earlier tests have left in this process."""
    gc.disable()
    yield
    gc.enable()


async def iterations_s():
    """Return the CPU time of each iteration of the loop within a second."""
    loop, took_s, ended = asyncio.get_running_loop(), [], False
    last_s = time.thread_time()

    def tick():
        nonlocal last_s
        now_s = time.thread_time()
        took_s.append(now_s - last_s)
        last_s = now_s
        if not ended:
            loop.call_soon(tick)

    loop.call_soon(tick)
    await asyncio.sleep(SECONDS)
    ended = True
    return took_s


@pytest.mark.parametrize(
    "attributes",
    [None, {"average_size": 2}, {"average_size": 2, "delay": 10}],
    ids=["flood", "slicer", "slicer-with-delay"],
)
async def test_an_iteration_of_the_loop_is_short_however_busy_the_links_are(sink, attributes):
    """A slicer of 2 bytes once held up the loop for 5.4 s."""
    proxies = Proxies(seed=0)
    proxy = await proxies.create({"name": "p", "listen": "127.0.0.1:0", "upstream": sink})
    if attributes:
        proxy.add_toxic({"type": "slicer", "stream": "upstream", "attributes": attributes})
    with flood(proxy.listen), without_garbage_collection():
        await asyncio.sleep(0.2)
        took_s = await iterations_s()
        assert sum(proxy.byte_totals().values()) > 10_000, "nothing passed"
    proxies.stop()
    await asyncio.sleep(0.01)
    assert max(took_s) < 0.01
