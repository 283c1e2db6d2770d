"""A minimal client of the reference server that repairs nothing: it records what it receives."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from msgspec import structs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gauntlet.reference_server.core.wire import Connected, ServerFrame, decode_server

TIMEOUT_S = 30


async def wait_until(
    condition: Callable[[], Any],
    timeout_s: float = TIMEOUT_S,
    message: str = "the condition did not become true in time",
) -> None:
    """Wait until a condition is true; fail with the message after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, message
        await asyncio.sleep(0.01)


class Client:
    """A user with one connection at a time, who answers pings and keeps pushes in their order."""

    def __init__(self, http: aiohttp.ClientSession, api: str, user: str) -> None:
        self.user = user
        self.received: list[ServerFrame] = []
        self.close_code: int | None = None
        self.last_received_s = 0.0
        self._http, self._api = http, api

    async def log_in(self) -> None:
        """Obtain a token and the URL of an edge; retry while there is none."""
        login = {"user": self.user, "device": "d0"}
        deadline = time.monotonic() + TIMEOUT_S
        while (answer := await self.try_call("POST", "/v1/sessions", login))[0] != 200:
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(0.1)
        self.token, self.url = answer[1]["token"], answer[1]["connect"]["url"]

    @asynccontextmanager
    async def online(self, url: str | None = None) -> AsyncIterator["Client"]:
        """Connect; `received` collects pushes and gaps, and the end sets `close_code`."""
        self.close_code = None
        async with connect(
            url or self.url,
            subprotocols=["im.v1.json"],
            compression=None,
            ping_interval=None,
            close_timeout=0.5,
        ) as self.ws:
            connect_frame = {"token": self.token, "device": "d0", "cursors": {}}
            await self.ws.send(json.dumps({"connect": connect_frame}))
            self.connected = await self._end_of_handshake()
            listener = asyncio.create_task(self._listen())
            try:
                yield self
            finally:
                listener.cancel()

    async def _end_of_handshake(self) -> Connected:
        """Return what `connected` says, with the heads of all frames before it."""
        heads: dict[str, int] = {}
        self.handshake_heads: list[int] = []  # how many of them each frame has
        while (frame := decode_server(await self.ws.recv())).connected is None:
            assert frame.heads is not None, frame
            heads |= frame.heads.heads
            self.handshake_heads.append(len(frame.heads.heads))
        self.handshake_heads.append(len(frame.connected.heads))
        return structs.replace(frame.connected, heads=heads | frame.connected.heads)

    async def try_call(
        self, method: str, path: str, body: Any = None, *, api: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Call the HTTP API once; return the status and the body."""
        token = getattr(self, "token", "")
        async with self._http.request(
            method,
            (api or self._api) + path,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        ) as answer:
            return answer.status, await answer.json()

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the HTTP API until it succeeds; fail on an error that is not temporary."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            status, answer = await self.try_call(method, path, body)
            if status < 300:
                return answer
            assert answer["error"]["temporary"], answer
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(0.1)

    async def send(self, conv: str, body: str, client_msg_id: str = "") -> dict[str, Any]:
        """Send a message, and retry under the same id until it is stored."""
        message = {"client_msg_id": client_msg_id or secrets.token_hex(8), "body": body}
        return await self.call("POST", f"/v1/conversations/{conv}/messages", message)

    async def history(self, conv: str, after: int = 0) -> list[dict[str, Any]]:
        """Return all entries after a position."""
        path = f"/v1/conversations/{conv}/messages?after={after}&limit=1000"
        return (await self.call("GET", path))["messages"]

    async def enter(self, room: str) -> None:
        """Enter a room on the current connection."""
        await self.ws.send(json.dumps({"enter": {"conv": room}}))

    def bodies(self, conv: str) -> list[str]:
        """Return the bodies of the messages pushed so far, in their order of arrival."""
        return [frame.msg.body for frame in self.received if frame.msg and frame.msg.conv == conv]

    def events(self, conv: str, event: str) -> list[str]:
        """Return the users of the pushed room events of one kind, in their order of arrival."""
        rooms = [frame.room for frame in self.received if frame.room and frame.room.conv == conv]
        return [room.user for room in rooms if room.event == event]

    async def wait_for(self, conv: str, bodies: list[str], timeout_s: float = TIMEOUT_S) -> None:
        """Wait until exactly these messages have been pushed, in this order."""
        deadline = time.monotonic() + timeout_s
        while self.bodies(conv) != bodies:
            assert time.monotonic() < deadline, (self.bodies(conv), bodies)
            await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for data in self.ws:
                self.last_received_s = time.monotonic()
                frame = decode_server(data)
                if frame.ping:
                    await self.ws.send('{"pong":{}}')
                elif not frame.pong:
                    self.received.append(frame)
        self.close_code = self.ws.close_code
