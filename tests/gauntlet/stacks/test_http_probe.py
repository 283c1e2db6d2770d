"""A probe over HTTP asks the server on loopback, and no proxy."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gauntlet.stacks import http_probe
from gauntlet.stacks.free_port import free_port


class _Answers(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "/500")
        self.end_headers()

    def log_message(self, *_):
        """Stay silent."""


@pytest.fixture
def port():
    """The port of a server."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_the_status_is_that_of_the_server_also_with_a_proxy_in_the_environment(
    port, status, monkeypatch
):
    """A redirection is not followed either."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert http_probe.status(port, f"/{status}") == status


def test_a_port_that_is_closed_or_speaks_no_http_has_no_status(monkeypatch):
    monkeypatch.setattr(http_probe, "TIMEOUT_S", 0.05)
    assert http_probe.status(free_port(), "/") is None
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert http_probe.status(silent.getsockname()[1], "/") is None


def test_an_answer_that_is_not_http_has_no_status():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with server.accept()[0] as client:
                client.recv(1000)
                client.sendall(b"220 mail\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert http_probe.status(server.getsockname()[1], "/") is None
        thread.join()
