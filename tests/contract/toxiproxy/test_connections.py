"""Connections carry every byte, close as expected, and are counted."""

import random
import re
import socket
import time

import pytest

from .conftest import end_of, eventually, receive, receiving, sending

pytestmark = [pytest.mark.contract, pytest.mark.integration]


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_changing_toxics_on_a_live_connection_loses_no_byte(link, stream):
    """3 MB arrive complete and in order while toxics are added, changed and removed."""
    client, server = link.pair()
    source, destination = (client, server) if stream == "upstream" else (server, client)
    data = random.Random(3).randbytes(3_000_000)

    def change_toxics(number: int) -> None:
        slow = link.add("latency", stream=stream, latency=2, jitter=2)
        narrow = link.add("bandwidth", stream=stream, rate=20_000 + number)
        link.add("slicer", stream=stream, average_size=5000, size_variation=900, delay=1)
        link.update(slow, latency=1)
        link.update(narrow, rate=50_000)
        for toxic in (narrow, slow, f"slicer_{stream}"):
            link.remove(toxic)

    with receiving(destination, len(data)) as received, sending(source, data):
        for number in range(20):
            change_toxics(number)
    assert received == [data]


@pytest.mark.parametrize("size", [1, 65_536, 1_000_000])
def test_messages_of_any_size_pass_both_ways(link, size):
    """A byte, exactly one buffer, and more than all buffers."""
    client, server = link.pair()
    data = random.Random(size).randbytes(size)
    for source, destination in ((client, server), (server, client)):
        with sending(source, data):
            assert receive(destination, size) == data


def test_parts_of_a_message_are_forwarded_immediately(link):
    """The proxy does not wait for more bytes."""
    client, server = link.pair()
    for part in (b"he", b"l", b"lo"):
        client.sendall(part)
        assert receive(server, len(part)) == part


def test_an_upstream_may_speak_first(link):
    """Its greeting reaches the client, even if it closes immediately."""
    for _ in range(20):
        client = link.dial()
        server, _ = link.listener.accept()
        server.sendall(b"220 ready")
        server.close()
        assert receive(client, 100) == b"220 ready"


def test_a_close_passes_through_in_either_direction(link):
    """There is no half-close."""
    client, server = link.pair()
    client.shutdown(socket.SHUT_WR)
    assert end_of(server) == "eof"
    assert end_of(client) == "eof"
    client, server = link.pair()
    server.close()
    assert end_of(client) == "eof"


def test_a_client_that_does_not_read_blocks_the_sender(link):
    """Backpressure: the proxy buffers a bounded number of bytes, and loses none."""
    client, server = link.pair()
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


def test_a_client_of_a_dead_upstream_connects_and_reads_the_end(link):
    link.listener.close()
    assert end_of(link.dial()) == "eof"


def test_a_thousand_short_connections_survive_changes_of_toxics(link):
    """Connects and closes race with toxics; afterwards everything works."""
    for number in range(1000):
        if number % 100 == 0:
            toxic = link.add("latency", latency=5)
        if number % 100 == 50:
            link.remove(toxic)
        link.dial().close()
        if number % 50 == 0:  # the backlog of the listener is limited
            link.listener.settimeout(0.05)
            while True:
                try:
                    link.listener.accept()[0].close()
                except TimeoutError:
                    break
            link.listener.settimeout(5)
    link.proxy.reset()
    link.listener.close()
    link.proxy.disable(link.name)
    assert not link.proxy.proxies()[link.name].enabled


COUNTER = re.compile(r"toxiproxy_proxy_(\w+)_bytes_total\{(.*)\} (\S+)")


def test_metrics_count_the_bytes_of_ended_connections(call, link):
    """Per direction, received and sent; labelled with proxy, listener and upstream."""
    client, server = link.pair()
    client.sendall(b"question")
    server.sendall(b"ok")
    assert (receive(server, 8), receive(client, 2)) == (b"question", b"ok")
    client.close()
    assert end_of(server) == "eof"
    labels = f'listener="{link.address}",proxy="{link.name}",upstream="{link.upstream}"'

    def byte_counters() -> dict[tuple[str, str], float]:
        rows = COUNTER.findall(call("GET", "/metrics").text)
        return {(counter, labels): float(value) for counter, labels, value in rows}

    up, down = (f'direction="{stream}",{labels}' for stream in ("upstream", "downstream"))
    # `pair` has sent a byte in each direction.
    expected = {("received", up): 9, ("sent", up): 9, ("received", down): 3, ("sent", down): 3}
    assert eventually(lambda: expected.items() <= byte_counters().items()), byte_counters()
