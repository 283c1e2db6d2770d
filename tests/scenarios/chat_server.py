"""A small chat server that speaks one protocol over four transports, and its adapter; for tests.

Frames are JSON, over WebSockets in binary messages, over TCP in lines. Over server-sent events and
long polling, pushes come on the stream or in the answers to polls, and sends are HTTP requests.
The server numbers nothing and keeps a log per user, from which a client that returns continues.
"""

import asyncio
import contextlib
import json
from collections import defaultdict

from aiohttp import WSMsgType, web

from gauntlet.scenarios.adapters import base

POLL_S = 0.3


class ChatServer:
    """The server: a log of messages per user, in which a position is a client's cursor."""

    def __init__(self):
        self.logs = defaultdict(list)
        self.news = asyncio.Condition()
        self.kinds = set()  # the kinds of WebSocket messages that clients sent
        self._connections = []  # closing functions of the connections

    async def __aenter__(self):
        app = web.Application()
        app.add_routes(
            [
                web.get("/ws", self._websocket),
                web.get("/events/{user}", self._events),
                web.get("/poll/{user}", self._poll),
                web.post("/messages", self._post),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.http_port = site._server.sockets[0].getsockname()[1]
        self._tcp = await asyncio.start_server(self._lines, "127.0.0.1", 0)
        self.tcp_port = self._tcp.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.cut()
        self._tcp.close()
        await self._runner.cleanup()

    def url(self, transport):
        return {
            "tcp": f"tcp://127.0.0.1:{self.tcp_port}",
            "websocket": f"ws://127.0.0.1:{self.http_port}/ws",
        }.get(transport, f"http://127.0.0.1:{self.http_port}")

    def cut(self):
        """Cut all connections."""
        connections, self._connections = self._connections, []
        for close in connections:
            close()

    async def _store(self, message):
        for user in message["to"]:
            self.logs[user].append({"message": message})
        async with self.news:
            self.news.notify_all()

    async def _follow(self, user, at, send):
        """Send a user's log from a position on, for ever."""
        while True:
            while at < len(self.logs[user]):
                at += 1
                await send({**self.logs[user][at - 1], "at": at})
            async with self.news:
                while at >= len(self.logs[user]):
                    await self.news.wait()

    async def _duplex(self, frames, send):
        """Serve a connection in both directions."""
        following = None
        with contextlib.suppress(ConnectionError, RuntimeError):  # cut
            async for text in frames:
                ((name, content),) = json.loads(text).items()
                if name == "hello":
                    await send({"welcome": {}})
                    follow = self._follow(content["user"], content["at"], send)
                    following = asyncio.create_task(follow)
                elif name == "send":
                    await self._store(content)
                    await send({"stored": content["id"]})
        if following is not None:
            following.cancel()

    async def _websocket(self, request):
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._connections.append(request.transport.abort)

        async def frames():
            async for message in socket:
                self.kinds.add(message.type)
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    yield message.data

        await self._duplex(frames(), lambda frame: socket.send_bytes(json.dumps(frame).encode()))
        return socket

    async def _lines(self, reader, writer):
        self._connections.append(writer.transport.abort)

        async def frames():
            while line := await reader.readline():
                yield line

        async def send(frame):
            writer.write(json.dumps(frame).encode() + b"\n")
            await writer.drain()

        await self._duplex(frames(), send)
        writer.close()

    async def _events(self, request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self._connections.append(request.transport.abort)

        async def send(frame):
            event = f"event: push\nid: {frame['at']}\ndata: {json.dumps(frame)}\n\n"
            await response.write(event.encode())

        with contextlib.suppress(ConnectionError):  # cut
            await self._follow(request.match_info["user"], int(request.query["at"]), send)
        return response

    async def _poll(self, request):
        self._connections.append(request.transport.abort)
        user, at = request.match_info["user"], int(request.query["at"])
        async with self.news:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self.news.wait_for(lambda: at < len(self.logs[user]))
        log = self.logs[user]
        return web.json_response([{**log[n], "at": n + 1} for n in range(at, len(log))])

    async def _post(self, request):
        message = await request.json()
        await self._store(message)
        return web.json_response({"stored": message["id"]}, headers={"X-Stored": message["id"]})


class Chat(base.Adapter):
    """The adapter of the server, over any of its transports."""

    capabilities = frozenset({base.RESUME})
    transports = ("websocket", "tcp", "sse", "long-poll")

    def use(self, transport):
        self._transport = transport

    def framing(self):
        return base.DelimiterFraming()

    def codec(self, account, device):
        return ChatCodec(account.name, self._transport)


class ChatCodec(base.Codec):
    """One session; it knows how far it has read its user's log."""

    def __init__(self, user, transport):
        self._user, self._transport, self._at = user, transport, 0

    def url(self, url):
        return url if self._transport != "sse" else f"{url}/"

    def opened(self, response):
        if self._transport in ("sse", "long-poll"):
            return self._connected()
        return base.EventBatch()

    def _connected(self):
        return base.Connected(edge="chat", ping_ms=5000, pong_ms=5000, resumed=True)

    def open(self, cursors):
        if self._transport in ("sse", "long-poll"):
            return b""
        return self._frame({"hello": {"user": self._user, "at": self._at}})

    def _frame(self, content):
        data = json.dumps(content).encode()
        return data + b"\n" if self._transport == "tcp" else base.Binary(data)

    def receive_request(self, cursors):
        folder = "events" if self._transport == "sse" else "poll"
        return base.Request(method="GET", path=f"/{folder}/{self._user}?at={self._at}", timeout_s=5)

    def send(self, conv, client_msg_id, body):
        message = {"id": client_msg_id, "conv": conv, "from": self._user, "body": body}
        message["to"] = [name for name in conv.split(".")[1:] if name != self._user]
        if self._transport in ("sse", "long-poll"):
            request = base.Request(
                method="POST", path="/messages", body=json.dumps(message).encode()
            )
            return base.OverHttp(request=request, read=self._read_stored)
        return base.OverSocket(ticket=client_msg_id, frames=(self._frame({"send": message}),))

    def _read_stored(self, response):
        assert response.headers["x-stored"] == json.loads(response.body)["stored"]
        return base.Sent(stored="yes")

    def read(self, frame):
        if self._transport == "websocket" and not isinstance(frame, base.Binary):
            raise base.ProtocolError("a text message")
        if self._transport == "sse":
            assert (frame.event, int(frame.id)) == ("push", json.loads(frame)["at"])
        return self._read(json.loads(frame))

    def read_response(self, response):
        pushes = json.loads(response.body)
        return base.EventBatch(events=tuple(self._read(push) for push in pushes))

    def _read(self, content):
        if "welcome" in content:
            return self._connected()
        if "stored" in content:
            return base.Answer(ticket=content["stored"], value=base.Sent(stored="yes"))
        self._at = content["at"]
        message = content["message"]
        return base.Entry(
            conv=message["conv"],
            seq=0,
            sender=message["from"],
            body=message["body"],
            client_msg_id=message["id"],
            id=message["id"],
        )
