"""Probes: what counts as an answer, and what as silence."""

import contextlib
import socket
import threading
import time

import pytest

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.link_probe import REQUESTS, Reading, probe, probe_all


@contextlib.contextmanager
def server(answer):
    """Accept connections for ever; `answer(connection)` deals with each."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("kind", sorted(REQUESTS))
def test_each_kind_says_its_protocol_s_first_words(kind):
    """The server hears the request of the kind, and its first byte is an answer."""
    heard = []

    def answer(connection):
        heard.append(connection.recv(1000))
        connection.sendall(b"-NOAUTH whatever")

    with server(answer) as address:
        reading = probe(kind, address, 2.0)
    assert heard == [REQUESTS[kind]]
    assert reading.rtt_ms is not None
    assert not reading.silent


def test_the_round_trip_is_measured():
    """An answer that takes 50 ms shows as at least 50 ms."""

    def answer(connection):
        connection.recv(1000)
        time.sleep(0.05)
        connection.sendall(b"+PONG")

    with server(answer) as address:
        reading = probe("redis", address, 2.0)
    assert reading.rtt_ms >= 50
    assert reading.shown() == round(reading.rtt_ms, 3)


def test_an_open_connection_without_an_answer_is_silence():
    """Nothing within the time is told apart from a refusal: only it proves a partition."""
    with server(lambda connection: connection.recv(1000) and connection.recv(1)) as address:
        reading = probe("http", address, 0.1)
    assert reading == Reading(None, "no answer within 100 ms", silent=True)
    assert reading.shown() == "no answer within 100 ms"


def test_a_closed_connection_is_no_answer_and_no_silence():
    """A proxy whose upstream is gone accepts and closes."""
    with server(lambda connection: connection.recv(1000)) as address:
        reading = probe("http", address, 1.0)
    assert reading == Reading(None, "closed without an answer")


def test_a_refused_connection_is_no_answer():
    """A port on which nobody listens is said to refuse."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    assert probe("http", address, 1.0) == Reading(None, "Connection refused")


def test_links_are_probed_side_by_side(monkeypatch):
    """Two probes wait for each other: one after the other would never end."""
    together = threading.Barrier(2, timeout=5)
    monkeypatch.setattr(link_probe, "probe", lambda *_: together.wait() * 0 + 1)
    assert probe_all({"a": ("http", "x:1"), "b": ("ws", "y:2")}, 1.0) == {"a": 1, "b": 1}
    assert probe_all({}, 1.0) == {}
