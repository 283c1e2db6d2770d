"""The invented system of the adapter template as a server, with a history and with faults.

It also understands {"history": {"ticket", "conv", "after", "limit"}}, and answers {"page": …}; and
it offers both over HTTP, and answers in binary frames to clients who send them, as the adapters of
`gauntlet adapter new` expect it.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web


@dataclass
class ChatServer:
    """The faults are what a system may do although its adapter declares otherwise."""

    skips_history: bool = False
    stores_twice: bool = False
    refuses: bool = False
    acknowledges: bool = True
    registers: bool = False  # whether users must register before they say hello
    url: str = ""
    stored: dict = field(default_factory=lambda: defaultdict(list))
    registered: set = field(default_factory=set)
    sockets: dict = field(default_factory=lambda: defaultdict(set))

    async def __aenter__(self):
        app = web.Application()
        app.add_routes(
            [
                web.get("/chat", self._serve),
                web.post("/messages", self._post),
                web.get("/history", self._get),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"ws://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _serve(self, request):
        socket = web.WebSocketResponse(protocols=("chat.v1",))
        await socket.prepare(request)
        user = ""
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            socket["binary"] = message.type is WSMsgType.BINARY
            ((name, content),) = json.loads(message.data).items()
            if name == "hello":
                if self.refuses:
                    await socket.close(code=4003, message=b"who are you")
                    break
                user = content["user"]
                if self.registers and user not in self.registered:
                    await socket.close(code=4003, message=b"no such user")
                    break
                self.sockets[user].add(socket)
                await reply(socket, "welcome", node="chat-1")
            elif name == "register" and self.registers:
                self.registered.add(content["user"])
                await reply(socket, "registered")
            elif name == "send":
                await self._send(socket, user, content)
            elif name == "history":
                await self._history(socket, content)
            else:
                await reply(socket, "pong")
        self.sockets[user].discard(socket)
        return socket

    async def _send(self, socket, user, content):
        message = await self._store(user, content)
        if self.acknowledges:
            await reply(socket, "stored", id=content["id"], seq=message["seq"])

    async def _store(self, user, content):
        conv = ".".join(["d", *sorted((user, content["to"]))])
        known = any(message["id"] == content["id"] for message in self.stored[conv])
        if not known or self.stores_twice:
            number = len(self.stored[conv]) + 1
            message = {**content, "from": user, "key": str(number), "seq": number}
            self.stored[conv].append(message)
            for receiver in list(self.sockets[content["to"]]):
                await reply(receiver, "message", **message)
        return next(m for m in self.stored[conv] if m["id"] == content["id"])

    async def _post(self, request):
        content = await request.json()
        message = await self._store(content["from"], content)
        return web.json_response({"seq": message["seq"]})

    async def _get(self, request):
        return web.json_response(self._page(request.query))

    async def _history(self, socket, content):
        await reply(socket, "page", ticket=content["ticket"], **self._page(content))

    def _page(self, content):
        after, limit = int(content["after"] or 0), int(content["limit"])
        found = [row for row in self.stored[content["conv"]] if int(row["key"]) > after]
        if self.skips_history:
            found = [row for row in found if row["key"] != "3"]
        head = len(self.stored[content["conv"]])
        return {"messages": found[:limit], "more": len(found) > limit, "head": head}


async def reply(socket, name, **content):
    """Send one frame, unless the socket is closed."""
    if not socket.closed:
        frame = json.dumps({name: content})
        await (socket.send_bytes(frame.encode()) if socket["binary"] else socket.send_str(frame))
