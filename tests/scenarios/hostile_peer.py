"""A peer that speaks `im.v1` until it misbehaves in one way; for tests only.

Every behaviour comes from a trial with servers that were broken, or meant to do harm. The peer
behaves well towards the rest of the load, so that a test sees whether the load goes on.
"""

import asyncio
import contextlib
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .fakes import Peer

EVERY = 3  # one of so many sends or connections is treated badly
FOREIGN = "10.1.2.3"
_CHUNK = b"x" * (1 << 20)


class HostilePeer(Peer):
    """Misbehaves as `behaviour` says, which is one of the methods below without `_`."""

    behaviour: str = ""
    handshakes: int = 0

    async def start(self, host: str = "127.0.0.1") -> None:
        await super().start(host)
        self._misbehaving = asyncio.create_task(self._misbehave())

    async def stop(self) -> None:
        self._misbehaving.cancel()
        await super().stop()

    # What the server does by itself, several times a second.

    async def _misbehave(self) -> None:
        action: Callable[[web.WebSocketResponse], Awaitable[Any]] | None
        action = getattr(self, "_to_all_" + self.behaviour, None)
        while action is not None:
            await asyncio.sleep(0.3)
            for socket in [socket for sockets in self.sockets.values() for socket in sockets]:
                with contextlib.suppress(ConnectionError, RuntimeError):  # the client has gone
                    await action(socket)

    async def _to_all_garbage(self, socket: web.WebSocketResponse) -> None:
        await socket.send_str("}{ no frame")

    async def _to_all_binary_garbage(self, socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x00\xff\xfe")

    async def _to_all_terminal_close(self, socket: web.WebSocketResponse) -> None:
        await socket.close(code=4503, message=b"you are all banned")

    async def _to_all_huge_gap(self, socket: web.WebSocketResponse) -> None:
        conv = next(iter(self.entries), "d.u0-0.u0-1")
        await socket.send_json({"gap": {"conv": conv, "from": 1, "to": 1 << 62}})

    async def _to_all_huge_head(self, socket: web.WebSocketResponse) -> None:
        conv = next(iter(self.entries), "d.u0-0.u0-1")
        await socket.send_json({"ping": {"heads": {conv: 1 << 40}}})

    async def _to_all_foreign_reconnect(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json({"reconnect": {"url": f"ws://{FOREIGN}:9/v1/ws", "delay_ms": 0}})

    async def _to_all_file_reconnect(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json({"reconnect": {"url": "file:///etc/passwd", "delay_ms": 0}})

    async def _to_all_unknown_name(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json({"reconnect": {"url": "ws://no.such.invalid/", "delay_ms": 0}})

    async def _to_all_fragments(self, socket: web.WebSocketResponse) -> None:
        assert socket._req is not None
        transport = socket._req.transport
        if transport is None:
            return
        for opcode in (1, *[0] * 400):  # 25 MB in one message, whose last fragment never comes
            transport.write(bytes([opcode, 127]) + (65_536).to_bytes(8) + b" " * 65_536)
            await asyncio.sleep(0)

    async def _to_all_tiny_frames(self, socket: web.WebSocketResponse) -> None:
        for _ in range(2_000):
            await socket.send_str('{"pong":{}}')

    async def _to_all_pings(self, socket: web.WebSocketResponse) -> None:
        for _ in range(2_000):
            await socket.ping()

    async def _to_all_deep_json(self, socket: web.WebSocketResponse) -> None:
        await socket.send_str('{"unknown":' + "[" * 100_000)

    async def _to_all_huge_number(self, socket: web.WebSocketResponse) -> None:
        conv = next(iter(self.entries), "d.u0-0.u0-1")
        gap = json.dumps({"gap": {"conv": conv, "from": 1, "to": 0}})
        await socket.send_str(gap[:-3] + "9" * 50_000 + "}}")

    async def _to_all_not_a_number(self, socket: web.WebSocketResponse) -> None:
        await socket.send_str('{"ping":{"heads":{"d.u0-0.u0-1":NaN}}}')

    async def _to_all_huge_delay(self, socket: web.WebSocketResponse) -> None:
        reconnect = json.dumps({"reconnect": {"url": self._socket_url, "delay_ms": 0}})
        await socket.send_str(reconnect[:-3] + "1e300}}")

    async def _to_all_wrong_utf8(self, socket: web.WebSocketResponse) -> None:
        self._write_raw(socket, b"\x81\x0c" + b'{"pong": \xff\xfe}')

    async def _to_all_compressed(self, socket: web.WebSocketResponse) -> None:
        bomb = zlib.compress(b" " * (1 << 24))[2:-4]
        self._write_raw(socket, b"\xc1\x7e" + len(bomb).to_bytes(2) + bomb)

    async def _to_all_reserved_kind(self, socket: web.WebSocketResponse) -> None:
        self._write_raw(socket, b"\x83\x05abcde")

    async def _to_all_long_ids(self, socket: web.WebSocketResponse) -> None:
        conv = next(iter(self.entries), "d.u0-0.u0-1")
        message = {"conv": conv, "seq": 1, "client_msg_id": "c", "body": "x"}
        await socket.send_json({"msg": {**message, "sender": "u" * 5_000_000}})

    async def _to_all_reconnect_flood(self, socket: web.WebSocketResponse) -> None:
        for _ in range(2_000):
            reconnect = {"url": self._socket_url, "delay_ms": 3_000_000}
            await socket.send_json({"reconnect": reconnect})

    @property
    def _socket_url(self) -> str:
        return self.url.replace("http", "ws")

    @staticmethod
    def _write_raw(socket: web.WebSocketResponse, data: bytes) -> None:
        assert socket._req is not None
        if (transport := socket._req.transport) is not None:
            transport.write(data)

    # How it answers.

    async def _send(self, request: web.Request) -> web.StreamResponse:
        answer = getattr(self, "_to_send_" + self.behaviour, None)
        if answer is None or (self.sends + 1) % EVERY:
            return await super()._send(request)
        self.sends += 1
        found: web.StreamResponse = await answer(request)
        return found

    async def _to_send_negative_ack(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"seq": -5}, status=201)

    async def _to_send_huge_ack(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"seq": 1 << 40}, status=201)

    async def _to_send_text_ack(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>welcome</html>", status=200)

    async def _to_send_foreign_redirect(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"http://{FOREIGN}/")

    async def _to_send_endless_wait(self, _: web.Request) -> web.StreamResponse:
        refusal = {"code": "busy", "message": "", "temporary": True, "stored": "no"}
        headers = {"Retry-After": "9" * 400}
        return web.json_response({"error": refusal}, status=503, headers=headers)

    async def _to_send_deep_answer(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text='{"seq":1,"unknown":' + "[" * 100_000, status=201)

    async def _to_send_redirect_nowhere(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://["})

    async def _to_send_silence(self, _: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def _to_send_slow_bytes(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(60):
            await response.write(b" ")
            await asyncio.sleep(1)
        return response

    async def _to_send_endless_body(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(_CHUNK)
        return response

    async def _history(self, request: web.Request) -> web.Response:
        change = getattr(self, "_page_" + self.behaviour, None)
        response = await super()._history(request)
        if change is None:
            return response
        page = json.loads(response.text or "{}")
        change(page, int(request.query["after"]))
        return web.json_response(page)

    def _page_huge_page_head(self, page: dict[str, Any], _after: int) -> None:
        page["head"] = 200_000_000

    def _page_repeated_pages(self, page: dict[str, Any], _after: int) -> None:
        entry = {"type": "msg", "seq": 1, "client_msg_id": "c", "sender": "u0-0", "body": "x"}
        page["messages"] = [entry] * 500

    def _page_endless_pages(self, page: dict[str, Any], after: int) -> None:
        page["messages"] = [
            {"type": "msg", "seq": seq, "client_msg_id": "c", "sender": "u0-0", "body": "x"}
            for seq in range(after + 1, after + 501)
        ]

    async def _session(self, request: web.Request) -> web.Response:
        response = await super()._session(request)
        session = json.loads(response.text or "{}")
        if self.behaviour == "foreign_login":
            session["connect"]["url"] = f"ws://{FOREIGN}:9/"
            return web.json_response(session)
        if self.behaviour == "endless_login":
            del session["expires_in_s"]
            lasts = ',"expires_in_s":1' + "0" * 400 + "}"
            return web.Response(text=json.dumps(session)[:-1] + lasts)
        return response

    def _greeting(self, user: str) -> dict[str, Any]:
        greeting = super()._greeting(user)
        if self.behaviour == "no_interval" and len(self.connects) % EVERY == 0:
            greeting["ping_ms"] = 0
        if self.behaviour == "many_rooms":
            greeting["heads"] |= {f"r.{number}": number for number in range(5_000)}
        return greeting

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        self.handshakes += 1
        if self.behaviour == "close_at_once":
            assert request.transport is not None
            request.transport.abort()
        return await super()._websocket(request)

    async def _greet(self, socket: web.WebSocketResponse, user: str) -> None:
        await super()._greet(socket, user)
        if self.behaviour == "close_after_welcome":
            await socket.close(code=1013)
        elif self.behaviour == "reconnect_loop":
            reconnect = {"url": self._socket_url, "delay_ms": 0}
            await socket.send_json({"reconnect": reconnect})
