"""Toxics that end connections: timeout, reset_peer, limit_data; and toxicity."""

import time

import pytest

from .conftest import outcome, receive

pytestmark = [pytest.mark.contract, pytest.mark.integration]


def test_timeout_drops_data_and_closes_after_silence(wire):
    """Nothing passes, then both sides see the end."""
    client, server = wire.pair()
    wire.add("timeout", timeout=400)
    server.sendall(b"lost")
    assert outcome(client) == "open"
    assert client.recv(1) == b""
    assert outcome(server) == "eof"


def test_timeout_is_put_off_by_every_chunk(wire):
    """A chatty link is never closed; a trap that our fault linter knows."""
    client, server = wire.pair()
    wire.add("timeout", timeout=600)
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        server.sendall(b"ping")
        time.sleep(0.02)
    assert outcome(client) == "open"


@pytest.mark.parametrize("how", ["remove", "reset"])
def test_removing_timeout_ends_every_connection(wire, how):
    """Also those that toxicity spared: both sides see the end."""
    pairs = [wire.pair() for _ in range(5)]
    toxic = wire.add("timeout", stream="upstream", toxicity=0, timeout=0)
    if how == "remove":
        wire.remove(toxic)
    else:
        wire.proxy.reset()
    for client, server in pairs:
        assert (outcome(client), outcome(server)) == ("eof", "eof")


def test_removing_a_neighbour_of_timeout_does_not_hang(wire):
    """Held bytes of the neighbour go nowhere, and the API answers."""
    client, server = wire.pair()
    slow = wire.add("latency", latency=50)
    wire.add("timeout", timeout=0)
    server.sendall(b"lost")
    wire.remove(slow)
    assert outcome(client) == "open"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("timeout", [0, 150])
def test_reset_peer_resets_both_sides(wire, stream, timeout):
    """Data triggers it; each side reads a reset, then the end."""
    wire.add("reset_peer", stream=stream, timeout=timeout)
    client = wire.dial()
    server, _ = wire.listener.accept()
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
def test_limit_data_counts_exactly(wire, limit, received, end):
    """Below, equal, above, zero: so many bytes, then the end."""
    client, server = wire.pair()
    wire.add("limit_data", bytes=limit)
    assert outcome(client) == "open"  # it acts when data comes, not before
    server.sendall(b"abc")
    server.sendall(b"def")
    assert receive(client, len(received)) == received
    assert outcome(client) == end


def test_limit_data_remembers_over_updates(wire):
    """A new limit counts what has passed already."""
    client, server = wire.pair()
    toxic = wire.add("limit_data", bytes=100)
    server.sendall(b"x" * 60)
    assert len(receive(client, 60)) == 60
    wire.update(toxic, bytes=80)
    server.sendall(b"y" * 60)
    assert receive(client, 100) == b"y" * 20


@pytest.mark.parametrize(("toxicity", "least", "most"), [(0, 0, 0), (0.3, 10, 55), (1, 100, 100)])
def test_toxicity_is_the_share_of_connections(wire, toxicity, least, most):
    """Each live connection is hit with that chance; those that are spared go on unharmed."""
    pairs = [wire.pair() for _ in range(100)]
    wire.add("limit_data", toxicity=toxicity, bytes=0)
    closed = 0
    for client, server in pairs:
        server.sendall(b"x")
        closed += client.recv(1) == b""
    assert least <= closed <= most
