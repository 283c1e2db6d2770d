"""The typed client, against a server that answers as it is told."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gauntlet.chaos.clients.toxiproxy import Proxy, ProxyClient, ProxyError, Toxic
from gauntlet.core.errors import Exit

SHOWN = {"name": "p", "listen": "127.0.0.1:5", "upstream": "u:1", "enabled": True, "toxics": []}
TOXIC = {
    "name": "t",
    "type": "latency",
    "stream": "upstream",
    "toxicity": 1,
    "attributes": {"latency": 5, "jitter": 0},
}


class Scripted(ThreadingHTTPServer):
    """Keeps every call, and gives one answer: status, body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, object]] = []
        self.answer: tuple[int, object] = (200, {})
        self.silent = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One call."""

    server: Scripted

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # do_GET, do_PATCH …: how the base finds a verb's method
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(content) if content else None
        self.server.calls.append((self.command, self.path, body))
        if self.server.silent.is_set():
            threading.Event().wait(1)
            return
        status, answer = self.server.answer
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def server():
    """A scripted server."""
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, args=(0.01,))
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    """A client of it, with little patience."""
    return ProxyClient(server.url, timeout_s=0.3)


def test_a_proxy_is_created_with_its_real_address(server, client):
    """The answer's address counts, not the wish."""
    server.answer = (201, SHOWN)
    assert client.create("p", "u:1") == "127.0.0.1:5"
    body = {"name": "p", "upstream": "u:1", "listen": "127.0.0.1:0", "enabled": True}
    assert server.calls == [("POST", "/proxies", body)]


def test_proxies_and_toxics_are_typed(server, client):
    """Answers become values; what we do not know, such as `Logger`, is left out."""
    server.answer = (200, {"p": {**SHOWN, "Logger": {}, "toxics": [TOXIC]}})
    toxic = Toxic("t", "latency", "upstream", 1.0, {"latency": 5, "jitter": 0})
    assert client.proxies() == {"p": Proxy("p", "127.0.0.1:5", "u:1", True, [toxic])}
    server.answer = (200, [TOXIC])
    assert client.toxics("p") == [toxic]


def test_every_call_has_its_verb_path_and_body(server, client):
    """Names are escaped; updates send only what is given, by PATCH."""
    server.answer = (200, TOXIC)
    client.add_toxic("a>b/c", "latency", "upstream", 0.5, {"latency": 5}, "t")
    client.add_toxic("p", "noop")
    client.update_toxic("p", "t t", attributes={"latency": 9})
    client.update_toxic("p", "t", toxicity=0.0)
    server.answer = (204, b"")
    client.remove_toxic("p", "t")
    client.enable("p")
    client.disable("p")
    client.delete("p")
    client.reset()
    added = {
        "name": "t",
        "type": "latency",
        "stream": "upstream",
        "toxicity": 0.5,
        "attributes": {"latency": 5},
    }
    plain = {
        "name": "noop_downstream",
        "type": "noop",
        "stream": "downstream",
        "toxicity": 1.0,
        "attributes": {},
    }
    assert server.calls == [
        ("POST", "/proxies/a%3Eb%2Fc/toxics", added),
        ("POST", "/proxies/p/toxics", plain),
        ("PATCH", "/proxies/p/toxics/t%20t", {"attributes": {"latency": 9}}),
        ("PATCH", "/proxies/p/toxics/t", {"toxicity": 0.0}),
        ("DELETE", "/proxies/p/toxics/t", None),
        ("PATCH", "/proxies/p", {"enabled": True}),
        ("PATCH", "/proxies/p", {"enabled": False}),
        ("DELETE", "/proxies/p", None),
        ("POST", "/reset", None),
    ]


@pytest.mark.parametrize("status", [400, 404, 409, 500, 503])
def test_every_refusal_is_a_proxy_error(server, client, status):
    """With the server's words and status; 5xx too, which the package lets pass."""
    server.answer = (status, {"error": "what is wrong", "status": status})
    with pytest.raises(ProxyError, match=f"POST /reset: {status} what is wrong") as caught:
        client.reset()
    assert (caught.value.status, caught.value.exit_code) == (status, Exit.HARNESS)


def test_an_error_without_json_is_shown_as_it_is(server, client):
    """A timeout page of the server, say."""
    server.answer = (503, b"<html>busy</html>")
    with pytest.raises(ProxyError, match="503 <html>busy"):
        client.version()


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}"])
def test_an_answer_of_another_shape_is_a_proxy_error(server, client, body):
    """Something else listens there: an error of ours, never a KeyError."""
    server.answer = (200, body)
    with pytest.raises(ProxyError):
        client.create("p", "u:1")
    with pytest.raises(ProxyError):
        client.version()


def test_a_silent_server_does_not_hang_us(server, client):
    """A call ends with its timeout."""
    server.silent.set()
    with pytest.raises(ProxyError, match="no answer") as caught:
        client.version()
    assert caught.value.status is None


def test_the_users_http_proxy_is_not_used(server, client, monkeypatch):
    """Environment variables for the web do not lead our calls astray."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    server.answer = (200, {"version": "2.12.0"})
    assert client.version() == "2.12.0"


def test_two_clients_have_two_servers(server):
    """The package keeps one global address; ours do not share it."""
    with Scripted() as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        clients = [ProxyClient(server.url), ProxyClient(other.url)]
        server.answer, other.answer = (200, {"version": "1"}), (200, {"version": "2"})
        assert [client.version() for client in clients] == ["1", "2"]
        other.shutdown()
        thread.join()
