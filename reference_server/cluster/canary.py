"""Two real clients, one in each environment, prove the new one before anybody is sent there."""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from reference_server.cluster.errors import ClusterError
from reference_server.wire import SUBPROTOCOL

_STEP_TIMEOUT_S = 8.0
_HANDSHAKES = 10  # of each new edge


class CanaryError(ClusterError):
    """The new environment did not do what clients need."""


@dataclass(frozen=True)
class Handshakes:
    """How the new edges took connections."""

    p99_ms: float
    errors_ratio: float


class Canary:
    """One user with a token, who sends over HTTP and listens on edges."""

    def __init__(self, http: aiohttp.ClientSession, api: str, user: str, token: str) -> None:
        self._http = http
        self._api = api
        self._auth = {"Authorization": f"Bearer {token}"}
        self.user = user
        self.token = token

    @classmethod
    async def log_in(cls, http: aiohttp.ClientSession, api: str, user: str) -> "Canary":
        """A new canary with a token of its own."""
        body = {"user": user, "device": "canary"}
        answer = await _json(http.post(f"{api}/v1/sessions", json=body))
        return cls(http, api, user, answer["token"])

    async def listen(self, url: str, cursors: dict[str, int]) -> "Listener":
        """Connect to an edge; the listener's `connected` frame has arrived."""
        socket = await connect(
            url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, proxy=None
        )
        listener = Listener(socket)
        try:
            hello = {"token": self.token, "device": "canary", "cursors": cursors}
            await socket.send(json.dumps({"connect": hello}))
            listener.heads = (await listener.next("connected"))["heads"]
        except BaseException:
            await socket.close()
            raise
        return listener

    async def send(self, conv: str, body: str) -> int:
        """Send a message; returns its position."""
        url = f"{self._api}/v1/conversations/{conv}/messages"
        message = {"client_msg_id": secrets.token_hex(8), "body": body}
        answer = await _json(self._http.post(url, json=message, headers=self._auth))
        return int(answer["seq"])

    async def history(self, conv: str, after: int) -> list[str]:
        """The bodies of all messages after a position."""
        url = f"{self._api}/v1/conversations/{conv}/messages?after={after}"
        answer = await _json(self._http.get(url, headers=self._auth))
        return [entry["body"] for entry in answer["messages"] if entry["type"] == "msg"]


class Listener:
    """One connection to an edge."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.heads: dict[str, int] = {}

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; others are passed over, pings answered."""
        async for text in self._socket:
            ((name, content),) = json.loads(text).items()
            if name == kind:
                return dict(content)
            if name == "ping":
                await self._socket.send('{"pong":{}}')
        raise CanaryError(f"closed with {self._socket.close_code} while waiting for {kind}")

    async def expect(self, conv: str, body: str) -> None:
        """Wait for a message of ours."""
        while True:
            message = await self.next("msg")
            if (message["conv"], message["body"]) == (conv, body):
                return

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()


async def verify(
    http: aiohttp.ClientSession, api: str, old_urls: Sequence[str], new_urls: Sequence[str]
) -> Handshakes:
    """Old to new, new to old, resume across and history for each new edge; CanaryError."""
    tag = secrets.token_hex(4)
    step = "log in"
    try:
        async with asyncio.timeout(_STEP_TIMEOUT_S):
            left = await Canary.log_in(http, api, f"canary-{tag}-a")
            right = await Canary.log_in(http, api, f"canary-{tag}-b")
        for number, new_url in enumerate(new_urls):
            step = f"exchange between {old_urls[number % len(old_urls)]} and {new_url}"
            async with asyncio.timeout(_STEP_TIMEOUT_S):
                await _exchange(left, right, old_urls[number % len(old_urls)], new_url)
        step = "handshakes"
        return await _handshakes(left, new_urls)
    except TimeoutError as error:
        raise CanaryError(f"{step}: nothing within {_STEP_TIMEOUT_S:.0f} s") from error
    except (CanaryError, aiohttp.ClientError, WebSocketException, OSError) as error:
        raise CanaryError(f"{step}: {error}") from error


async def _exchange(left: Canary, right: Canary, old_url: str, new_url: str) -> None:
    conv = f"d.{left.user}.{right.user}"
    start = await left.send(conv, "hello")
    mine, listeners = [secrets.token_hex(4) for _ in range(3)], []
    try:
        in_old = await left.listen(old_url, {conv: start})
        listeners.append(in_old)
        in_new = await right.listen(new_url, {conv: start})
        listeners.append(in_new)
        await left.send(conv, mine[0])
        await in_new.expect(conv, mine[0])
        seen = await right.send(conv, mine[1])
        await in_old.expect(conv, mine[1])
        await in_old.close()
        head = await right.send(conv, mine[2])
        resumed = await left.listen(new_url, {conv: seen})
        listeners.append(resumed)
        if resumed.heads.get(conv, 0) < head:
            raise CanaryError(f"resumed with head {resumed.heads.get(conv)}, not {head}")
        if await left.history(conv, seen) != mine[2:]:
            raise CanaryError("history after the cursor is not the one message missed")
        if await right.history(conv, start) != mine:
            raise CanaryError("history is not the three messages sent")
    finally:
        for listener in listeners:
            await listener.close()


async def _handshakes(canary: Canary, urls: Sequence[str]) -> Handshakes:
    taken_ms: list[float] = []
    errors = 0
    for url in [*urls] * _HANDSHAKES:
        start = time.monotonic()
        try:
            async with asyncio.timeout(_STEP_TIMEOUT_S):
                listener = await canary.listen(url, {})
                taken_ms.append((time.monotonic() - start) * 1000)
                await listener.close()
        except (CanaryError, WebSocketException, OSError):
            errors += 1
    taken_ms.sort()
    p99_ms = taken_ms[int(0.99 * (len(taken_ms) - 1))] if taken_ms else 0.0
    return Handshakes(p99_ms, errors / (len(urls) * _HANDSHAKES))


async def _json(call: Any) -> dict[str, Any]:
    async with call as answer:
        if answer.status // 100 != 2:
            raise CanaryError(f"{answer.method} {answer.url}: {answer.status}")
        return dict(await answer.json())
