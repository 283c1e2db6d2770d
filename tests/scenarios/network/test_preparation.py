"""Carrying out the requests of a preparation."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gauntlet.core.errors import StackError
from gauntlet.scenarios.adapters.base import ProtocolError, Request
from gauntlet.scenarios.network import preparation
from gauntlet.scenarios.network.preparation import carry_out
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.network.wire import loopback_network

from ..raw_server import Server, reply


async def carried_out(requests, *answers):
    """Carry out a preparation against a server with these answers; return what it received."""
    async with Server(*answers) as server:
        transport = SocketTransport(loopback_network(), [server.url], "long-poll", print)
        try:
            await carry_out(requests, transport)
        finally:
            await transport.shut()
    return [request.split()[1] for request in server.requests]


async def test_a_group_of_requests_follows_the_responses_of_the_last_one():
    seen = []

    def requests():
        responses = yield [Request("GET", "/1")]
        seen.append([response.body for response in responses])
        responses = yield []
        seen.append(list(responses))
        responses = yield [Request("GET", f"/{seen[0][0].decode()}")]
        seen.append([response.body for response in responses])

    paths = await carried_out(requests(), reply("a"), reply("b"))
    assert paths == [b"/1", b"/a"]
    assert seen == [[b"a"], [], [b"b"]]


async def test_responses_have_the_order_of_their_requests_whichever_comes_first():
    seen, open_requests, most = [], 0, 0

    async def handle(request):
        nonlocal open_requests, most
        open_requests += 1
        most = max(most, open_requests)
        await asyncio.sleep(0.02 * (20 - int(request.path[1:])) / 20)
        open_requests -= 1
        return web.Response(text=request.path)

    def requests():
        seen.extend((yield [Request("GET", f"/{number}") for number in range(20)]))

    app = web.Application()
    app.router.add_get("/{number}", handle)
    async with TestServer(app) as server:
        url = f"http://127.0.0.1:{server.port}"
        transport = SocketTransport(loopback_network(), [url], "long-poll", print)
        await carry_out(requests(), transport)
        await transport.shut()
    assert [response.body.decode() for response in seen] == [f"/{n}" for n in range(20)]
    assert 1 < most <= 8


async def test_a_temporary_failure_is_repeated():
    def requests():
        (response,) = yield [Request("GET", "/1")]
        assert response.body == b"a"

    failure = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    assert await carried_out(requests(), failure, reply("a")) == [b"/1", b"/1"]


async def test_a_response_that_the_adapter_refuses_ends_the_load():
    def requests():
        yield [Request("GET", "/1")]
        raise ProtocolError("HTTP 403")

    with pytest.raises(StackError, match="the users could not be prepared: HTTP 403"):
        await carried_out(requests(), reply("a"))


async def test_a_request_without_an_answer_ends_the_load(monkeypatch):
    monkeypatch.setattr(preparation, "_WITHIN_S", 0.1)

    def requests():
        yield [Request("POST", "/rooms?token=secret")]

    transport = SocketTransport(loopback_network(), ["http://127.0.0.1:1"], "long-poll", print)
    with pytest.raises(StackError, match="no answer to POST /rooms in"):
        await carry_out(requests(), transport)
    await transport.shut()
