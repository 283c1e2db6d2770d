"""Requests to a collector that are ended from another thread."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from gauntlet.runner.exporter.otlp import client
from gauntlet.runner.exporter.otlp.client import Client
from gauntlet.runner.exporter.otlp.collector import Collector


@pytest.fixture(autouse=True)
def _long_timeout(monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT_S", 60.0)


@contextlib.contextmanager
def full_queue():
    """Give the port of a server at which no further connection is established."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as ends,
    ):
        for _ in range(3):
            waiting = ends.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextlib.contextmanager
def silence():
    """Give the port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("scheme", "server"), [("http", full_queue), ("https", silence), ("http", silence)]
)
def test_a_request_ends_while_it_connects_shakes_hands_or_waits_for_the_answer(scheme, server):
    answers = []
    with server() as port:
        used = Client(Collector(scheme, "127.0.0.1", port, "/v1/metrics"))
        thread = threading.Thread(target=lambda: answers.append(used.post(b"{}", {})), daemon=True)
        thread.start()
        time.sleep(0.3)  # it waits for the server by then; if not, it fails all the same
        assert not answers
        used.end()
        thread.join(30)
    assert not thread.is_alive()
    assert answers[0].problem


def test_an_end_just_before_the_connection_begins_ends_the_request(monkeypatch):
    """A socket that does not connect yet cannot be shut down."""
    used, ends = Client(Collector("http", "127.0.0.1", 1, "/v1/metrics")), []

    class Ending(socket.socket):
        """Lets the run end just before it connects."""

        def connect_ex(self, address):
            ends.append(threading.Thread(target=used.end))
            ends[-1].start()
            ends[-1].join(0.2)
            return super().connect_ex(address)

        def connect(self, address):
            used.end()
            super().connect(address)

    monkeypatch.setattr(client, "TIMEOUT_S", 20.0)
    with silence() as port:
        used._collector = used._collector._replace(port=port)
        monkeypatch.setattr(client.socket, "socket", Ending)
        answered = used.post(b"{}", {})
    assert answered.problem
    assert answered.problem != "timed out"
    for end in ends:
        end.join()


def test_after_the_end_nothing_is_sent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        used = Client(Collector("http", "127.0.0.1", server.getsockname()[1], "/v1/metrics"))
        used.end()
        assert used.post(b"{}", {}).problem == "the run ended"
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_connection_is_closed_after_an_answer():
    def speak(server):
        connection, _ = server.accept()
        with connection:
            sent = b""
            while part := connection.recv(65536):
                sent += part
                if sent.endswith(b"\r\n\r\n{}"):  # the headers and the body arrive separately
                    break
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            closed.append(connection.recv(1))

    closed = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak, args=(server,), daemon=True)
        thread.start()
        used = Client(Collector("http", "127.0.0.1", server.getsockname()[1], "/v1/metrics"))
        assert used.post(b"{}", {}).problem == ""
        thread.join(30)
    assert closed == [b""]


def test_the_certificates_of_authorities_are_read_once(monkeypatch):
    read = []
    create = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: read.append(1) or create())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    used = Client(Collector("https", "127.0.0.1", port, "/v1/metrics"))
    for _ in range(2):
        assert "refused" in used.post(b"{}", {}).problem
    assert len(read) == 1
