"""Client sockets: where they may go, and what they make of answers."""

import asyncio

import pytest

from gauntlet.kernel.errors import ConfigError
from scenarios.adapters.base import Request
from scenarios.transport import Gate, Http, Socket, TransportError, dial


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.9", "8.8.8.8", "0.0.0.0", "fd00::1"])
async def test_traffic_leaves_loopback_only_where_allowed(host):
    """An address that is not loopback is a bad configuration, unless the scenario names it."""
    with pytest.raises(ConfigError, match="allow_hosts"):
        await Gate([]).resolve(host)
    assert await Gate([host]).resolve(host) == host


async def test_loopback_needs_no_permission():
    """Names are judged by what they resolve to."""
    gate = Gate([])
    assert await gate.resolve("127.0.0.9") == "127.0.0.9"
    assert await gate.resolve("localhost") in ("127.0.0.1", "::1")


async def test_a_websocket_is_refused_before_it_is_dialled():
    """No address of a login answer gets around the gate."""
    socket = Socket(print, print)
    with pytest.raises(ConfigError):
        await dial(Gate([]), "ws://10.1.2.3:9/v1/ws", "im.v1.json", socket)


class Server:
    """Answers each request with the next of its replies, as raw bytes; None closes."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.connections = 0
        self.requests = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while self.replies:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split()[0])
                self.requests.append(head + await reader.readexactly(length))
                reply = self.replies.pop(0)
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def reply(body, status="200 OK", extra=""):
    """A whole HTTP response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n{body}".encode()


async def test_a_connection_is_kept_and_used_again():
    """Two requests, one connection; method, path, token and body arrive."""
    async with Server(reply("one"), reply("two", "503 X", "Retry-After: 2\r\n")) as server:
        http = Http(Gate([]))
        first = await http.request(server.url, Request("POST", "/a?b=1", b"{}", "t"), 2)
        second = await http.request(server.url, Request("GET", "/c"), 2)
        http.close()
    assert (first.status, first.body) == (200, b"one")
    assert (second.status, second.body, second.retry_after_s) == (503, b"two", 2.0)
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /a?b=1 HTTP/1.1\r\n")
    assert b"Authorization: Bearer t\r\n" in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\n{}")


async def test_no_answer_is_one_kind_of_error():
    """Refused, closed half-way, not HTTP, too late: the caller has one thing to handle."""
    async with Server(None, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"") as server:
        http = Http(Gate([]))
        for _ in range(4):
            with pytest.raises(TransportError):
                await http.request(server.url, Request("GET", "/"), 0.2)
    with pytest.raises(TransportError):
        await http.request(server.url, Request("GET", "/"), 0.2)
    assert server.connections == 4


async def test_a_connection_that_may_not_be_kept_is_not():
    """`Connection: close` is honoured."""
    close = "Connection: close\r\n"
    async with Server(reply("a", extra=close), reply("b", extra=close)) as server:
        http = Http(Gate([]))
        for _ in range(2):
            await http.request(server.url, Request("GET", "/"), 2)
    assert server.connections == 2


async def test_a_websocket_that_does_not_come_up_is_an_error():
    """A server that answers otherwise, or nothing at all."""
    async with Server(reply("no", "503 X")) as server:
        url = server.url.replace("http", "ws")
        with pytest.raises(TransportError):
            await dial(Gate([]), url, "x", Socket(print, print))
