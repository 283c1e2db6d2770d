"""The API of the proxy while a client is slow; the contract tests cover what it does."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gauntlet.chaos.proxy import api, server
from gauntlet.chaos.proxy.collection import Proxies


@pytest.fixture
async def client():
    """A client of the API."""
    async with TestClient(TestServer(api.application(Proxies(seed=0)))) as client:
        yield client


async def test_a_half_sent_request_does_not_hold_up_the_others(client, monkeypatch):
    """Calls are processed one after the other, but only once they have arrived."""
    limits = []

    def timeout(seconds):
        limits.append(asyncio.timeout(seconds))
        return limits[-1]

    monkeypatch.setattr(api, "BODY_TIMEOUT_S", 60.0)
    monkeypatch.setattr(api, "asyncio", SimpleNamespace(timeout=timeout))

    async def half():
        yield b'{"name": '
        assert (await client.get("/version")).status == 200
        async with client.get("/proxies") as answer:
            assert await answer.json() == {}
        answered.append("while the body is incomplete")
        limits[0].reschedule(asyncio.get_running_loop().time())
        while True:  # until the server has closed the connection
            yield b" "
            await asyncio.sleep(0.05)

    answered = []
    try:
        async with client.post("/proxies", data=half()) as answer:
            assert answer.status == 408
    except OSError:
        pass  # closed while the client was still sending
    assert answered == ["while the body is incomplete"]
    async with client.get("/proxies") as answer:
        assert await answer.json() == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_in_a_browser_cannot_control_the_proxy(client, method):
    """A page of any site can send such requests to loopback; all browsers name themselves so."""
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    proxy = {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
    async with client.request(method, "/proxies", json=proxy, headers=browser) as answer:
        assert answer.status == 403
    async with client.get("/proxies") as answer:
        assert await answer.json() == {}


@pytest.mark.parametrize("half", [b"", b"GET /proxies HTTP/1.1\r\nHos"])
async def test_a_connection_with_half_a_head_or_none_is_closed(monkeypatch, half):
    monkeypatch.setattr(server, "_HEAD_TIMEOUT_S", 0.05)
    runner = server._runner(Proxies(seed=0))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    writer.write(half)
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()
    await runner.cleanup()
