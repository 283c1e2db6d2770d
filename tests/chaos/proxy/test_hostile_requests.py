"""The API of a real process answers hostile requests as Toxiproxy does, and logs no traceback.

`GAUNTLET_FUZZ_S` sets how many seconds the random requests take.
"""

import json
import os
import random
import socket
import time

import pytest

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy.toxic import NAME_CHARACTERS_MAX
from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy_process import ProxyServer

pytestmark = pytest.mark.integration

SECONDS = float(os.environ.get("GAUNTLET_FUZZ_S", "3"))
BROKEN = [
    b"",
    b"{",
    b"nul",
    b"NaN",
    b"[1",
    b"\xff\xfe",
    b'"\xff"',
    b'{"name": "\\ud800"}',
    b'{"name": "\\ud800x", "upstream": "u:1"}',
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b'{"name": 1e400}',
    b'{"toxicity": 1e999}',
]
VALUES = [
    *(None, True, [], {}, "", "x", 0, -1, 1.5, 2**31, 2**63 - 1, 2**63, -(2**64), 10**40, 1e308),
    *("127.0.0.1:0", "127.0.0.1:99999", "[::1", "a\0b:1", "é:80", "x" * 5000, "\ud7ff", "/../"),
    *("upstream", "downstream", *TOXICS),
]
KEYS = [
    *("name", "NAME", "listen", "upstream", "enabled", "type", "stream", "toxicity", "attributes"),
    *("latency", "jitter", "rate", "bytes", "timeout", "average_size", "size_variation", "delay"),
]
PATHS = [
    *("/", "/version", "/metrics", "/connections", "/reset", "/populate", "/proxies"),
    *("/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t", "/proxies/%ff", "/proxies/%00"),
    *("/proxies/..%2f..", "//proxies", "/proxies?x=%zz", "/proxies/p/toxics/" + "t" * 3000),
]
VERBS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE"]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "proxy.log"


@pytest.fixture(scope="module")
def server(log):
    """A process with one proxy, through which bytes can pass."""
    server = ProxyServer.start("embedded", log=log, seed=1)
    ProxyClient(server.api_url).create("p", "127.0.0.1:1")
    yield server
    server.stop()


@pytest.fixture
def send(server):
    """Send bytes as they are; return the status and the body of the answer, if there is one."""

    def exchange(request: bytes, *, timeout_s: float = 10.0) -> tuple[int, bytes]:
        host, port = server.api_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
            connection.sendall(request)
            answer = b""
            while data := connection.recv(65_536):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    return exchange


def request(verb: str, path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"{verb} {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if not any(line.startswith(("Content-Length", "Transfer-")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def has_no_traceback(log) -> bool:
    return "Traceback" not in log.read_text(errors="replace")


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/proxies"),
        ("POST", "/populate"),
        ("PATCH", "/proxies/p"),
        ("POST", "/proxies/p/toxics"),
    ],
)
def test_a_body_that_is_no_json_is_a_bad_request(send, log, verb, path, body):
    status, answer = send(request(verb, path, body))
    assert (status, json.loads(answer)["status"]) == (400, 400)
    assert json.loads(answer)["error"].startswith("bad request body: ")
    assert has_no_traceback(log)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400, 1.5, "1", True])
def test_an_attribute_that_toxiproxy_cannot_hold_is_refused(send, value):
    attributes = {"latency": value}
    body = json.dumps({"type": "latency", "attributes": attributes}).encode()
    status, answer = send(request("POST", "/proxies/p/toxics", body))
    assert (status, json.loads(answer)["status"]) == (400, 400)


@pytest.mark.parametrize("letter", ["n", "\N{GRINNING FACE}"])
def test_what_was_created_with_a_long_name_can_be_removed_by_it(server, letter):
    name = letter * NAME_CHARACTERS_MAX
    client = ProxyClient(server.api_url)
    client.create(name, "127.0.0.1:1")
    client.add_toxic(name, "latency", "upstream", name=name, attributes={"latency": 1})
    client.remove_toxic(name, name)
    client.delete(name)
    assert list(client.proxies()) == ["p"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/proxies", {"upstream": "127.0.0.1:1"}),
        ("/populate", {"upstream": "127.0.0.1:1"}),
        ("/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 1}}),
    ],
)
def test_a_name_that_no_url_could_contain_is_refused(server, send, path, fields):
    row = {**fields, "name": "n" * (NAME_CHARACTERS_MAX + 1)}
    body = json.dumps([row] if path == "/populate" else row).encode()
    status, answer = send(request("POST", path, body))
    assert status == 400
    assert "name is too long" in json.loads(answer)["error"]
    assert list(ProxyClient(server.api_url).proxies()) == ["p"]


def test_the_largest_attributes_stop_nothing(server, log):
    """A delay of 292 million years is longer than any clock can wait."""
    client = ProxyClient(server.api_url)
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        listen = client.create("huge", f"127.0.0.1:{upstream.getsockname()[1]}")
        host, port = listen.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            accepted, _ = upstream.accept()
            for kind, attribute in (
                *(("latency", "latency"), ("latency", "jitter"), ("slow_close", "delay")),
                *(("bandwidth", "rate"), ("limit_data", "bytes"), ("slicer", "average_size")),
                ("timeout", "timeout"),  # its removal ends the connection
            ):
                client.add_toxic("huge", kind, "upstream", attributes={attribute: 2**63 - 1})
                connection.sendall(b"x" * 1000)
                client.remove_toxic("huge", f"{kind}_upstream")
            accepted.close()
    client.delete("huge")
    assert has_no_traceback(log)


def test_a_body_above_the_limit_is_refused(send, log):
    """As soon as its length is known."""
    status, answer = send(request("POST", "/populate", b"", f"Content-Length: {10**12}"))
    assert (status, json.loads(answer)["status"]) == (413, 413)
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    head = request("POST", "/populate", b"", "Transfer-Encoding: chunked")
    status, answer = send(head + chunk * 33 + b"0\r\n\r\n")
    assert (status, json.loads(answer)["status"]) == (413, 413)
    assert has_no_traceback(log)


@pytest.mark.parametrize(
    "text",
    [
        b"GET /proxies HTTP/1.1\r\nHost",
        b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
        b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_a_request_that_is_broken_off_changes_nothing(server, log, text):
    host, port = server.api_url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(text)
    assert set(ProxyClient(server.api_url).proxies()) >= {"p"}
    assert has_no_traceback(log)


def _value(rng: random.Random, depth: int = 0) -> object:
    if depth > 2 or rng.random() < 0.5:
        return rng.choice(VALUES)
    if rng.random() < 0.3:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(KEYS): _value(rng, depth + 1) for _ in range(rng.randrange(6))}


def _random_request(rng: random.Random) -> bytes:
    body = rng.choice(BROKEN) if rng.random() < 0.1 else json.dumps(_value(rng)).encode()
    text = request(rng.choice(VERBS), rng.choice(PATHS), body)
    if rng.random() < 0.1:  # damaged
        at = rng.randrange(len(text))
        text = text[:at] + rng.randbytes(2) + text[at + 2 :]
    return text


def test_random_requests_get_answers_and_leave_the_server_alive(server, send, log):
    seed = int(os.environ.get("GAUNTLET_FUZZ_SEED", "1"))
    rng, end_s, statuses = random.Random(seed), time.monotonic() + SECONDS, {}
    while time.monotonic() < end_s or len(statuses) < 2:  # a busy machine answers few of them
        text = _random_request(rng)
        try:
            status, body = send(text, timeout_s=1.0)
        except (TimeoutError, ConnectionError, IndexError):  # its length or its end was damaged
            continue
        statuses[status] = statuses.get(status, 0) + 1
        if status == 500:
            assert json.loads(body)["status"] == 500, text[:500]
            error = json.loads(body)["error"]
            assert error.startswith(("listen tcp", "address ", "lookup ")), error
        assert has_no_traceback(log), text[:500]
    client = ProxyClient(server.api_url)
    assert client.version()
    client.reset()
