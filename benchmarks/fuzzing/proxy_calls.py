"""The API of the fault proxy, as a process of its own, while bytes pass through its links."""

import json
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from benchmarks.fuzzing.mutations import changed, damaged, strange, written
from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy_process import ProxyServer

_TIMEOUT_S = 60.0  # far longer than a busy machine needs
_LINK = "p"
_CALLS_EACH = 6
_ATTRIBUTES = {
    "latency": 1,
    "jitter": 1,
    "rate": 1000,
    "delay": 1,
    "timeout": 1,
    "bytes": 10,
    "average_size": 5,
    "size_variation": 2,
}


class ProxyCalls(Target):
    """A few calls an input: the API answers each one, logs no traceback, and still works."""

    cpu_max_s = 20.0  # most of the time passes in the proxy

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gauntlet-fuzzing-")
        self._log = Path(self._folder.name) / "proxy.log"
        self._upstream = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._upstream.settimeout(_TIMEOUT_S)
        self._start()

    def _start(self) -> None:
        self._log.unlink(missing_ok=True)
        self._server = ProxyServer.start("embedded", log=self._log, seed=1)
        host, port = self._server.api_url.removeprefix("http://").split(":")
        self._api = (host, int(port))
        self._client = ProxyClient(self._server.api_url, timeout_s=_TIMEOUT_S)

    def try_input(self, rng: Random) -> None:
        try:
            self._try_calls(rng)
        except BaseException:
            self._server.stop()  # the next input must not suffer from this one
            self._start()
            raise

    def _try_calls(self, rng: Random) -> None:
        for name in self._client.proxies():
            self._client.delete(name)
        port = self._upstream.getsockname()[1]
        host, listen_port = self._client.create(_LINK, f"127.0.0.1:{port}").split(":")
        with socket.create_connection((host, int(listen_port)), _TIMEOUT_S) as client:
            upstream, _ = self._upstream.accept()
            with upstream:
                for _ in range(_CALLS_EACH):
                    self._call(_request(rng))
                    for end in (client, upstream):
                        end.setblocking(False)
                        with suppress(OSError):
                            end.send(rng.randbytes(rng.choice((1, 100, 5000))))
                        with suppress(OSError):
                            end.recv(65_536)
        self._client.reset()
        if not self._client.version():
            raise Wrong("the proxy has no version")
        text = self._log.read_text(errors="replace")
        if "Traceback" in text:
            raise Wrong(f"the proxy logs {text[-300:]!r}")

    def _call(self, request: bytes) -> None:
        with socket.create_connection(self._api, _TIMEOUT_S) as connection:
            connection.sendall(request)
            with suppress(OSError):  # the proxy may have answered and closed already
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionError):
                while data := connection.recv(65_536):
                    answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head:
            return  # it was no request: the proxy has closed the connection
        status = int(head.split()[1])
        if status == 500:
            error = json.loads(body).get("error", "")
            if not error.startswith(("listen tcp", "address ", "lookup ")):
                raise Wrong(f"the proxy answers 500 {error}")
        elif status > 500:
            raise Wrong(f"the proxy answers {status}")

    def close(self) -> None:
        self._server.stop()
        self._upstream.close()
        self._folder.cleanup()


def _request(rng: Random) -> bytes:
    verb, path, value = _valid(rng)
    if rng.random() < 0.1:
        verb = rng.choice(("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "TRACE"))
    if rng.random() < 0.15:
        path += "/" + quote(str(strange(rng))[:300].encode(errors="replace"), safe="%/?")
    if rng.random() < 0.6:
        value = changed(rng, value)
    body = written(rng, value)
    if rng.random() < 0.15:
        body = damaged(rng, body)
    head = f"{verb} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}"
    request = f"{head}\r\n\r\n".encode() + body
    return damaged(rng, request) if rng.random() < 0.15 else request


def _valid(rng: Random) -> tuple[str, str, Any]:
    """Return a call that the proxy accepts."""
    kind = rng.choice(list(TOXICS))
    toxic = {
        "type": kind,
        "name": rng.choice(("t", f"{kind}_upstream")),
        "stream": rng.choice(("upstream", "downstream")),
        "toxicity": rng.choice((0, 0.5, 1)),
        "attributes": {
            name: value for name, value in _ATTRIBUTES.items() if name in _names_of(kind)
        },
    }
    row = {"name": rng.choice((_LINK, "q")), "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
    return rng.choice(
        (
            ("POST", f"/proxies/{_LINK}/toxics", toxic),
            ("POST", f"/proxies/{_LINK}/toxics", toxic),
            ("PATCH", f"/proxies/{_LINK}/toxics/t", toxic),
            ("DELETE", f"/proxies/{_LINK}/toxics/t", None),
            ("POST", "/proxies", row),
            ("POST", "/populate", [row, {**row, "name": "r"}]),
            ("PATCH", f"/proxies/{_LINK}", {"enabled": rng.random() < 0.5}),
            ("POST", "/reset", None),
            ("GET", "/proxies", None),
            ("GET", "/connections", None),
            ("GET", "/metrics", None),
        )
    )


def _names_of(kind: str) -> tuple[str, ...]:
    return TOXICS[kind].schema.__struct_fields__
