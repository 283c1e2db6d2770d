"""Connections: whole, live, many, broken, counted."""

import random
import re
import socket
import time

import pytest

from .conftest import eventually, outcome, receive, receiving, sending

pytestmark = [pytest.mark.contract, pytest.mark.integration]


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_changing_toxics_on_a_live_connection_loses_nothing(wire, stream):
    """3 MB arrive whole and in order while toxics come, change and go."""
    client, server = wire.pair()
    source, destination = (client, server) if stream == "upstream" else (server, client)
    data = random.Random(3).randbytes(3_000_000)

    def disturb(round_: int) -> None:
        slow = wire.add("latency", stream=stream, latency=2, jitter=2)
        narrow = wire.add("bandwidth", stream=stream, rate=20_000 + round_)
        wire.add("slicer", stream=stream, average_size=5000, size_variation=900, delay=1)
        wire.update(slow, latency=1)
        wire.update(narrow, rate=50_000)
        for toxic in (narrow, slow, f"slicer_{stream}"):
            wire.remove(toxic)

    with receiving(destination, len(data)) as received, sending(source, data):
        for round_ in range(20):
            disturb(round_)
    assert received == [data]


@pytest.mark.parametrize("size", [1, 65_536, 1_000_000])
def test_messages_of_any_size_pass_both_ways(wire, size):
    """Small, at the edge of a buffer, and larger than every buffer."""
    client, server = wire.pair()
    data = random.Random(size).randbytes(size)
    for source, destination in ((client, server), (server, client)):
        with sending(source, data):
            assert receive(destination, size) == data


def test_a_message_in_parts_passes_part_by_part(wire):
    """The proxy waits for nothing."""
    client, server = wire.pair()
    for part in (b"he", b"l", b"lo"):
        client.sendall(part)
        assert receive(server, len(part)) == part


def test_an_upstream_may_speak_first(wire):
    """Its greeting reaches the client, also when it hangs up at once."""
    for _ in range(20):
        client = wire.dial()
        server, _ = wire.listener.accept()
        server.sendall(b"220 ready")
        server.close()
        assert receive(client, 100) == b"220 ready"


def test_an_end_passes_through(wire):
    """Whoever closes, the other one sees the end; there is no half-close."""
    client, server = wire.pair()
    client.shutdown(socket.SHUT_WR)
    assert outcome(server) == "eof"
    assert outcome(client) == "eof"
    client, server = wire.pair()
    server.close()
    assert outcome(client) == "eof"


def test_a_full_reader_stops_the_writer(wire):
    """Back pressure: what the proxy takes without a reader is bounded, and is not lost."""
    client, server = wire.pair()
    server.setblocking(False)
    sent, block = 0, b"x" * 65_536
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < 0.2:
        try:
            sent += server.send(block)
            idle_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.005)
        assert sent < 64_000_000
    server.close()
    assert len(receive(client, 64_000_000)) == sent


def test_a_dead_upstream_is_an_end(wire):
    """The client connects and then reads the end: it is not refused."""
    wire.listener.close()
    assert outcome(wire.dial()) == "eof"


def test_many_connections_come_and_go_under_changes(wire):
    """1,000 connects and closes race with toxics; afterwards everything works."""
    for number in range(1000):
        if number % 100 == 0:
            toxic = wire.add("latency", latency=5)
        if number % 100 == 50:
            wire.remove(toxic)
        wire.dial().close()
        if number % 50 == 0:  # the listener's backlog is finite
            wire.listener.settimeout(0.05)
            while True:
                try:
                    wire.listener.accept()[0].close()
                except TimeoutError:
                    break
            wire.listener.settimeout(5)
    wire.proxy.reset()
    wire.listener.close()
    wire.proxy.disable(wire.name)
    assert not wire.proxy.proxies()[wire.name].enabled


COUNTER = re.compile(r"toxiproxy_proxy_(\w+)_bytes_total\{(.*)\} (\S+)")


def test_metrics_count_the_bytes_of_ended_connections(call, wire):
    """Per direction, read and written; labelled with proxy, listener and upstream."""
    client, server = wire.pair()
    client.sendall(b"question")
    server.sendall(b"ok")
    assert (receive(server, 8), receive(client, 2)) == (b"question", b"ok")
    client.close()
    assert outcome(server) == "eof"
    labels = f'listener="{wire.address}",proxy="{wire.name}",upstream="{wire.upstream}"'

    def counted() -> dict[tuple[str, str], float]:
        rows = COUNTER.findall(call("GET", "/metrics").text)
        return {(word, where): float(value) for word, where, value in rows}

    up, down = (f'direction="{stream}",{labels}' for stream in ("upstream", "downstream"))
    # `pair` sends a byte each way.
    expected = {("received", up): 9, ("sent", up): 9, ("received", down): 3, ("sent", down): 3}
    assert eventually(lambda: expected.items() <= counted().items()), counted()
