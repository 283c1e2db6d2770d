"""Canaries: two real clients that verify the new environment before others are sent there."""

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from gauntlet.reference_server.cluster.topology.errors import ClusterError
from gauntlet.reference_server.core.wire import SUBPROTOCOL

_STEP_TIMEOUT_S = 8.0
_HANDSHAKES_PER_EDGE = 10


class CanaryError(ClusterError):
    """The new environment failed a step that clients depend on."""


class Canary:
    """One user that sends over HTTP and receives from edges."""

    def __init__(
        self, http: aiohttp.ClientSession, api: str, user: str, tls: ssl.SSLContext | None
    ) -> None:
        self.user = user
        self._http = http
        self._tls = tls
        self._api = api
        self._token = ""

    async def log_in(self) -> None:
        """Create a session; later calls use its token."""
        answer = await self._call("POST", "/v1/sessions", {"user": self.user, "device": "canary"})
        self._token = answer["token"]

    async def send(self, conv: str, body: str) -> int:
        """Send a message and return its `seq`."""
        message = {"client_msg_id": secrets.token_hex(8), "body": body}
        answer = await self._call("POST", f"/v1/conversations/{conv}/messages", message)
        return int(answer["seq"])

    async def history(self, conv: str, after: int) -> list[str]:
        """Return the bodies of all messages after a `seq`."""
        answer = await self._call("GET", f"/v1/conversations/{conv}/messages?after={after}")
        return [entry["body"] for entry in answer["messages"]]

    @asynccontextmanager
    async def listen(self, url: str, cursors: dict[str, int]) -> AsyncIterator["Listener"]:
        """Connect to an edge, and wait for its `connected` frame."""
        protocol = [Subprotocol(SUBPROTOCOL)]
        async with connect(
            url, subprotocols=protocol, compression=None, proxy=None, ssl=self._tls
        ) as socket:
            credentials = {"token": self._token, "device": "canary", "cursors": cursors}
            await socket.send(json.dumps({"connect": credentials}))
            listener = Listener(socket)
            listener.heads = (await listener.next("connected"))["heads"]
            yield listener

    async def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        call = self._http.request(method, self._api + path, json=body, headers=headers)
        async with call as answer:
            if answer.status // 100 != 2:
                raise CanaryError(f"{method} {path}: {answer.status}")
            return dict(await answer.json())


class Listener:
    """One connection to an edge."""

    def __init__(self, socket: ClientConnection) -> None:
        self.heads: dict[str, int] = {}
        self._socket = socket

    async def next(self, kind: str) -> dict[str, Any]:
        """Return the content of the next frame of a kind; other frames are skipped."""
        async for text in self._socket:
            ((name, content),) = json.loads(text).items()
            if name == kind:
                return dict(content)
        raise CanaryError(
            f"the connection was closed with {self._socket.close_code} before {kind!r} arrived"
        )

    async def expect(self, body: str) -> None:
        """Wait for a message with this body."""
        while (await self.next("msg"))["body"] != body:
            pass


async def verify(
    api: str,
    old_urls: Sequence[str],
    new_urls: Sequence[str],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Verify every new edge; CanaryError names the step that failed.

    Messages from old to new and from new to old, resuming across environments, and history. Then
    some more handshakes, so that the handshake statistics of the edges rest on enough samples.
    """
    if not old_urls:
        raise CanaryError(
            "no edge of the old environment is running, so messages between both cannot be tested"
        )
    tag = secrets.token_hex(4)
    step = "log in"
    # Not the cluster's own session, which sends the internal token.
    connector = aiohttp.TCPConnector(ssl=tls or True)
    async with aiohttp.ClientSession(connector=connector) as http:
        left, right = (Canary(http, api, f"canary-{tag}-{side}", tls) for side in "ab")
        try:
            async with asyncio.timeout(_STEP_TIMEOUT_S):
                await asyncio.gather(left.log_in(), right.log_in())
            for number, new_url in enumerate(new_urls):
                old_url = old_urls[number % len(old_urls)]
                step = f"exchange between {old_url} and {new_url}"
                async with asyncio.timeout(_STEP_TIMEOUT_S):
                    await _exchange(left, right, old_url, new_url)
            for url in [*new_urls] * _HANDSHAKES_PER_EDGE:
                step = f"handshake with {url}"
                async with asyncio.timeout(_STEP_TIMEOUT_S), left.listen(url, {}):
                    pass
        except TimeoutError as error:
            raise CanaryError(f"{step}: no answer within {_STEP_TIMEOUT_S:.0f} s") from error
        except (CanaryError, aiohttp.ClientError, WebSocketException, OSError) as error:
            raise CanaryError(f"{step}: {error}") from error


async def _exchange(left: Canary, right: Canary, old_url: str, new_url: str) -> None:
    conv = f"d.{left.user}.{right.user}"
    bodies = [secrets.token_hex(4) for _ in range(3)]
    start = await left.send(conv, "hello")
    async with right.listen(new_url, {conv: start}) as in_new:
        async with left.listen(old_url, {conv: start}) as in_old:
            await left.send(conv, bodies[0])
            await in_new.expect(bodies[0])
            seen = await right.send(conv, bodies[1])
            await in_old.expect(bodies[1])
        head = await right.send(conv, bodies[2])
        async with left.listen(new_url, {conv: seen}) as resumed:
            if resumed.heads.get(conv, 0) < head:
                raise CanaryError(f"resumed with head {resumed.heads.get(conv)} instead of {head}")
    if await left.history(conv, seen) != bodies[2:]:
        raise CanaryError("history after the cursor is not exactly the one missed message")
    if await right.history(conv, start) != bodies:
        raise CanaryError("history is not exactly the three messages that were sent")
