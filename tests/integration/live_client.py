"""A client that does what the protocol asks of clients, and counts what happened to it."""

import asyncio
import contextlib
import json
import secrets

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

RETRY_S = 0.2
PATIENCE_S = 60.0


class LiveClient:
    """One user on one connection, who follows `reconnect` and fetches what he missed.

    `drops` counts connections that ended under him, `moves` those that he changed on request;
    `seen` holds the body of each message by its position in the conversation with his peer.
    """

    def __init__(self, http, api, user, peer):
        self.user = user
        self.conv = "d." + ".".join(sorted((user, peer)))
        self.url = ""
        self.drops = self.moves = 0
        self.seen = {}
        self._http = http
        self._api = api
        self._token = ""
        self._socket = None
        self._listening = None

    async def start(self, url=None):
        """Log in and connect, to the edge given or to the one assigned."""
        assigned = await self.log_in()
        self._socket = await self._open(url or assigned)
        self._listening = asyncio.create_task(self._listen())

    async def stop(self):
        """Disconnect; whatever went wrong meanwhile is raised here."""
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        await self._socket.close()

    async def log_in(self):
        """A token; returns the WebSocket URL that came with it."""
        answer = await self._call("POST", "/v1/sessions", {"user": self.user, "device": "d0"})
        self._token = answer["token"]
        return answer["connect"]["url"]

    async def send(self, body):
        """Send until it is acked, always the same message; returns how many tries it took."""
        message = {"client_msg_id": secrets.token_hex(8), "body": body}
        return (await self._call("POST", self._messages, message))["tries"]

    @property
    def _messages(self):
        return f"/v1/conversations/{self.conv}/messages"

    async def _call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with asyncio.timeout(PATIENCE_S):
            for tries in range(1, 1000):
                base = self._api[tries % len(self._api)]
                with contextlib.suppress(aiohttp.ClientError):
                    async with self._http.request(
                        method, base + path, json=body, headers=headers
                    ) as answer:
                        if answer.status // 100 == 2:
                            return {**await answer.json(), "tries": tries}
                        assert (await answer.json())["error"]["temporary"], await answer.text()
                await asyncio.sleep(RETRY_S)
        raise AssertionError(f"{method} {path}: never answered")

    async def _open(self, url):
        """Connect, and read what was missed up to the heads told."""
        # Frames that nobody reads any more must not hold up the closing of a connection.
        socket = await connect(
            url, subprotocols=["im.v1.json"], compression=None, proxy=None, max_queue=None
        )
        cursor = max(self.seen, default=0)
        hello = {"token": self._token, "device": "d0", "cursors": {self.conv: cursor}}
        await socket.send(json.dumps({"connect": hello}))
        while "connected" not in (frame := json.loads(await socket.recv())):
            pass
        self.url = url
        if frame["connected"]["heads"].get(self.conv, 0) > cursor:
            await self._fetch(cursor)
        return socket

    async def _fetch(self, cursor):
        page = await self._call("GET", f"{self._messages}?after={cursor}&limit=500")
        self.seen.update({entry["seq"]: entry["body"] for entry in page["messages"]})

    async def _listen(self):
        while True:
            try:
                await self._read()
            except WebSocketException:
                self.drops += 1
                self._socket = await self._connect_again()

    async def _read(self):
        while True:
            ((kind, content),) = json.loads(await self._socket.recv()).items()
            if kind == "msg":
                self.seen[content["seq"]] = content["body"]
            elif kind == "gap":
                await self._fetch(content["from"] - 1)
            elif kind == "ping":
                await self._socket.send('{"ping":{}}')
            elif kind == "reconnect":
                await self._move(content)

    async def _move(self, order):
        """Make before break; where he cannot go he asks again, and keeps what he has."""
        await asyncio.sleep(order["delay_ms"] / 1000)
        old = self._socket
        try:
            self._socket = await self._open(order["url"])
        except (WebSocketException, OSError):
            self._socket = await self._connect_again()
        self.moves += 1
        await old.close()

    async def _connect_again(self):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(WebSocketException, OSError):
                    return await self._open(await self.log_in())
                await asyncio.sleep(RETRY_S)
