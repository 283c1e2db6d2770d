"""Exchanges: what a client sees of a link, to the end of the connection."""

import socket
import threading
import time

import pytest

from gauntlet.chaos.clients import link_exchange, link_probe
from gauntlet.chaos.clients.link_exchange import (
    Exchange,
    ExchangeRequest,
    closing_request,
    exchange,
    exchange_all,
    keep_alive_request,
)
from gauntlet.chaos.clients.witnesses import Witnesses

from .answering_server import server


def test_an_exchange_counts_all_bytes_up_to_the_end(monkeypatch):
    first_was_read = threading.Event()

    def answer(connection):
        connection.recv(1000)
        connection.sendall(b"first")
        assert first_was_read.wait(30)
        time.sleep(0.05)
        connection.sendall(b"last")

    # The exchange asks this after each piece whose time it has noted.
    monkeypatch.setattr(
        link_exchange._OpenExchange, "_is_complete", lambda _: first_was_read.set() or False
    )
    with server(answer) as address:
        found = exchange(ExchangeRequest("redis", address), 60.0)
    assert (found.received, found.ended) == (9, "closed")
    assert found.sent == len(closing_request("redis"))
    assert found.first_ms + 40 <= found.last_ms <= found.ended_ms
    assert found.cut
    assert not found.silent


def test_a_connection_that_stays_open_without_an_answer_is_silent():
    done = threading.Event()
    with server(lambda _: done.wait(30)) as address:
        found = exchange(ExchangeRequest("http", address), 0.2)
        done.set()
    assert found == Exchange(len(closing_request("http")))
    assert found.silent
    assert found.as_evidence() == {"sent": found.sent, "received": 0, "ended": "open"}


def test_an_exchange_that_has_to_end_early_says_how_long_it_waited():
    stop = threading.Event()

    def stay_silent(connection):
        connection.recv(1000)
        time.sleep(0.2)
        stop.set()
        connection.recv(1000)

    with server(stay_silent) as address:
        found = exchange(ExchangeRequest("http", address), 60.0, stop)
    assert found.silent
    assert 200 <= found.stopped_ms < 30_000


def test_a_client_that_hangs_up_waits_for_the_other_side():
    def answer(connection):
        while connection.recv(1000):
            pass
        time.sleep(0.1)

    with server(answer) as address:
        found = exchange(ExchangeRequest("redis", address, hang_up=True), 60.0)
    assert (found.sent, found.received, found.ended) == (0, 0, "closed")
    assert found.ended_ms >= 90


@pytest.mark.parametrize(
    ("is_read", "idle_ms", "sent"), [(False, 30_000, 0), (True, 200, len(closing_request("redis")))]
)
def test_nothing_is_sent_over_a_connection_that_is_closed_at_once(is_read, idle_ms, sent):
    """So a dead server behind a proxy is told from one whose answers are dropped."""

    def answer(connection):
        if is_read:
            connection.recv(1000)

    with server(answer) as address:
        found = exchange(ExchangeRequest("redis", address, idle_ms=idle_ms), 60.0)
    assert (found.sent, found.received, found.ended) == (sent, 0, "closed")


def test_an_exchange_that_is_not_to_close_ends_with_the_first_answer():
    done = threading.Event()

    def answer(connection):
        assert connection.recv(1000) == keep_alive_request("redis")
        connection.sendall(b"+PONG\r\n")
        done.wait(30)

    with server(answer) as address:
        found = exchange(ExchangeRequest("redis", address, closing=False), 60.0)
        done.set()
    assert (found.received, found.ended) == (7, "open")
    assert not found.silent


def test_a_refused_connection_is_no_silence():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    found = exchange_all(
        {"a": ExchangeRequest("http", address), "b": ExchangeRequest("http", address)}, 30.0
    )
    assert found == {"a": Exchange(0, ended="refused"), "b": Exchange(0, ended="refused")}
    assert not found["a"].silent
    assert not found["a"].cut


def test_requests_repeat_where_the_protocol_allows_it():
    assert closing_request("redis", 3) == b"PING\r\n" * 3 + b"QUIT\r\n"
    assert closing_request("http chat.example", 2).count(b"Host: chat.example\r\n") == 2
    assert closing_request("http", 2).count(b"Connection: close") == 1
    longer = closing_request("postgres", 5)
    assert longer.endswith(b"replication\0" + b"x" * 200 + b"\0\0")
    assert int.from_bytes(longer[:4]) == len(longer)
    assert len(closing_request("postgres", 9_999)) < 10_000
    assert closing_request("amqp", 5) == b"AMQP\0\0\x09\x01"
    assert closing_request("https chat.example").startswith(b"\x16\x03")


def test_an_answer_of_amqp_is_complete_at_the_end_of_its_frame():
    """The server leaves the connection open, in which the client must not wait."""
    frame = b"\x01\0\0\0\0\0\x09a\xceclasses\xce"

    def answer(connection):
        connection.recv(1000)
        for piece in (frame[:3], frame[3:9], frame[9:]):
            connection.sendall(piece)
            time.sleep(0.05)
        connection.recv(1000)

    with server(answer) as address:
        found = exchange(ExchangeRequest("amqp", address, repeat=2), 60.0)
    assert (found.received, found.ended, found.ended_ms) == (17, "answered", None)
    assert found.last_ms < 30_000
    assert not found.cut


@pytest.mark.parametrize("kind", sorted(link_probe.REQUESTS))
def test_there_is_an_exchange_for_every_kind_of_link(kind):
    assert closing_request(kind)
    assert b"Connection: close" not in keep_alive_request(kind)


def linger_0(connection):
    connection.recv(1000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (linger_0, "reset"),
        (lambda connection: connection.recv(1000), "closed"),
        (lambda connection: connection.sendall(b"x" + connection.recv(1000)), "answered"),
    ],
)
def test_witnesses_see_how_their_connections_end(answer, ending):
    witnesses = Witnesses()
    with server(answer) as address:
        witnesses.connect([("redis", address)], 2)
        witnesses.send_requests()
        assert witnesses.close(30.0) == {ending: 2}
    assert witnesses.close(0.1) == {}
