"""HTTP: bytes of a client, through the reference server's own HTTP server to gateway and services.

The services that need no registry run here, on databases in a temporary folder. These keep what
earlier inputs have stored.
"""

import asyncio
import logging
import tempfile
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import msgspec

from benchmarks.fuzzing.mutations import changed, damaged, strange, written
from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.gateway.dispatcher import Dispatcher
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.http.server import Connection, ServerState
from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.services.base import ServiceContext
from gauntlet.reference_server.services.friend import FriendService
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.services.sticker import StickerService
from gauntlet.reference_server.store import open_messages, open_users

_SECRET, _INTERNAL = "fuzzing", "fuzzing-internal"
_ANSWER_TIMEOUT_S = 60.0  # far longer than a busy machine needs
_EXPIRES = 2**40  # the token is the same in every session
_MANY = 1_000_000_000  # no limit of rates or waits interferes
_ROUTES = (
    ("POST", "/v1/conversations/d.ann.bob/messages", {"client_msg_id": "c1", "body": "hello"}),
    ("POST", "/v1/conversations/d.ann.bob/messages", {"client_msg_id": "c2", "sticker": "p/s"}),
    ("GET", "/v1/conversations/d.ann.bob/messages?after=0&limit=50", None),
    ("GET", "/v1/heads", None),
    ("GET", "/v1/friends", None),
    ("PUT", "/v1/friends/bob", None),
    ("DELETE", "/v1/friends/bob", None),
    ("PUT", "/v1/friends/bob/block", None),
    ("GET", "/v1/stickers", None),
    ("GET", "/v1/stickers/pack", None),
    ("GET", "/healthz", None),
    ("GET", "/metrics", None),
    ("GET", "/internal/heads?since=0", None),
    ("GET", "/internal/blocks?since=0", None),
    ("GET", "/internal/rooms/r.lobby", None),
    ("GET", "/internal/conversations/d.ann.bob/entries?after=0&limit=50", None),
    (
        "POST",
        "/internal/events",
        {"conv": "r.lobby", "event": "added", "user": "ann", "key": "k", "by": "ann"},
    ),
)


class _Transport:
    """Keeps what a connection writes; each write is one response."""

    def __init__(self, on_close: Callable[[], None]) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False
        self._on_close = on_close

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self._on_close)

    abort = close

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        """Do nothing: all input has arrived."""

    resume_reading = pause_reading


class _Errors(logging.Handler):
    """Collects what the server logs as a defect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.exceptions: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = record.exc_info[1] if record.exc_info else None
        self.exceptions.append(found or Wrong(record.getMessage()))


class HttpRequests(Target):
    """Connections with a few requests each, whose bytes arrive in any parts."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gauntlet-fuzzing-")
        self._errors = _Errors()
        logging.getLogger().addHandler(self._errors)
        self._runner = asyncio.Runner()
        self._close: list[Any] = []
        self._runner.run(self._start())
        claims = tokens.Claims("ann", "d0", _EXPIRES)
        self._token = tokens.sign(claims, _SECRET)

    async def _start(self) -> None:
        settings = Settings(
            user_sends_per_s=_MANY,
            user_sends_burst=_MANY,
            shed_wait_ms=_MANY,
            db_timeout_ms=60_000,
        )
        config = Config(
            name="fuzzing",
            services=("gateway",),
            port=1,
            secret=_SECRET,
            internal_token=_INTERNAL,
            settings=settings,
        )
        client = ServiceClient(config.urls, _INTERNAL, 60_000, settings.body_bytes_max)
        context = ServiceContext(config, Metrics(), client)
        users = open_users(f"sqlite://{self._folder.name}/users.db", 60_000)
        store = open_messages(f"sqlite://{self._folder.name}/messages.db", 60_000)
        absent: Any = SimpleNamespace(edges=None)  # no edge is connected, so nothing is published
        services: dict[str, Any] = {
            "message": MessageService(context, store, absent, absent),
            "friend": FriendService(users),
            "sticker": StickerService(users),
        }
        client.local.update({name: each.router.handle for name, each in services.items()})
        routes = Router.merge(each.router for each in services.values())
        self._handle = Dispatcher(context, routes, Gateway(context, lambda: 0.0)).handle
        self._state = ServerState(config, context.metrics)
        self._close = [*services.values(), client, users, store]

    def try_input(self, rng: Random) -> None:
        self._errors.exceptions.clear()
        writes = self._runner.run(self._exchange(_parts(rng, self._data(rng))))
        if self._errors.exceptions:
            raise self._errors.exceptions[0]
        for data in writes:
            _check_response(data)

    async def _exchange(self, parts: list[bytes]) -> list[bytes]:
        """Let a client send these parts and leave; return the responses."""
        connection = Connection(self._state, self._handle)
        transport: Any = _Transport(lambda: connection.connection_lost(None))
        connection.connection_made(transport)
        for part in parts:
            if transport.is_closed:
                break
            connection.data_received(part)
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                while not (connection.is_idle or transport.is_closed):
                    await asyncio.sleep(0)
        except TimeoutError:
            raise Wrong("the connection neither answers, nor waits, nor closes") from None
        transport.close()
        while self._state.tasks:
            await asyncio.sleep(0)
        return list(transport.writes)

    def _data(self, rng: Random) -> bytes:
        requests = [self._request(rng) for _ in range(rng.choice((1, 1, 2, 12)))]
        data = b"".join(requests)
        return damaged(rng, data, requests) if rng.random() < 0.5 else data

    def _request(self, rng: Random) -> bytes:
        method, path, value = rng.choice(_ROUTES)
        if rng.random() < 0.1:
            method = rng.choice(("HEAD", "OPTIONS", "PATCH", "POST", "GET", "CONNECT", "PRI"))
        if rng.random() < 0.3:
            path = _changed_path(rng, path)
        body = b"" if value is None else written(rng, value)
        if rng.random() < 0.4:
            body = written(rng, changed(rng, value))
        headers = [b"Host: x"] if rng.random() < 0.97 else []
        if path.startswith("/internal"):
            headers += [b"X-Internal: " + _INTERNAL.encode(), b"X-User: ann"]
        else:
            headers.append(b"Authorization: Bearer " + self._token.encode())
        if rng.random() < 0.15:
            headers.append(
                rng.choice(
                    (
                        *(b"Expect: 100-continue", b"Connection: close", b"X-User: \xff"),
                        *(b"Upgrade: websocket\r\nConnection: Upgrade", b"Content-Length: 5"),
                        *(b"Authorization: Bearer a.b", b"Content-Length: 99999999999999999999"),
                        b"X-Long: " + b"y" * rng.choice((100, 70_000)),
                    )
                )
            )
        if rng.random() < 0.2:
            headers.append(b"Transfer-Encoding: chunked")
            body = _chunked(rng, body)
        elif body or rng.random() < 0.5:
            headers.append(b"Content-Length: %d" % len(body))
        head = b"\r\n".join([f"{method} {path} HTTP/1.1".encode(errors="replace"), *headers])
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        async def close_all() -> None:
            for each in self._close:
                await each.close()

        self._runner.run(close_all())
        self._runner.close()
        logging.getLogger().removeHandler(self._errors)
        self._folder.cleanup()


def _changed_path(rng: Random, path: str) -> str:
    segments = path.split("/")
    at = rng.randrange(1, len(segments))
    text = str(strange(rng))[:300].encode(errors="replace")
    if "=" in segments[at] and rng.random() < 0.7:
        name, _, _ = segments[at].partition("=")
        segments[at] = f"{name}={quote(text)}"
    else:
        segments[at] = quote(text, safe=rng.choice(("", "/?&=#%")))
    return "/".join(segments)


def _chunked(rng: Random, body: bytes) -> bytes:
    encoded, at = b"", 0
    while at < len(body):
        size = rng.randrange(1, 40)
        part = body[at : at + size]
        encoded += b"%x%b\r\n%b\r\n" % (len(part), rng.choice((b"", b"", b";a=b")), part)
        at += size
    return (
        encoded + b"0\r\n" + rng.choice((b"", b"", b"Content-Length: 9\r\n", b"A: b\r\n")) + b"\r\n"
    )


def _parts(rng: Random, data: bytes) -> list[bytes]:
    """Cut bytes into what arrives together."""
    if rng.random() < 0.4:
        return [data]
    size = rng.choice((1, 7, 100, 5000)) if len(data) < 5000 else 5000
    return [data[at : at + size] for at in range(0, len(data), size)]


def _check_response(data: bytes) -> None:
    if data == b"HTTP/1.1 100 Continue\r\n\r\n":
        return
    head, _, body = data.partition(b"\r\n\r\n")
    version, status, _ = head.split(b"\r\n")[0].split(b" ", 2)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    if version != b"HTTP/1.1" or not body or len(body) != length:
        if body or version != b"HTTP/1.1":  # without a body it answers HEAD
            raise Wrong(f"a response of another length than it says: {data[:200]!r}")
        return
    if int(status) >= 500 and b'"message":"no sticker ' not in body:  # none are known here
        raise Wrong(f"the server answers {data[:300]!r}")
    if b"application/json" in head.lower():
        text = msgspec.json.decode(body)
        message = text.get("error", {}).get("message", "") if isinstance(text, dict) else ""
        if "callback" in message:  # the parser hides what its callbacks raise
            raise Wrong(f"an exception in a callback of the parser: {message}")
