"""One proxy inside this process: dialling, accepting, addresses, random numbers."""

import asyncio
import errno
import socket

import pytest

from gauntlet.chaos.proxy import proxy as module
from gauntlet.chaos.proxy.errors import ApiError
from gauntlet.chaos.proxy.proxy import Proxy, ProxyBody, resolve


@pytest.fixture
async def start():
    """Start a proxy to an upstream; stop it, and see its tasks end."""
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
        while proxy.links:
            await asyncio.sleep(0.001)


async def connect(proxy: Proxy):
    """A client of the proxy."""
    host, port = proxy.listen.split(":")
    return await asyncio.open_connection(host, int(port))


async def test_a_blackholed_upstream_ends_after_the_dial_timeout(start, monkeypatch):
    """The client reads the end; meanwhile others connect and the proxy can be stopped."""
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
        assert await asyncio.wait_for(reader.read(), 3) == b""
        assert not proxy._dials
        writer.close()
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("upstream", ["127.0.0.1:none", "nonsense", "127.0.0.1:1"])
async def test_an_upstream_that_cannot_be_dialled_is_an_end(start, upstream):
    """Bad addresses and closed ports look alike to the client."""
    reader, writer = await connect(await start(upstream))
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()


async def test_stopping_ends_a_pending_dial(start, monkeypatch):
    """Nothing dials on for a proxy that is disabled."""
    dialling = asyncio.Event()

    async def never(*args: object) -> None:
        dialling.set()
        await asyncio.Event().wait()

    proxy = await start("127.0.0.1:1")
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_connection", never)
    host, port = proxy.listen.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.setblocking(False)
        await dialling.wait()
        proxy.stop()
        assert await asyncio.wait_for(loop.sock_recv(client, 1), 3) == b""
    assert not proxy._dials


class Exhausted:
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


async def test_running_out_of_descriptors_is_only_a_pause(start, monkeypatch):
    """An accept that fails is tried again, without spinning."""
    monkeypatch.setattr(module, "_ACCEPT_PAUSE_S", 0.01)
    proxy = await start("127.0.0.1:1")
    loop = asyncio.get_running_loop()
    loop.remove_reader(proxy._listener)
    proxy._listener = Exhausted(proxy._listener, failures=3)
    loop.add_reader(proxy._listener, proxy._accept)
    reader, writer = await connect(proxy)
    assert await asyncio.wait_for(reader.read(), 3) == b""
    assert proxy._listener.failures == 0
    writer.close()


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("localhost:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        (":80", ("127.0.0.1", 80)),
        ("", ("127.0.0.1", 0)),
    ],
)
async def test_addresses(listen, address):
    """Names resolve to IPv4 first; no host is loopback."""
    assert await resolve(listen) == address


async def test_bad_addresses_say_what_is_wrong():
    """In Toxiproxy's words where it has some."""
    with pytest.raises(ApiError, match=r"^address nonsense: missing port in address$"):
        await resolve("nonsense")
    with pytest.raises(ApiError, match=r"^lookup 127\.0\.0\.1:port: "):
        await resolve("127.0.0.1:port")


def rolls(seed: int, name: str = "p") -> list[float]:
    """The rolls of three connections and two toxics."""
    proxy = Proxy(ProxyBody(name=name), seed)
    toxics = [proxy.add_toxic({"type": "noop", "name": str(number)}) for number in range(2)]
    return [proxy.random(link, toxic).random() for link in range(3) for toxic in toxics]


def test_rolls_depend_on_seed_proxy_connection_and_toxic_only():
    """The same four give the same roll; any other one gives another."""
    assert rolls(7) == rolls(7)
    assert len({*rolls(7), *rolls(8), *rolls(7, "q")}) == 18


def test_a_toxic_added_again_rolls_again():
    """A second disconnect of 30 % must not hit the same third in vain."""
    proxy = Proxy(ProxyBody(name="p"), 7)
    first = proxy.add_toxic({"type": "noop"})
    proxy.remove_toxic(first.name)
    second = proxy.add_toxic({"type": "noop"})
    assert proxy.random(1, first).random() != proxy.random(1, second).random()
