"""The typed client of Toxiproxy, against a server with scripted answers."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gauntlet.chaos.clients.toxiproxy import Proxy, ProxyClient, ProxyError, Toxic
from gauntlet.core.errors import Exit

PROXY = {"name": "p", "listen": "127.0.0.1:5", "upstream": "u:1", "enabled": True, "toxics": []}
TOXIC = {
    "name": "t",
    "type": "latency",
    "stream": "upstream",
    "toxicity": 1,
    "attributes": {"latency": 5, "jitter": 0},
}


class ScriptedServer(ThreadingHTTPServer):
    """Records every call and gives one answer: status and body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, object]] = []
        self.answer: tuple[int, object] = (200, {})
        self.silent = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Handles one call."""

    server: ScriptedServer

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # do_GET, do_PATCH …: the base class looks these methods up
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
        """Do not log."""


@pytest.fixture
def server():
    """A scripted server."""
    with ScriptedServer() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, args=(0.01,))
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    """A client of it."""
    return ProxyClient(server.url, timeout_s=60.0)


def test_create_returns_the_address_that_the_server_chose(server, client):
    """Not the requested port 0."""
    server.answer = (201, PROXY)
    assert client.create("p", "u:1") == "127.0.0.1:5"
    body = {"name": "p", "upstream": "u:1", "listen": "127.0.0.1:0", "enabled": True}
    assert server.calls == [("POST", "/proxies", body)]


def test_proxies_and_toxics_are_decoded(server, client):
    """Unknown fields, such as `Logger`, are ignored."""
    server.answer = (200, {"p": {**PROXY, "Logger": {}, "toxics": [TOXIC]}})
    toxic = Toxic("t", "latency", "upstream", 1.0, {"latency": 5, "jitter": 0})
    assert client.proxies() == {"p": Proxy("p", "127.0.0.1:5", "u:1", True, [toxic])}
    server.answer = (200, [TOXIC])
    assert client.toxics("p") == [toxic]


def test_the_received_bytes_of_both_directions_are_added(server, client):
    """What the links sent, and other metrics, do not count."""
    p, q = (f'listener="127.0.0.1:5",proxy="{name}",upstream="u:1"' for name in "pq")
    lines = [
        "# TYPE toxiproxy_proxy_received_bytes_total counter",
        f'toxiproxy_proxy_received_bytes_total{{direction="upstream",{p}}} 12',
        f'toxiproxy_proxy_received_bytes_total{{direction="downstream",{p}}} 3e+01',
        f'toxiproxy_proxy_received_bytes_total{{{q},direction="upstream"}} 5',
        f'toxiproxy_proxy_sent_bytes_total{{direction="upstream",{p}}} 900',
        "go_goroutines 7",
    ]
    server.answer = (200, "\n".join(lines).encode())
    assert client.received_bytes() == {"p": 42, "q": 5}
    assert [path for _, path, _ in server.calls] == ["/connections", "/metrics"]
    server.answer = (404, b"404 page not found")
    with pytest.raises(ProxyError):
        client.received_bytes()


def test_every_call_has_its_method_path_and_body(server, client):
    """Names are escaped; updates send only the given values, by PATCH."""
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
    latency_body = {
        "name": "t",
        "type": "latency",
        "stream": "upstream",
        "toxicity": 0.5,
        "attributes": {"latency": 5},
    }
    noop_body = {
        "name": "noop_downstream",
        "type": "noop",
        "stream": "downstream",
        "toxicity": 1.0,
        "attributes": {},
    }
    assert server.calls == [
        ("POST", "/proxies/a%3Eb%2Fc/toxics", latency_body),
        ("POST", "/proxies/p/toxics", noop_body),
        ("PATCH", "/proxies/p/toxics/t%20t", {"attributes": {"latency": 9}}),
        ("PATCH", "/proxies/p/toxics/t", {"toxicity": 0.0}),
        ("DELETE", "/proxies/p/toxics/t", None),
        ("PATCH", "/proxies/p", {"enabled": True}),
        ("PATCH", "/proxies/p", {"enabled": False}),
        ("DELETE", "/proxies/p", None),
        ("POST", "/reset", None),
    ]


@pytest.mark.parametrize("status", [400, 404, 409, 500, 503])
def test_every_refusal_raises_a_proxy_error_with_status_and_message(server, client, status):
    """Also 5xx, for which toxiproxy-python does not raise."""
    server.answer = (status, {"error": "what is wrong", "status": status})
    with pytest.raises(ProxyError, match=f"POST /reset: {status} what is wrong") as caught:
        client.reset()
    assert (caught.value.status, caught.value.exit_code) == (status, Exit.HARNESS)


def test_an_error_that_is_not_json_is_quoted(server, client):
    """For example a page of the server about a timeout."""
    server.answer = (503, b"<html>busy</html>")
    with pytest.raises(ProxyError, match="503 <html>busy"):
        client.version()


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}"])
def test_an_unexpected_answer_raises_a_proxy_error(server, client, body):
    """Another server may listen there; the caller handles typed errors only."""
    server.answer = (200, body)
    with pytest.raises(ProxyError):
        client.create("p", "u:1")
    with pytest.raises(ProxyError):
        client.version()


def test_a_call_to_a_silent_server_ends_with_its_timeout(server):
    """The error has no status."""
    client = ProxyClient(server.url, timeout_s=0.3)
    server.silent.set()
    with pytest.raises(ProxyError, match="no answer") as caught:
        client.version()
    assert caught.value.status is None


def test_the_users_http_proxy_is_not_used(server, client, monkeypatch):
    """Its environment variables must not redirect our calls."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    server.answer = (200, {"version": "2.12.0"})
    assert client.version() == "2.12.0"


def test_two_clients_may_use_two_servers(server):
    """toxiproxy-python keeps one global address."""
    with ScriptedServer() as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        clients = [ProxyClient(server.url), ProxyClient(other.url)]
        server.answer, other.answer = (200, {"version": "1"}), (200, {"version": "2"})
        assert [client.version() for client in clients] == ["1", "2"]
        other.shutdown()
        thread.join()
