"""A client that reconnects and re-syncs as the protocol requires, and counts its connections."""

import asyncio
import contextlib
import json
import secrets

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

RETRY_S = 0.2
TIMEOUT_S = 60.0


class ReconnectingClient:
    """One user on one connection, who follows `reconnect` frames and fetches missed messages.

    `disconnects` counts connections that ended unexpectedly, `moves` the changes of edge on request
    of the server; `bodies` maps positions in the conversation with the peer to message bodies.
    """

    def __init__(self, http, api, user, peer, tls=None):
        self.user = user
        self.conv = "d." + ".".join(sorted((user, peer)))
        self.url = ""
        self.disconnects = self.moves = 0
        self.bodies = {}
        self.http = http
        self._api = api
        self._tls = tls
        self._token = ""
        self._socket = None
        self._listener = None

    async def start(self, url=None):
        """Log in and connect, to the given edge or to the assigned one."""
        assigned = await self.log_in()
        self._socket = await self._connect(url or assigned)
        self._listener = asyncio.create_task(self._listen())

    async def stop(self):
        """Disconnect; an error of the background task is raised here."""
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener
        await self._socket.close()

    async def log_in(self):
        """Obtain a token; return the WebSocket URL of the assigned edge."""
        answer = await self.call("POST", "/v1/sessions", {"user": self.user, "device": "d0"})
        self._token = answer["token"]
        return answer["connect"]["url"]

    async def send(self, body):
        """Send one message until it is acknowledged; return the number of attempts."""
        message = {"client_msg_id": secrets.token_hex(8), "body": body}
        return (await self.call("POST", self._messages_path, message))["attempts"]

    @property
    def _messages_path(self):
        return f"/v1/conversations/{self.conv}/messages"

    async def call(self, method, path, body=None):
        """Call the gateways in turn until one succeeds; the answer includes the `attempts`."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with asyncio.timeout(TIMEOUT_S):
            for attempts in range(1, 1000):
                base = self._api[attempts % len(self._api)]
                with contextlib.suppress(aiohttp.ClientError):
                    async with self.http.request(
                        method, base + path, json=body, headers=headers
                    ) as answer:
                        if answer.status // 100 == 2:
                            return {**await answer.json(), "attempts": attempts}
                        assert (await answer.json())["error"]["temporary"], await answer.text()
                await asyncio.sleep(RETRY_S)
        raise AssertionError(f"{method} {path} did not succeed in {attempts} attempts")

    async def _connect(self, url):
        """Connect, and fetch the missed messages if the server's head is beyond the cursor."""
        # With a bounded queue, unread frames of an old connection would delay its closing.
        socket = await connect(
            url,
            subprotocols=["im.v1.json"],
            compression=None,
            proxy=None,
            max_queue=None,
            ssl=self._tls,
        )
        cursor = max(self.bodies, default=0)
        connect_frame = {"token": self._token, "device": "d0", "cursors": {self.conv: cursor}}
        await socket.send(json.dumps({"connect": connect_frame}))
        while "connected" not in (frame := json.loads(await socket.recv())):
            pass
        self.url = url
        if frame["connected"]["heads"].get(self.conv, 0) > cursor:
            await self._fetch(cursor)
        return socket

    async def _fetch(self, cursor):
        page = await self.call("GET", f"{self._messages_path}?after={cursor}&limit=500")
        self.bodies.update({entry["seq"]: entry["body"] for entry in page["messages"]})

    async def _listen(self):
        while True:
            try:
                await self._handle_frames()
            except WebSocketException:
                self.disconnects += 1
                self._socket = await self._reconnect()

    async def _handle_frames(self):
        while True:
            ((kind, content),) = json.loads(await self._socket.recv()).items()
            if kind == "msg":
                self.bodies[content["seq"]] = content["body"]
            elif kind == "gap":
                await self._fetch(content["from"] - 1)
            elif kind == "ping":
                await self._socket.send('{"ping":{}}')
            elif kind == "reconnect":
                await self._move(content)

    async def _move(self, request):
        """Open the new connection before closing the old one; log in again if that fails."""
        await asyncio.sleep(request["delay_ms"] / 1000)
        old = self._socket
        try:
            self._socket = await self._connect(request["url"])
        except (WebSocketException, OSError):
            self._socket = await self._reconnect()
        self.moves += 1
        await old.close()

    async def _reconnect(self):
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                with contextlib.suppress(WebSocketException, OSError):
                    return await self._connect(await self.log_in())
                await asyncio.sleep(RETRY_S)
