"""The invented system of the adapter template as a server, with a history and with faults.

It also understands {"history": {"ticket", "conv", "after", "limit"}}, and answers {"page": …}.
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
    url: str = ""
    stored: dict = field(default_factory=lambda: defaultdict(list))
    sockets: dict = field(default_factory=lambda: defaultdict(set))

    async def __aenter__(self):
        app = web.Application()
        app.add_routes([web.get("/chat", self._serve)])
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
            if message.type is not WSMsgType.TEXT:
                break
            ((name, content),) = json.loads(message.data).items()
            if name == "hello":
                if self.refuses:
                    await socket.close(code=4003, message=b"who are you")
                    break
                user = content["user"]
                self.sockets[user].add(socket)
                await reply(socket, "welcome", node="chat-1")
            elif name == "send":
                await self._send(socket, user, content)
            elif name == "history":
                await self._history(socket, content)
            else:
                await reply(socket, "pong")
        self.sockets[user].discard(socket)
        return socket

    async def _send(self, socket, user, content):
        conv = ".".join(["d", *sorted((user, content["to"]))])
        known = any(message["id"] == content["id"] for message in self.stored[conv])
        if not known or self.stores_twice:
            message = {**content, "from": user, "key": str(len(self.stored[conv]) + 1)}
            self.stored[conv].append(message)
            for receiver in list(self.sockets[content["to"]]):
                await reply(receiver, "message", **message)
        await reply(socket, "stored", id=content["id"])

    async def _history(self, socket, content):
        after, limit = int(content["after"] or 0), content["limit"]
        found = [row for row in self.stored[content["conv"]] if int(row["key"]) > after]
        if self.skips_history:
            found = [row for row in found if row["key"] != "3"]
        page = {"messages": found[:limit], "more": len(found) > limit}
        await reply(socket, "page", ticket=content["ticket"], **page)


async def reply(socket, name, **content):
    """Send one frame, unless the socket is closed."""
    if not socket.closed:
        await socket.send_str(json.dumps({name: content}))
