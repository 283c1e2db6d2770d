"""The control API answers requests that are no calls with a refusal, and never with a traceback."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from gauntlet.reference_server.cluster import control_api
from gauntlet.reference_server.cluster.control_api import ControlApi

TOKEN = b"Authorization: Bearer t0k"


@pytest.fixture
async def port():
    """The port of an API without components."""
    supervisor = SimpleNamespace(components={})
    api = ControlApi(supervisor, SimpleNamespace(scaling_in=None), None, "t0k", "")
    await api.open(0)
    yield api._runner.addresses[0][1]
    await api.close()


@pytest.fixture
def send(port):
    """Sends one request as it is; returns the status of the answer."""

    async def exchange(start, *headers, body=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        length = b"Content-Length: %d" % len(body)
        head = [start + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers, length, b"", b""]
        writer.write(b"\r\n".join(head) + body)
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        return int(answer.split()[1])

    return exchange


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (b"Authorization: Bearer \xff",),
        (b"Authorization: Bearer \xc3\xa9",),
        (b"Authorization: \xf0\x9f",),
        (b"Authorization: Bearer x", TOKEN),
    ],
)
async def test_a_header_without_the_token_is_unauthorized_whatever_its_bytes(send, caplog, headers):
    with caplog.at_level(logging.ERROR):
        assert await send(b"GET /components", *headers) == 401
    assert not caplog.records


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b'{"nosuch": 1}'],
    ids=["broken", "list", "bytes", "deep-list", "deep-object", "number", "unknown-key"],
)
async def test_a_body_that_is_no_call_is_a_bad_request(send, caplog, body):
    """Some were answered with 500 and a traceback in the log."""
    with caplog.at_level(logging.ERROR):
        assert await send(b"POST /rolling", TOKEN, body=body) == 400
    assert not caplog.records


async def test_an_unknown_charset_is_ignored(send, caplog):
    kind = b"Content-Type: application/json; charset=nosuch"
    with caplog.at_level(logging.ERROR):
        assert await send(b"POST /rolling", TOKEN, kind, body=b"[]") == 400
        assert await send(b"GET /components", TOKEN, kind) == 200
    assert not caplog.records


@pytest.mark.parametrize("half", [b"", b"GET /components HTTP/1.1\r\nHost: x\r\nAuth"])
async def test_a_connection_with_half_a_head_or_none_is_closed(monkeypatch, half):
    """Connections without end would use up the descriptors of the process that starts others."""
    monkeypatch.setattr(control_api, "HEAD_TIMEOUT_S", 0.05)
    api = ControlApi(SimpleNamespace(components={}), None, None, "t0k", "")
    await api.open(0)
    reader, writer = await asyncio.open_connection(*api._runner.addresses[0][:2])
    writer.write(half)
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()
    await api.close()
