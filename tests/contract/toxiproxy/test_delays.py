"""Toxics that delay bytes: latency, bandwidth, slicer, slow_close.

Lower bounds are exact, because a delay is never too short. Upper bounds hold for one of several
attempts, because a busy machine adds delays of its own.
"""

import random
import time
from collections.abc import Callable

import pytest

from .conftest import read_outcome, receive, receiving, sending

pytestmark = [pytest.mark.contract, pytest.mark.integration]

EARLY_S = 0.003  # timers have a resolution of a millisecond
LATE_S = 0.5


def transfer_s(source, destination, data=b"x") -> float:
    """Send data from one end to the other; return how long that took."""
    began = time.monotonic()
    with sending(source, data):
        assert receive(destination, len(data)) == data
    return time.monotonic() - began


def quickest_s(measure: Callable[[], float], most_s: float) -> float:
    """Return the shortest of up to ten measurements, or the first that is short enough."""
    found_s = measure()
    for _ in range(9):
        if found_s <= most_s:
            break
        found_s = min(found_s, measure())
    return found_s


@pytest.mark.parametrize("streams", [("upstream",), ("downstream",), ("upstream", "downstream")])
def test_latency_delays_only_the_streams_that_have_it(link, streams):
    """Each of these is delayed by latency ± jitter, the other one is not."""
    client, server = link.pair()
    for stream in streams:
        link.add("latency", stream=stream, latency=100, jitter=20)
    for stream, source, destination in (
        ("upstream", client, server),
        ("downstream", server, client),
    ):
        most_s = 0.12 + LATE_S if stream in streams else 0.06
        took_s = quickest_s(lambda ends=(source, destination): transfer_s(*ends), most_s)
        assert took_s <= most_s
        if stream in streams:
            assert took_s >= 0.08 - EARLY_S


def test_two_latencies_add_up(link):
    """The toxics of one stream act one after the other."""
    client, server = link.pair()
    for name in ("first", "second"):
        link.proxy.add_toxic(link.name, "latency", attributes={"latency": 80}, name=name)
    took_s = quickest_s(lambda: transfer_s(server, client), 0.16 + LATE_S)
    assert 0.16 - EARLY_S <= took_s <= 0.16 + LATE_S


def test_jitter_preserves_the_order(link):
    client, server = link.pair()
    link.add("latency", latency=20, jitter=20)
    for number in range(100):
        server.sendall(bytes([number]))
        time.sleep(0.001)
    assert receive(client, 100) == bytes(range(100))


def test_a_large_transfer_passes_a_latency_without_loss(link):
    """The bytes in flight fit into the buffer of the toxic, or wait."""
    client, server = link.pair()
    link.add("latency", latency=20)
    data = random.Random(1).randbytes(8_000_000)
    with sending(server, data):
        assert receive(client, len(data)) == data


def test_held_bytes_are_delivered_before_the_close(link):
    """The sender may close while its bytes are delayed."""
    client, server = link.pair()
    link.add("latency", latency=100)
    server.sendall(b"last words")
    server.close()
    assert receive(client, 100) == b"last words"


def test_bandwidth_limits_the_rate(link):
    """240 KB at 1,000 KB/s take 240 ms, 1 KB being 1,000 bytes."""
    client, server = link.pair()
    link.add("bandwidth", rate=1000)
    took_s = quickest_s(lambda: transfer_s(server, client, b"x" * 240_000), 0.24 + LATE_S)
    assert 0.24 - 0.01 <= took_s <= 0.24 + LATE_S


def test_a_rate_of_zero_stalls_without_losing_data(link):
    """The removal of the toxic forwards everything."""
    client, server = link.pair()
    toxic = link.add("bandwidth", rate=0)
    server.sendall(b"held")
    assert read_outcome(client) == "open"
    link.remove(toxic)
    assert receive(client, 4) == b"held"


@pytest.mark.parametrize("variation", [0, 3])
def test_slicer_delivers_pieces_of_about_the_average_size(link, variation):
    """They arrive one by one, and no byte is lost."""
    client, server = link.pair()
    link.add("slicer", average_size=10, size_variation=variation, delay=50_000)
    data = random.Random(2).randbytes(100)
    numbers = []
    while max(numbers, default=0) < 6 and len(numbers) < 10:  # a client that is late joins pieces
        server.sendall(data)
        pieces = []
        while sum(map(len, pieces)) < len(data):
            pieces.append(client.recv(1000))
        assert b"".join(pieces) == data
        numbers.append(len(pieces))
    # Toxiproxy halves until pieces are small enough, ours cuts from the front: 6…17 and 10…15.
    assert 6 <= max(numbers) <= 17


def test_the_variation_of_a_slicer_may_be_its_average(link):
    client, server = link.pair()
    link.add("slicer", average_size=64, size_variation=64, delay=1)
    data = random.Random(3).randbytes(10_000)
    with sending(server, data):
        assert receive(client, len(data)) == data


def test_the_api_and_another_link_work_while_a_slicer_cuts_tiny_pieces(new_link):
    """Both were deaf for seconds once; the bound is wide, because the machine may be busy."""
    cut, other = new_link(), new_link()
    client, server = cut.pair()
    pair = other.pair()
    toxic = cut.add("slicer", average_size=2)
    data = bytes(300_000)
    with sending(server, data), receiving(client, len(data)) as received:
        for _ in range(5):
            began = time.monotonic()
            cut.proxy.proxies()
            assert transfer_s(*pair) < 3
            assert time.monotonic() - began < 3
        cut.remove(toxic)  # the rest need not be cut
    assert received == [data]


def test_slow_close_delays_only_the_close(link):
    """Bytes pass immediately."""
    link.add("slow_close", delay=200)

    def close_s():
        client, server = link.pair()
        assert quickest_s(lambda: transfer_s(server, client), 0.15) <= 0.15
        began = time.monotonic()
        server.close()
        assert client.recv(1) == b""
        return time.monotonic() - began

    assert 0.2 - EARLY_S <= quickest_s(close_s, 0.2 + LATE_S) <= 0.2 + LATE_S
