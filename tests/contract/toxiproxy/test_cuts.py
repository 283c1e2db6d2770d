"""Toxics that close connections (timeout, reset_peer, limit_data), and toxicity."""

import time

import pytest

from .conftest import end_of, read_outcome, receive

pytestmark = [pytest.mark.contract, pytest.mark.integration]


def test_timeout_drops_data_and_closes_after_a_silence(link):
    """Nothing passes, then both sides read the end."""
    client, server = link.pair()
    link.add("timeout", timeout=1500)
    server.sendall(b"lost")
    assert read_outcome(client) == "open"
    assert client.recv(1) == b""
    assert end_of(server) == "eof"


def test_every_chunk_restarts_the_timer_of_timeout(link):
    """A busy link is never closed."""
    client, server = link.pair()
    link.add("timeout", timeout=1500)
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        server.sendall(b"ping")
        time.sleep(0.02)
    assert read_outcome(client) == "open"


@pytest.mark.parametrize("how", ["remove", "reset"])
def test_removing_timeout_closes_every_connection(link, how):
    """Both sides read the end, also on connections that the toxicity spared."""
    pairs = [link.pair() for _ in range(5)]
    toxic = link.add("timeout", stream="upstream", toxicity=0, timeout=0)
    if how == "remove":
        link.remove(toxic)
    else:
        link.proxy.reset()
    for client, server in pairs:
        assert (end_of(client), end_of(server)) == ("eof", "eof")


def test_removing_a_toxic_next_to_timeout_does_not_hang(link):
    """Its held bytes are dropped by the timeout, and the API answers."""
    client, server = link.pair()
    slow = link.add("latency", latency=50)
    link.add("timeout", timeout=0)
    server.sendall(b"lost")
    link.remove(slow)
    assert read_outcome(client) == "open"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("timeout", [0, 150])
def test_reset_peer_resets_both_sides(link, stream, timeout):
    """Data triggers it; each side reads a reset, then the end."""
    link.add("reset_peer", stream=stream, timeout=timeout)
    client = link.dial()
    server, _ = link.listener.accept()
    with server:
        began = time.monotonic()
        source = client if stream == "upstream" else server
        if source is server:
            time.sleep(0.05)  # the proxy has dialled before it has both directions
        source.sendall(b"x")
        for side in (client, server):
            side.settimeout(5)
            with pytest.raises(ConnectionResetError):
                side.recv(1)
            assert side.recv(1) == b""
        assert time.monotonic() - began >= timeout / 1000 - 0.003


@pytest.mark.parametrize(
    ("limit", "received", "end"),
    [(10, b"abcdef", "open"), (6, b"abcdef", "eof"), (4, b"abcd", "eof"), (0, b"", "eof")],
)
def test_limit_data_closes_after_exactly_its_limit(link, limit, received, end):
    """The data is below, equal to and above the limit, and the limit is zero."""
    client, server = link.pair()
    link.add("limit_data", bytes=limit)
    assert read_outcome(client) == "open"  # the limit is checked only when data arrives
    server.sendall(b"abc")
    server.sendall(b"def")
    assert receive(client, len(received)) == received
    assert read_outcome(client) == end


def test_an_update_of_limit_data_does_not_reset_the_count(link):
    """A new limit includes the bytes that have passed already."""
    client, server = link.pair()
    toxic = link.add("limit_data", bytes=100)
    server.sendall(b"x" * 60)
    assert len(receive(client, 60)) == 60
    link.update(toxic, bytes=80)
    server.sendall(b"y" * 60)
    assert receive(client, 100) == b"y" * 20


@pytest.mark.parametrize(("toxicity", "least", "most"), [(0, 0, 0), (0.3, 10, 55), (1, 100, 100)])
def test_toxicity_is_the_share_of_connections_that_are_affected(link, toxicity, least, most):
    """Connections that are not affected continue to work."""
    pairs = [link.pair() for _ in range(100)]
    link.add("limit_data", toxicity=toxicity, bytes=0)
    closed = 0
    for client, server in pairs:
        server.sendall(b"x")
        closed += client.recv(1) == b""
    assert least <= closed <= most
