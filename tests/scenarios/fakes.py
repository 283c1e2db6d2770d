"""A small in-memory peer that speaks `im.v1`, with faults to order; for tests only."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web


@dataclass
class Faults:
    """What goes wrong, each as "every n-th"; 0 is never."""

    drop_push: int = 0
    repeat_push: int = 0
    swap_push: int = 0
    hang_after_commit: int = 0
    refuse_send: int = 0
    skip_in_history: int = 0


def _refusal(code: str) -> dict[str, str]:
    """Return the body of a permanent refusal."""
    refusal = {"code": code, "temporary": False, "stored": "no"}
    return {"text": json.dumps({"error": refusal}), "content_type": "application/json"}


_UNAUTHORIZED = 4501  # closes a connection whose token is not one of the device


@dataclass
class Peer:
    """The server: entries by conversation, sockets by user."""

    faults: Faults = field(default_factory=Faults)
    ping_ms: int = 1000
    pong_ms: int = 500
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    members: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    sockets: dict[str, set[web.WebSocketResponse]] = field(default_factory=lambda: defaultdict(set))
    sends: int = 0
    pushes: int = 0
    connects: list[dict[str, Any]] = field(default_factory=list)
    attendance: Counter[str] = field(default_factory=Counter)
    _kept_back: dict[Any, str] = field(default_factory=dict)
    url: str = ""
    token_lasts_s: int = 0  # 0: for ever
    tokens_taken_s: float | None = None  # how long they are accepted, if not as long as said
    admits_strangers: bool = False
    logins: int = 0
    _logged_in_s: dict[str, float] = field(default_factory=dict)
    _devices: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by token

    async def start(self, host: str = "127.0.0.1") -> None:
        """Serve on a free port of an address of ours."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/sessions", self._session),
                web.post("/v1/conversations/{conv}/messages", self._send),
                web.get("/v1/conversations/{conv}/messages", self._history),
                web.put("/v1/rooms/{conv}/members/{user}", self._add_member),
                web.delete("/v1/rooms/{conv}/members/{user}", self._remove_member),
                web.get("/v1/rooms/{conv}/members", self._members),
                web.get("/v1/ws", self._websocket),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close every socket and the listener."""
        for socket in [one for sockets in self.sockets.values() for one in sockets]:
            await socket.close()
        await self._runner.cleanup()

    def every(self, nth: int, count: int) -> bool:
        return bool(nth) and count % nth == 0

    async def _session(self, request: web.Request) -> web.Response:
        login = await request.json()
        user = login["user"]
        self.logins += 1
        self._devices[user].add(login["device"])
        self._logged_in_s[user] = time.monotonic()
        return web.json_response(
            {
                "token": user,
                "expires_at": 0,
                "expires_in_s": self.token_lasts_s,
                "api": [self.url],
                "connect": {"url": self.url.replace("http", "ws"), "environment": "blue"},
            }
        )

    async def _send(self, request: web.Request) -> web.Response:
        conv, user = request.match_info["conv"], self._user(request)
        content = await request.json()
        self._require_member(user, conv)
        self.sends += 1
        if self.every(self.faults.refuse_send, self.sends):
            refusal = {"code": "unavailable", "message": "", "temporary": True, "stored": "no"}
            return web.json_response({"error": refusal}, status=503)
        known = [
            entry
            for entry in self.entries[conv]
            if entry.get("client_msg_id") == content["client_msg_id"] and entry["sender"] == user
        ]
        entry = known[0] if known else await self._append(conv, "msg", sender=user, **content)
        if not known and self.every(self.faults.hang_after_commit, self.sends):
            await asyncio.sleep(30)
        answer = {"conv": conv, "seq": entry["seq"], "msg_id": entry["msg_id"], "ts": entry["ts"]}
        return web.json_response(answer, status=200 if known else 201)

    async def _append(self, conv: str, kind: str, **fields: Any) -> dict[str, Any]:
        seq = len(self.entries[conv]) + 1
        stamped_ms = round(time.time() * 1000)
        entry = {"type": kind, "seq": seq, "msg_id": f"{conv}/{seq}", "ts": stamped_ms, **fields}
        self.entries[conv].append(entry)
        frame = json.dumps({kind: {"conv": conv, **entry}})
        for user in self._readers(conv):
            for socket in list(self.sockets[user]):
                await self._push(socket, frame)
        return entry

    async def _push(self, socket: web.WebSocketResponse, frame: str) -> None:
        self.pushes += 1
        if self.every(self.faults.drop_push, self.pushes):
            return
        if self.every(self.faults.swap_push, self.pushes) and socket not in self._kept_back:
            self._kept_back[socket] = frame
            return
        try:
            await socket.send_str(frame)
            if self.every(self.faults.repeat_push, self.pushes):
                await socket.send_str(frame)
            if (late := self._kept_back.pop(socket, None)) is not None:
                await socket.send_str(late)
        except ConnectionError:
            pass

    def _readers(self, conv: str) -> list[str]:
        return conv.split(".")[1:] if conv.startswith("d.") else list(self.members[conv])

    async def _history(self, request: web.Request) -> web.Response:
        conv = request.match_info["conv"]
        self._require_member(user := self._user(request), conv)
        after, limit = int(request.query["after"]), int(request.query["limit"])
        after = max(after, self.members[conv].get(user, 1) - 1)
        entries = [entry for entry in self.entries[conv] if entry["seq"] > after]
        if self.faults.skip_in_history:
            entries = entries[self.faults.skip_in_history :]
        head = len(self.entries[conv])
        return web.json_response({"messages": entries[:limit], "head": head})

    async def _add_member(self, request: web.Request) -> web.Response:
        conv, user = request.match_info["conv"], request.match_info["user"]
        if user not in self.members[conv]:
            self.members[conv][user] = len(self.entries[conv]) + 1
            await self._append(conv, "room", event="added", user=user)
        return web.json_response({"conv": conv, "seq": self.members[conv][user]})

    async def _remove_member(self, request: web.Request) -> web.Response:
        conv, user = request.match_info["conv"], request.match_info["user"]
        if user in self.members[conv]:
            await self._append(conv, "room", event="removed", user=user)
            del self.members[conv][user]
        return web.json_response({"conv": conv, "seq": len(self.entries[conv])})

    async def _members(self, request: web.Request) -> web.Response:
        self._require_member(self._user(request), request.match_info["conv"])
        members = self.members[request.match_info["conv"]]
        named = {user: {"from": seq} for user, seq in members.items()}
        return web.json_response({"members": named, "present": []})

    def _user(self, request: web.Request) -> str:
        user = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if user not in self._logged_in_s:
            raise web.HTTPUnauthorized(**_refusal("unauthorized"))
        age_s = time.monotonic() - self._logged_in_s[user]
        if self.token_lasts_s and age_s > (self.tokens_taken_s or self.token_lasts_s):
            raise web.HTTPUnauthorized(**_refusal("unauthorized"))
        return user

    def _require_member(self, user: str, conv: str) -> None:
        if not (self.admits_strangers or user in self._readers(conv)):
            raise web.HTTPForbidden(**_refusal("forbidden"))

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("im.v1.json",), compress=False)
        await socket.prepare(request)
        user, pinging = "", None
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            if "connect" in frame:
                user = frame["connect"]["token"]
                if frame["connect"]["device"] not in self._devices[user]:
                    await socket.close(code=_UNAUTHORIZED)
                    break
                self.connects.append(frame["connect"])
                await self._greet(socket, user)
                self.sockets[user].add(socket)
                pinging = asyncio.create_task(self._ping(socket, user))
            elif frame.keys() <= {"enter", "exit"}:
                self.attendance.update(frame.keys())
            elif "ping" in frame:
                await socket.send_json({"pong": {"heads": self._heads(user)}})
        self.sockets[user].discard(socket)
        if pinging is not None:
            pinging.cancel()
        return socket

    async def _greet(self, socket: web.WebSocketResponse, user: str) -> None:
        await socket.send_json({"connected": self._greeting(user)})

    def _greeting(self, user: str) -> dict[str, Any]:
        return {
            "client": f"edge-blue-1|{len(self.connects)}",
            "ping_ms": self.ping_ms,
            "pong_ms": self.pong_ms,
            "heads": self._heads(user),
        }

    def _heads(self, user: str) -> dict[str, int]:
        return {
            conv: len(entries)
            for conv, entries in self.entries.items()
            if user in self._readers(conv)
        }

    async def _ping(self, socket: web.WebSocketResponse, user: str) -> None:
        while not socket.closed:
            await asyncio.sleep(self.ping_ms / 1000)
            await socket.send_json({"ping": {"heads": self._heads(user)}})
