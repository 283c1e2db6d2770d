"""Calls to other services: fail-over, and what is said when nobody answers."""

import asyncio
import contextlib
import json
import socket

import msgspec
import pytest

from gauntlet.reference_server.core.config import Config, Urls
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http.circuit_breaker import FAILURES_TO_OPEN, RETRY_EVERY_S
from gauntlet.reference_server.http.messages import Request, Response, error_response, reply
from gauntlet.reference_server.http.server import listen
from gauntlet.reference_server.http.service_client import BUNDLE_PATH, ServiceClient

SEND = Request("POST", "/v1/conversations/r.a b/messages", b"{}", {"after": "1"}, user="ann")
READ = Request("GET", "/v1/heads")


@contextlib.asynccontextmanager
async def instance(answer):
    """A service on a free port, its URL and the heads it got; `answer(writer)` says how it is.

    A connection ends when `answer` returns False.
    """
    seen, clients = [], set()

    async def client(reader, writer):
        clients.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
                await reader.readexactly(2 if seen[-1].startswith("POST") else 0)
                if not await answer(writer):
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients)


def post(user, body=b"{}"):
    """A send of a user's."""
    return Request("POST", SEND.path, body, user=user)


@contextlib.asynccontextmanager
async def served(refused=""):
    """A server of ours that takes sends and bundles of them; its URL and what it got."""
    seen, stop = [], asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = Config(name="x", services=("message",), port=port, secret="s", internal_token="t")

    async def handle(request):
        seen.append(request)
        if request.path != BUNDLE_PATH:
            return reply({"user": request.headers["x-user"]})
        sends = msgspec.msgpack.decode(request.body, type=list[Request])
        answers = [
            error_response(ApiError("forbidden", "no"))
            if each.user == refused
            else reply({"user": each.user})
            for each in sends
        ]
        return Response(200, msgspec.msgpack.encode(answers))

    serving = asyncio.create_task(listen(handle, config, Metrics(), stop))
    await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{port}", seen
    finally:
        stop.set()
        await serving


async def accept(writer):
    """Say 201."""
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\n{}")
    await writer.drain()
    return True


async def refuse(writer):
    """Say 403 in the protocol's form."""
    body = ApiError("forbidden", "not yours").body()
    writer.write(b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    return True


async def hang_up(writer):
    """Take the request, say nothing."""
    return False


async def hang(writer):
    """Take the request and think about it."""
    await asyncio.sleep(5)


async def free_url():
    """An address at which nobody listens."""
    async with instance(accept) as (url, _):
        return url


@pytest.fixture
async def connect():
    """`connect(url, ...)`: calls to instances of the message service."""
    opened = []

    def make(*urls, timeout_ms=2000):
        opened.append(ServiceClient(Urls(message=urls), "token", timeout_ms))
        return opened[-1]

    yield make
    for calls in opened:
        await calls.close()


async def test_a_remote_call_carries_everything(connect):
    """Path, query, the caller's name and the proof that we are one of ours; the answer whole."""
    async with instance(accept) as (url, seen):
        response = await connect(url).call("message", SEND)
    assert response == Response(201, b"{}", {"retry-after": "7"})
    [head] = seen
    assert head.startswith("POST /v1/conversations/r.a%20b/messages?after=1 HTTP/1.1\r\n")
    assert "x-internal: token\r\n" in head
    assert "x-user: ann\r\n" in head


async def test_a_service_beside_us_is_called_directly(connect):
    """Without a socket, though there is an address."""
    calls = connect("http://127.0.0.1:1")

    async def here(request):
        return reply({"user": request.user})

    calls.local["message"] = here
    assert (await calls.call("message", SEND)).body == b'{"user":"ann"}'


async def test_an_instance_that_cannot_be_reached_is_skipped(connect):
    """For writes too: nothing has arrived there."""
    async with instance(accept) as (url, seen):
        calls = connect(await free_url(), url)
        for _ in range(4):
            assert (await calls.call("message", SEND)).status == 201
    assert len(seen) == 4


async def test_nobody_there_is_a_definite_failure(connect):
    """No instance took the request."""
    with pytest.raises(ApiError) as raised:
        await connect(await free_url()).call("message", SEND)
    assert (raised.value.code, raised.value.stored) == ("unavailable", "no")


async def test_no_instance_configured_is_a_definite_failure(connect):
    """As if nobody were there."""
    with pytest.raises(ApiError) as raised:
        await connect().call("message", SEND)
    assert (raised.value.code, raised.value.stored) == ("unavailable", "no")


async def test_a_write_that_broke_off_is_unknown_and_not_repeated(connect):
    """It may be done; only its caller knows whether doing it again does harm."""
    async with instance(hang_up) as (broken, _), instance(accept) as (url, seen):
        calls = connect(url, broken)
        with pytest.raises(ApiError) as raised:
            await calls.call("message", Request("PUT", "/v1/rooms/r.x/members/messages"))
    assert (raised.value.code, raised.value.stored) == ("unavailable", "unknown")
    assert seen == []


async def test_a_send_that_broke_off_is_sent_elsewhere(connect):
    """Its identity keeps it from being stored twice."""
    async with instance(hang_up) as (broken, heads), instance(accept) as (url, seen):
        assert (await connect(url, broken).call("message", SEND)).status == 201
    assert (len(heads), len(seen)) == (1, 1)


async def test_sends_of_one_turn_go_together_and_are_answered_each_on_its_own(connect):
    """One call for as many as a body holds; large and lone ones go as they are."""
    async with served() as (url, seen):
        calls = connect(url)
        lone = await calls.send(post("ann"))
        assert (lone.body, [call.path for call in seen]) == (b'{"user":"ann"}', [SEND.path])
        seen.clear()
        users = [f"u{number}" for number in range(100)]
        sends = [calls.send(post(user)) for user in users]
        answers = await asyncio.gather(*sends, calls.send(post("bob", b"x" * 2_000)))
    assert [json.loads(each.body)["user"] for each in answers] == [*users, "bob"]
    assert sorted(call.path for call in seen) == [BUNDLE_PATH, BUNDLE_PATH, SEND.path]
    assert max(len(call.body) for call in seen) < 65_536


async def test_sends_that_went_together_fail_each_on_its_own(connect):
    """Nobody there: nothing is stored. Refused by the second who was asked: nobody knows."""
    calls = connect(await free_url())
    sends = [calls.send(post("ann")), calls.send(post("bob"))]
    for error in await asyncio.gather(*sends, return_exceptions=True):
        assert (error.code, error.stored) == ("unavailable", "no")
    async with instance(hang_up) as (broken, _), served(refused="bob") as (url, _):
        calls = connect(url, broken)
        accepted, refused = await asyncio.gather(calls.send(post("ann")), calls.send(post("bob")))
    assert accepted.status == 200
    error = json.loads(refused.body)["error"]
    assert (refused.status, error["code"], error["stored"]) == (403, "forbidden", "unknown")


async def test_a_refusal_after_a_send_that_broke_off_is_unknown(connect):
    """The second refused it for sure; the first may have stored it."""
    async with instance(hang_up) as (broken, _), instance(refuse) as (url, _):
        response = await connect(url, broken).call("message", SEND)
    error = json.loads(response.body)["error"]
    assert (response.status, error["code"], error["stored"]) == (403, "forbidden", "unknown")


async def test_a_send_to_a_silent_instance_is_sent_elsewhere_in_time(connect):
    """A paused process costs a part of the time, not all of it."""
    async with instance(hang) as (silent, _), instance(accept) as (url, seen):
        assert (await connect(url, silent, timeout_ms=600).call("message", SEND)).status == 201
    assert len(seen) == 1


async def test_a_slow_instance_that_answers_others_is_waited_for(connect):
    """Load is not doubled because there is much of it."""
    slow = asyncio.Event()

    async def slowly(writer):
        if not slow.is_set():
            slow.set()
            await asyncio.sleep(0.6)
        return await accept(writer)

    async with instance(slowly) as (busy, heads), instance(accept) as (url, seen):
        calls = connect(url, busy, timeout_ms=1500)
        first = asyncio.create_task(calls.call("message", SEND))
        await slow.wait()
        for _ in range(4):
            await calls.call("message", SEND)
        assert (await first).status == 201
    assert (len(heads), len(seen)) == (3, 2)


async def test_a_service_that_hangs_is_not_asked_again_and_again(connect):
    """After a few calls without an answer the next ones fail at once, and nothing is stored."""
    async with instance(hang) as (url, heads):
        calls = connect(url, timeout_ms=50)
        assert not calls.is_open("message")
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ApiError):
                await calls.call("message", SEND)
        assert calls.is_open("message")
        with pytest.raises(ApiError) as raised:
            await calls.call("message", SEND)
    assert (raised.value.code, raised.value.stored) == ("unavailable", "no")
    assert raised.value.headers() == {"retry-after": "1"}
    assert len(heads) == FAILURES_TO_OPEN


async def test_a_service_that_answers_again_is_asked_again(connect):
    """One call tries after a rest, and closes the breaker."""
    broken = [hang_up] * FAILURES_TO_OPEN

    async def recovering(writer):
        return await (broken.pop() if broken else accept)(writer)

    async with instance(recovering) as (url, _):
        calls = connect(url)
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ApiError):
                await calls.call("message", SEND)
        await asyncio.sleep(RETRY_EVERY_S)
        assert (await calls.call("message", SEND)).status == 201
        assert not calls.is_open("message")


async def test_a_read_that_broke_off_is_asked_elsewhere(connect):
    """Reading twice does no harm."""
    async with instance(hang_up) as (broken, _), instance(accept) as (url, _):
        assert (await connect(url, broken).call("message", READ)).status == 201


@pytest.mark.parametrize(("request_", "stored"), [(SEND, "unknown"), (READ, "no")])
async def test_a_slow_service_is_a_timeout(connect, request_, stored):
    """Bounded, and unknown for a write."""
    async with instance(hang) as (url, _):
        with pytest.raises(ApiError) as raised:
            await connect(url, timeout_ms=50).call("message", request_)
    assert (raised.value.code, raised.value.stored) == ("timeout", stored)


async def test_asking_gives_a_value_or_the_services_own_error(connect):
    """What the other side said is raised here as it was there."""
    async with instance(accept) as (url, _):
        assert await connect(url).request("message", "GET", "/x", dict[str, int], limit=5) == {}
    async with instance(refuse) as (url, _):
        with pytest.raises(ApiError, match="not yours") as raised:
            await connect(url).request("message", "POST", "/x", dict[str, int], body=[])
    assert (raised.value.status, raised.value.stored) == (403, "no")
