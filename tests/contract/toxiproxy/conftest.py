"""Both backends as real processes, and a proxied link whose two ends a test controls."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
import requests

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy_process import ProxyServer, find_binary

from ...services import missing

TIMEOUT_S = 30.0  # far longer than any socket operation of a passing test


class ProxiedLink:
    """A link through the proxy; `pair` opens a connection and returns its two outer ends."""

    def __init__(self, server: ProxyServer, name: str) -> None:
        self.name = name
        self.api_url = server.api_url
        self.url = f"{server.api_url}/proxies/{name}"
        self.proxy = ProxyClient(server.api_url)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.settimeout(TIMEOUT_S)
        self.upstream = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = [self.listener]
        self.address = self.proxy.create(name, self.upstream)

    def dial(self) -> socket.socket:
        """Connect a client to the proxy."""
        host, port = self.address.split(":")
        client = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        self._sockets.append(client)
        return client

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Open a connection; return the sockets of the client and of the upstream."""
        client = self.dial()
        server, _ = self.listener.accept()
        server.settimeout(TIMEOUT_S)
        self._sockets.append(server)
        # Once a byte has passed in each direction, the proxy has set up both directions.
        for source, destination in ((client, server), (server, client)):
            source.sendall(b"!")
            assert destination.recv(1) == b"!"
        return client, server

    def add(self, kind: str, *, stream: str = "downstream", toxicity: float = 1.0, **attrs: int):
        """Add a toxic and return its name."""
        toxic = self.proxy.add_toxic(self.name, kind, stream, toxicity, attrs)
        return toxic.name

    def update(self, toxic: str, **attributes: int) -> None:
        self.proxy.update_toxic(self.name, toxic, attributes=attributes)

    def remove(self, toxic: str) -> None:
        self.proxy.remove_toxic(self.name, toxic)

    def close(self) -> None:
        for opened in self._sockets:
            opened.close()
        requests.delete(self.url, timeout=TIMEOUT_S)


def receive(source: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes, or less if the stream ends before."""
    parts: list[bytes] = []
    while size > 0:
        part = source.recv(min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def end_of(source: socket.socket) -> str:
    """Return how a connection ends that must end: `eof` or `reset`, or `data` if it does not."""
    return read_outcome(source, TIMEOUT_S)


def read_outcome(source: socket.socket, quiet_s: float = 0.3) -> str:
    """Return how the next read ends: `data`, `eof`, `reset`, or `open` (nothing for so long)."""
    source.settimeout(quiet_s)
    try:
        return "data" if source.recv(1 << 20) else "eof"
    except TimeoutError:
        return "open"
    except ConnectionError:
        return "reset"
    finally:
        source.settimeout(TIMEOUT_S)


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until the condition is true; return False after the timeout."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def receiving(source: socket.socket, size: int) -> Iterator[list[bytes]]:
    """Read in a thread; afterwards the list contains the bytes."""
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(receive(source, size)))
    thread.start()
    yield received
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


@contextlib.contextmanager
def sending(destination: socket.socket, data: bytes) -> Iterator[None]:
    """Send in a thread, so that the test can read concurrently."""
    thread = threading.Thread(target=destination.sendall, args=(data,))
    thread.start()
    try:
        yield
    finally:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


@pytest.fixture(scope="package", params=["toxiproxy", "embedded"])
def server(request, tmp_path_factory) -> Iterator[ProxyServer]:
    """One process of each backend, shared by all tests."""
    if request.param == "toxiproxy" and find_binary() is None:
        missing("toxiproxy-server", "toxiproxy-server is not installed")
    log = tmp_path_factory.mktemp("proxy") / f"{request.param}.log"
    server = ProxyServer.start(request.param, log=log, seed=7)
    yield server
    server.stop()


_link_number = count(1)


@pytest.fixture
def new_link(server) -> Iterator[Callable[[], ProxiedLink]]:
    """Create links that are closed after the test."""
    links: list[ProxiedLink] = []

    def make() -> ProxiedLink:
        links.append(ProxiedLink(server, f"link>{next(_link_number)}"))
        return links[-1]

    yield make
    for link in links:
        link.close()


@pytest.fixture
def link(new_link) -> ProxiedLink:
    """One link."""
    return new_link()


@pytest.fixture
def call(server) -> Callable[..., requests.Response]:
    """Send raw HTTP: `call("POST", "/proxies", {...})`; a string body is sent unchanged."""

    def send(verb: str, path: str, body: object = None, **headers: str) -> requests.Response:
        content = {"data": body} if isinstance(body, str) else {"json": body}
        url = server.api_url + path
        return requests.request(verb, url, headers=headers, timeout=TIMEOUT_S, **content)

    return send
