"""No busy link holds up the loop: each iteration does little work for each link.

Counted as reads and writes, because how long they take says more of the machine than of the proxy.
"""

import asyncio
import contextlib
import socket
import threading
from collections import Counter

import pytest

from gauntlet.chaos.proxy.collection import Proxies
from gauntlet.chaos.proxy.endpoint import Endpoint
from gauntlet.chaos.proxy.proxied_connection import Direction

CONNECTIONS = 10
# Per link. In one iteration, a link reads once and passes on 16 pieces in a wake, and as many in a
# turn and a timer. The test may see parts of two iterations. A stage that takes no turns cuts one
# read into 32,768 pieces; a transport of asyncio reads 32 times in a wake.
MOST = Counter(receive=2, feed=100, _send=100)
ITERATIONS = 500


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


@pytest.fixture
def done(monkeypatch):
    """How often all links have read, passed on and sent bytes since this was cleared."""
    counts = Counter()
    for owner, name in ((Direction, "receive"), (Direction, "feed"), (Endpoint, "_send")):
        method = getattr(owner, name)

        def counted(self, data, name=name, method=method):
            counts[name] += 1
            return method(self, data)

        monkeypatch.setattr(owner, name, counted)
    return counts


@pytest.mark.parametrize(
    "attributes",
    [None, {"average_size": 2}, {"average_size": 2, "delay": 10}],
    ids=["flood", "slicer", "slicer-with-delay"],
)
async def test_an_iteration_of_the_loop_is_short_however_busy_the_links_are(sink, done, attributes):
    """A slicer of 2 bytes once held up the loop for 5.4 s."""
    proxies = Proxies(seed=0)
    proxy = await proxies.create({"name": "p", "listen": "127.0.0.1:0", "upstream": sink})
    if attributes:
        proxy.add_toxic({"type": "slicer", "stream": "upstream", "attributes": attributes})
    limits = Counter({name: count * CONNECTIONS for name, count in MOST.items()})
    most, busy = Counter(), 0
    with flood(proxy.listen):
        while busy < ITERATIONS and most <= limits:
            done.clear()
            await asyncio.sleep(0)  # goes on in the next iteration
            most |= done
            busy += done["feed"] > 0
    proxies.stop()
    await asyncio.sleep(0.01)
    assert most <= limits
