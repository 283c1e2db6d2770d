"""Probes: what counts as an answer, and what counts as silence."""

import socket
import threading
import time

import pytest

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.link_probe import REQUESTS, ProbeResult, probe, probe_all

from .answering_server import server


@pytest.mark.parametrize("kind", sorted(REQUESTS))
def test_a_probe_sends_the_request_of_the_link_s_protocol(kind):
    """The first byte of any answer counts, even of an error."""
    received = []

    def answer(connection):
        received.append(connection.recv(65_536))
        connection.sendall(b"-NOAUTH whatever")

    with server(answer) as address:
        result = probe(kind, address, 30.0)
    assert received == [REQUESTS[kind]]
    assert result.rtt_ms is not None
    assert not result.silent


def test_a_probe_measures_the_round_trip():
    """An answer that takes 50 ms results in at least 50 ms."""

    def answer(connection):
        connection.recv(1000)
        time.sleep(0.05)
        connection.sendall(b"+PONG")

    with server(answer) as address:
        result = probe("redis", address, 30.0)
    assert result.rtt_ms >= 50
    assert result.as_evidence() == round(result.rtt_ms, 3)


def test_an_open_connection_without_an_answer_is_silence():
    """It differs from a refusal: only silence proves a partition."""
    with server(lambda connection: connection.recv(1000) and connection.recv(1)) as address:
        result = probe("http", address, 0.1)
    assert result == ProbeResult(None, "no answer within 100 ms", silent=True)
    assert result.as_evidence() == "no answer within 100 ms"


def test_a_probe_that_has_to_end_early_says_how_long_it_was_silent():
    """So that a fault is healed at its end, and that silence may still prove it."""
    stop = threading.Event()

    def stay_silent(connection):
        connection.recv(1000)
        time.sleep(0.1)
        stop.set()
        connection.recv(1)

    with server(stay_silent) as address:
        result = probe("redis", address, 60.0, stop)
    assert result.silent
    assert 100 <= result.ended_after_ms < 30_000
    assert result.as_evidence() == f"no answer within {result.ended_after_ms:.0f} ms"


def test_a_closed_connection_is_no_answer_and_no_silence():
    """A proxy whose upstream is gone accepts and closes."""
    with server(lambda connection: connection.recv(1000)) as address:
        result = probe("http", address, 30.0)
    assert result == ProbeResult(None, "closed without an answer")


def test_a_refused_connection_is_no_answer_and_no_silence():
    """Nothing listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    assert probe("http", address, 30.0) == ProbeResult(None, "Connection refused")


def test_links_are_probed_concurrently(monkeypatch):
    """Two probes wait for each other, which would time out one after the other."""
    both_started = threading.Barrier(2, timeout=30)
    monkeypatch.setattr(link_probe, "probe", lambda *_: both_started.wait() * 0 + 1)
    assert probe_all({"a": ("http", "x:1"), "b": ("ws", "y:2")}, 1.0) == {"a": 1, "b": 1}
    assert probe_all({}, 1.0) == {}
