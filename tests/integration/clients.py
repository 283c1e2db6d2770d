"""A user of the reference server as integration tests play him: plain frames, nothing repaired."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gauntlet.reference_server.core.wire import ServerFrame, decode_server

PATIENCE_S = 30


async def until(true: Callable[[], Any], patience_s: float = PATIENCE_S, what: str = "") -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


class Client:
    """A user with one connection at a time; pings are answered, pushes kept in order."""

    def __init__(self, http: aiohttp.ClientSession, api: str, user: str) -> None:
        self.user = user
        self.got: list[ServerFrame] = []
        self.closed: int | None = None
        self.heard_s = 0.0
        self._http, self._api = http, api

    async def log_in(self) -> None:
        """A token and the URL of an edge; retried while nobody can give one."""
        login = {"user": self.user, "device": "d0"}
        deadline = time.monotonic() + PATIENCE_S
        while (answer := await self.try_call("POST", "/v1/sessions", login))[0] != 200:
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(0.1)
        self.token, self.url = answer[1]["token"], answer[1]["connect"]["url"]

    @asynccontextmanager
    async def online(self, url: str | None = None) -> AsyncIterator["Client"]:
        """Connected; `got` collects pushes and gaps, `closed` becomes the close code."""
        self.closed = None
        async with connect(
            url or self.url,
            subprotocols=["im.v1.json"],
            compression=None,
            ping_interval=None,
            close_timeout=0.5,
        ) as self.ws:
            hello = {"token": self.token, "device": "d0", "cursors": {}}
            await self.ws.send(json.dumps({"connect": hello}))
            self.connected = decode_server(await self.ws.recv()).connected
            listening = asyncio.create_task(self._listen())
            try:
                yield self
            finally:
                listening.cancel()

    async def try_call(
        self, method: str, path: str, body: Any = None, *, api: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One HTTP call: its status and its body."""
        token = getattr(self, "token", "")
        async with self._http.request(
            method,
            (api or self._api) + path,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        ) as answer:
            return answer.status, await answer.json()

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """An HTTP call that must succeed, retried while it fails temporarily."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status, answer = await self.try_call(method, path, body)
            if status < 300:
                return answer
            assert answer["error"]["temporary"], answer
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(0.1)

    async def send(self, conv: str, body: str, client_msg_id: str = "") -> dict[str, Any]:
        """Send, and retry under the same id until it is stored."""
        message = {"client_msg_id": client_msg_id or secrets.token_hex(8), "body": body}
        return await self.call("POST", f"/v1/conversations/{conv}/messages", message)

    async def history(self, conv: str, after: int = 0) -> list[dict[str, Any]]:
        """Everything behind a position."""
        path = f"/v1/conversations/{conv}/messages?after={after}&limit=1000"
        return (await self.call("GET", path))["messages"]

    async def enter(self, room: str) -> None:
        """Say that he is in a room now."""
        await self.ws.send(json.dumps({"enter": {"conv": room}}))

    def bodies(self, conv: str) -> list[str]:
        """The messages pushed so far, in order."""
        return [frame.msg.body for frame in self.got if frame.msg and frame.msg.conv == conv]

    def events(self, conv: str, event: str) -> list[str]:
        """The users of whom a room event was pushed, in order."""
        rooms = [frame.room for frame in self.got if frame.room and frame.room.conv == conv]
        return [room.user for room in rooms if room.event == event]

    async def wait_for(self, conv: str, bodies: list[str], patience_s: float = PATIENCE_S) -> None:
        """Until exactly these messages were pushed in this order."""
        deadline = time.monotonic() + patience_s
        while self.bodies(conv) != bodies:
            assert time.monotonic() < deadline, (self.bodies(conv), bodies)
            await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for data in self.ws:
                self.heard_s = time.monotonic()
                frame = decode_server(data)
                if frame.ping:
                    await self.ws.send('{"pong":{}}')
                elif not frame.pong:
                    self.got.append(frame)
        self.closed = self.ws.close_code
