"""One proxy in this process: dialling, accepting, addresses, random numbers."""

import asyncio
import errno
import socket

import pytest

from gauntlet.chaos.proxy import proxy as module
from gauntlet.chaos.proxy.proxy import Proxy, ProxyBody


@pytest.fixture
async def start():
    """Start a proxy to an upstream; stop it afterwards and wait for its tasks."""
    proxies = []

    async def make(upstream: str) -> Proxy:
        proxy = Proxy(ProxyBody(name="p", listen="127.0.0.1:0", upstream=upstream), seed=1)
        proxies.append(proxy)
        await proxy.start()
        return proxy

    yield make
    for proxy in proxies:
        proxy.stop()
        await asyncio.gather(*proxy._dials, return_exceptions=True)
        while proxy.connections:
            await asyncio.sleep(0.001)


async def connect(proxy: Proxy):
    """Connect a client to the proxy."""
    host, port = proxy.listen.split(":")
    return await asyncio.open_connection(host, int(port))


async def test_dialling_a_blackholed_upstream_ends_after_the_timeout(start, monkeypatch):
    """The client reads the end of the stream."""
    monkeypatch.setattr(module, "DIAL_TIMEOUT_S", 0.2)
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        address = hole.getsockname()
        fillers = []
        for _ in range(4):  # a full backlog answers no handshake
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        proxy = await start(f"127.0.0.1:{address[1]}")
        reader, writer = await connect(proxy)
        assert len(proxy._dials) <= 1
        assert await asyncio.wait_for(reader.read(), 30) == b""
        assert not proxy._dials
        writer.close()
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    "upstream", ["127.0.0.1:99999", "127.0.0.1:none", "nonsense", "127.0.0.1:1"]
)
async def test_a_client_reads_the_end_if_the_upstream_cannot_be_dialled(start, upstream):
    """Invalid addresses and closed ports look alike to the client."""
    reader, writer = await connect(await start(upstream))
    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()


async def test_stopping_a_proxy_cancels_a_pending_dial(start, monkeypatch):
    """A disabled proxy must not connect."""
    dialling = asyncio.Event()

    async def never(*args: object) -> None:
        dialling.set()
        await asyncio.Event().wait()

    proxy = await start("127.0.0.1:1")
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "sock_connect", never)
    host, port = proxy.listen.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.setblocking(False)
        await dialling.wait()
        proxy.stop()
        assert await asyncio.wait_for(loop.sock_recv(client, 1), 30) == b""
    assert not proxy._dials


class FailingListener:
    """A listener that cannot accept for the first `failures` times."""

    def __init__(self, listener: socket.socket, failures: int) -> None:
        self.listener = listener
        self.failures = failures

    def accept(self):
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "too many open files")
        return self.listener.accept()

    def fileno(self):
        return self.listener.fileno()

    def close(self):
        self.listener.close()


async def test_accepting_resumes_after_running_out_of_descriptors(start, monkeypatch):
    """A failed accept is repeated after a pause, without a busy loop."""
    monkeypatch.setattr(module, "_ACCEPT_PAUSE_S", 0.01)
    proxy = await start("127.0.0.1:1")
    loop = asyncio.get_running_loop()
    loop.remove_reader(proxy._listener)
    proxy._listener = FailingListener(proxy._listener, failures=3)
    loop.add_reader(proxy._listener, proxy._accept)
    reader, writer = await connect(proxy)
    assert await asyncio.wait_for(reader.read(), 30) == b""
    assert proxy._listener.failures == 0
    writer.close()


def first_draws(seed: int, name: str = "p") -> list[float]:
    """The first random number of each of three connections and two toxics."""
    proxy = Proxy(ProxyBody(name=name), seed)
    toxics = [proxy.add_toxic({"type": "noop", "name": str(number)}) for number in range(2)]
    return [proxy.random(connection, toxic).random() for connection in range(3) for toxic in toxics]


def test_random_draws_depend_only_on_seed_proxy_connection_and_toxic():
    """The same four give the same draw; any other value gives another one."""
    assert first_draws(7) == first_draws(7)
    assert len({*first_draws(7), *first_draws(8), *first_draws(7, "q")}) == 18


def test_a_toxic_that_is_added_again_draws_again():
    """Otherwise a second disconnect of 30 % would select the same connections."""
    proxy = Proxy(ProxyBody(name="p"), 7)
    first = proxy.add_toxic({"type": "noop"})
    proxy.remove_toxic(first.name)
    second = proxy.add_toxic({"type": "noop"})
    assert proxy.random(1, first).random() != proxy.random(1, second).random()
