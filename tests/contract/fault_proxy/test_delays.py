"""Toxics that make bytes late: latency, bandwidth, slicer, slow_close.

Lower bounds are exact, because a delay cannot be short; upper bounds are generous, because a busy
machine makes everything later.
"""

import random
import time

import pytest

from .conftest import outcome, receive, sending

pytestmark = [pytest.mark.contract, pytest.mark.integration]

EARLY_S = 0.003  # timers are exact to the millisecond
LATE_S = 0.5


def trip_s(source, destination, data=b"x") -> float:
    """How long data takes from one end to the other."""
    began = time.monotonic()
    with sending(source, data):
        assert receive(destination, len(data)) == data
    return time.monotonic() - began


@pytest.mark.parametrize("streams", [("upstream",), ("downstream",), ("upstream", "downstream")])
def test_latency_delays_its_streams_only(wire, streams):
    """Each direction is late by latency ± jitter, the other one is not."""
    client, server = wire.pair()
    for stream in streams:
        wire.add("latency", stream=stream, latency=100, jitter=20)
    for stream, source, destination in (
        ("upstream", client, server),
        ("downstream", server, client),
    ):
        took_s = trip_s(source, destination)
        if stream in streams:
            assert 0.08 - EARLY_S <= took_s <= 0.12 + LATE_S
        else:
            assert took_s < 0.08


def test_two_latencies_add_up(wire):
    """Toxics of one stream act one after the other."""
    client, server = wire.pair()
    for name in ("first", "second"):
        wire.proxy.add_toxic(wire.name, "latency", attributes={"latency": 80}, name=name)
    assert 0.16 - EARLY_S <= trip_s(server, client) <= 0.16 + LATE_S


def test_jitter_keeps_the_order(wire):
    """Chunks with different delays never overtake each other."""
    client, server = wire.pair()
    wire.add("latency", latency=20, jitter=20)
    for number in range(100):
        server.sendall(bytes([number]))
        time.sleep(0.001)
    assert receive(client, 100) == bytes(range(100))


def test_much_data_passes_a_latency_whole(wire):
    """The bytes in flight fit the toxic's buffer, or wait."""
    client, server = wire.pair()
    wire.add("latency", latency=20)
    data = random.Random(1).randbytes(8_000_000)
    with sending(server, data):
        assert receive(client, len(data)) == data


def test_what_is_held_comes_before_the_close(wire):
    """A peer that sends and closes is heard to the end."""
    client, server = wire.pair()
    wire.add("latency", latency=100)
    server.sendall(b"last words")
    server.close()
    assert receive(client, 100) == b"last words"


def test_bandwidth_limits_the_rate(wire):
    """240 KB at 1,000 KB/s take 240 ms, 1 KB being 1,000 bytes."""
    client, server = wire.pair()
    wire.add("bandwidth", rate=1000)
    assert 0.24 - 0.01 <= trip_s(server, client, b"x" * 240_000) <= 0.24 + LATE_S


def test_rate_zero_is_a_stall_without_loss(wire):
    """Nothing passes until the toxic goes; then everything does."""
    client, server = wire.pair()
    toxic = wire.add("bandwidth", rate=0)
    server.sendall(b"held")
    assert outcome(client) == "open"
    wire.remove(toxic)
    assert receive(client, 4) == b"held"


@pytest.mark.parametrize("variation", [0, 3])
def test_slicer_cuts(wire, variation):
    """Pieces of about the average size arrive one by one, and make the whole."""
    client, server = wire.pair()
    wire.add("slicer", average_size=10, size_variation=variation, delay=10_000)
    data = random.Random(2).randbytes(100)
    server.sendall(data)
    pieces = []
    while sum(map(len, pieces)) < len(data):
        pieces.append(client.recv(1000))
    assert b"".join(pieces) == data
    # Toxiproxy halves until pieces are small enough, ours cuts from the front: 6 … 17 and 10 … 15.
    assert 6 <= len(pieces) <= 17


def test_slow_close_delays_the_close_only(wire):
    """Bytes pass at once, the end later."""
    client, server = wire.pair()
    wire.add("slow_close", delay=200)
    assert trip_s(server, client) < 0.2
    began = time.monotonic()
    server.close()
    assert client.recv(1) == b""
    assert 0.2 - EARLY_S <= time.monotonic() - began <= 0.2 + LATE_S
