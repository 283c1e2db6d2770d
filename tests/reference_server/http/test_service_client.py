"""Calls to other services: fail-over, bundles, and errors when no instance answers."""

import asyncio
import contextlib
import json

import msgspec
import pytest

from gauntlet.reference_server.core.config import Config, Urls
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http import circuit_breaker
from gauntlet.reference_server.http.circuit_breaker import FAILURES_TO_OPEN, RETRY_EVERY_S
from gauntlet.reference_server.http.messages import Request, Response, error_response, reply
from gauntlet.reference_server.http.server import Listener, listen
from gauntlet.reference_server.http.service_client import BUNDLE_PATH, ServiceClient
from gauntlet.stacks.free_port import free_port

SEND = Request("POST", "/v1/conversations/r.a b/messages", b"{}", {"after": "1"}, user="ann")
READ = Request("GET", "/v1/heads")


@contextlib.asynccontextmanager
async def instance(answer):
    """Run a service on a free port; yield its URL and the request heads that it received.

    `answer(writer)` answers a request; the connection ends when it returns False.
    """
    received, clients = [], set()

    async def serve_client(reader, writer):
        clients.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                received.append((await reader.readuntil(b"\r\n\r\n")).decode())
                await reader.readexactly(2 if received[-1].startswith("POST") else 0)
                if not await answer(writer):
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve_client, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received
    finally:
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients)


def post(user, body=b"{}"):
    """Return a send of a user."""
    return Request("POST", SEND.path, body, user=user)


@contextlib.asynccontextmanager
async def message_server(refused=""):
    """Run a server that accepts sends and bundles; yield its URL and the requests it received."""
    received, stop = [], asyncio.Event()
    port = free_port()
    config = Config(name="x", services=("message",), port=port, secret="s", internal_token="t")

    async def handle(request):
        received.append(request)
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

    serving = asyncio.create_task(listen([Listener(config.port, handle)], config, Metrics(), stop))
    await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{port}", received
    finally:
        stop.set()
        await serving


async def accept(writer):
    """Answer with 201."""
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\n{}")
    await writer.drain()
    return True


async def refuse(writer):
    """Answer with 403 in the protocol's format."""
    body = ApiError("forbidden", "not yours").body()
    writer.write(b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    return True


async def hang_up(writer):
    """Take the request and close without an answer."""
    return False


async def hang(writer):
    """Take the request and answer too late."""
    await asyncio.sleep(5)


async def free_url():
    """Return a URL at which nothing listens."""
    async with instance(accept) as (url, _):
        return url


@pytest.fixture
async def connect():
    """`connect(url, ...)` returns a client for instances of the message service."""
    opened = []

    def make(*urls, timeout_ms=2000):
        opened.append(ServiceClient(Urls(message=urls), "token", timeout_ms))
        return opened[-1]

    yield make
    for client in opened:
        await client.close()


async def test_a_remote_call_carries_path_query_user_and_internal_token(connect):
    async with instance(accept) as (url, received):
        response = await connect(url).call("message", SEND)
    assert response == Response(201, b"{}", {"retry-after": "7"})
    [head] = received
    assert head.startswith("POST /v1/conversations/r.a%20b/messages?after=1 HTTP/1.1\r\n")
    assert "x-internal: token\r\n" in head
    assert "x-user: ann\r\n" in head


async def test_a_local_service_is_called_without_a_socket(connect):
    client = connect("http://127.0.0.1:1")

    async def handle_locally(request):
        return reply({"user": request.user})

    client.local["message"] = handle_locally
    assert (await client.call("message", SEND)).body == b'{"user":"ann"}'


async def test_an_unreachable_instance_is_skipped(connect):
    """This holds for writes too, because nothing has arrived there."""
    async with instance(accept) as (url, received):
        client = connect(await free_url(), url)
        for _ in range(4):
            assert (await client.call("message", SEND)).status == 201
    assert len(received) == 4


async def test_an_unreachable_service_means_definitely_not_stored(connect):
    with pytest.raises(ApiError) as raised:
        await connect(await free_url()).call("message", SEND)
    assert (raised.value.code, raised.value.stored) == ("unavailable", "no")


async def test_a_service_without_instances_means_definitely_not_stored(connect):
    with pytest.raises(ApiError) as raised:
        await connect().call("message", SEND)
    assert (raised.value.code, raised.value.stored) == ("unavailable", "no")


async def test_a_broken_off_write_is_unknown_and_not_repeated(connect):
    """Only the caller knows whether a repetition does harm."""
    async with instance(hang_up) as (broken, _), instance(accept) as (url, received):
        client = connect(url, broken)
        with pytest.raises(ApiError) as raised:
            await client.call("message", Request("PUT", "/v1/rooms/r.x/members/messages"))
    assert (raised.value.code, raised.value.stored) == ("unavailable", "unknown")
    assert received == []


async def test_a_broken_off_send_is_repeated_at_another_instance(connect):
    """Its identity prevents storing it twice."""
    async with instance(hang_up) as (broken, heads), instance(accept) as (url, received):
        assert (await connect(url, broken).call("message", SEND)).status == 201
    assert (len(heads), len(received)) == (1, 1)


async def test_sends_of_one_loop_iteration_share_a_call(connect):
    """A bundle holds as many as a body may; large sends and single ones travel alone."""
    async with message_server() as (url, received):
        client = connect(url)
        lone = await client.send(post("ann"))
        assert (lone.body, [call.path for call in received]) == (b'{"user":"ann"}', [SEND.path])
        received.clear()
        users = [f"u{number}" for number in range(100)]
        sends = [client.send(post(user)) for user in users]
        answers = await asyncio.gather(*sends, client.send(post("bob", b"x" * 2_000)))
    assert [json.loads(each.body)["user"] for each in answers] == [*users, "bob"]
    assert sorted(call.path for call in received) == [BUNDLE_PATH, BUNDLE_PATH, SEND.path]
    assert max(len(call.body) for call in received) < 65_536


async def test_bundled_sends_fail_individually(connect):
    """A refusal by the second instance is unknown, because the first may have stored the send."""
    client = connect(await free_url())
    sends = [client.send(post("ann")), client.send(post("bob"))]
    for error in await asyncio.gather(*sends, return_exceptions=True):
        assert (error.code, error.stored) == ("unavailable", "no")
    async with instance(hang_up) as (broken, _), message_server(refused="bob") as (url, _):
        client = connect(url, broken)
        accepted, refused = await asyncio.gather(client.send(post("ann")), client.send(post("bob")))
    assert accepted.status == 200
    error = json.loads(refused.body)["error"]
    assert (refused.status, error["code"], error["stored"]) == (403, "forbidden", "unknown")


async def test_a_refusal_after_a_broken_off_send_is_unknown(connect):
    """The second instance refused it, but the first may have stored it."""
    async with instance(hang_up) as (broken, _), instance(refuse) as (url, _):
        response = await connect(url, broken).call("message", SEND)
    error = json.loads(response.body)["error"]
    assert (response.status, error["code"], error["stored"]) == (403, "forbidden", "unknown")


async def test_a_send_to_a_silent_instance_is_repeated_within_the_time_limit(connect):
    async with instance(hang) as (silent, _), instance(accept) as (url, received):
        assert (await connect(url, silent, timeout_ms=3000).call("message", SEND)).status == 201
    assert len(received) == 1


async def test_a_slow_instance_that_answers_other_calls_is_waited_for(connect):
    """A repeated call would add to the load."""
    slow = asyncio.Event()

    async def slowly(writer):
        if not slow.is_set():
            slow.set()
            await asyncio.sleep(1.2)  # longer than a third of the time limit
        return await accept(writer)

    async with instance(slowly) as (busy, heads), instance(accept) as (url, received):
        client = connect(url, busy, timeout_ms=3000)
        first = asyncio.create_task(client.call("message", SEND))
        await slow.wait()
        for _ in range(4):
            await client.call("message", SEND)
        assert (await first).status == 201
    assert (len(heads), len(received)) == (3, 2)


async def test_calls_to_a_hanging_service_soon_fail_immediately(connect, monkeypatch):
    monkeypatch.setattr(circuit_breaker, "RETRY_EVERY_S", 60.0)
    async with instance(hang) as (url, heads):
        client = connect(url, timeout_ms=50)
        assert not client.is_open("message")
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ApiError):
                await client.call("message", SEND)
        assert client.is_open("message")
        with pytest.raises(ApiError) as raised:
            await client.call("message", SEND)
    assert (raised.value.code, raised.value.stored) == ("unavailable", "no")
    assert raised.value.headers() == {"retry-after": "1"}
    assert len(heads) <= FAILURES_TO_OPEN  # a call may end before it was sent


async def test_one_successful_call_after_the_interval_closes_the_breaker(connect):
    broken = [hang_up] * FAILURES_TO_OPEN

    async def recovering(writer):
        return await (broken.pop() if broken else accept)(writer)

    async with instance(recovering) as (url, _):
        client = connect(url)
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ApiError):
                await client.call("message", SEND)
        await asyncio.sleep(RETRY_EVERY_S)
        assert (await client.call("message", SEND)).status == 201
        assert not client.is_open("message")


async def test_a_broken_off_read_is_repeated_at_another_instance(connect):
    async with instance(hang_up) as (broken, _), instance(accept) as (url, _):
        assert (await connect(url, broken).call("message", READ)).status == 201


@pytest.mark.parametrize(("request_", "stored"), [(SEND, "unknown"), (READ, "no")])
async def test_a_slow_service_is_a_timeout_with_unknown_outcome_for_writes(
    connect, request_, stored
):
    async with instance(hang) as (url, _):
        with pytest.raises(ApiError) as raised:
            await connect(url, timeout_ms=500).call("message", request_)
    assert (raised.value.code, raised.value.stored) == ("timeout", stored)


async def test_request_returns_the_decoded_value_or_raises_the_services_error(connect):
    async with instance(accept) as (url, _):
        assert await connect(url).request("message", "GET", "/x", dict[str, int], limit=5) == {}
    async with instance(refuse) as (url, _):
        with pytest.raises(ApiError, match="not yours") as raised:
            await connect(url).request("message", "POST", "/x", dict[str, int], body=[])
    assert (raised.value.status, raised.value.stored) == (403, "no")
