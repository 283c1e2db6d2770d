"""The transport `long-poll`: one request after the other."""

import asyncio
from itertools import count

from gauntlet.scenarios.adapters.base import Request
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.long_poll import LongPoll
from gauntlet.scenarios.network.wire import Listener, loopback_network

from ..raw_server import Server, reply


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def polled(server, on_response=None):
    """Start polling; return the poll, its responses and its end."""
    http, numbers = HttpClient(loopback_network()), count(1)
    responses, closed = [], []
    listener = Listener(
        print,
        on_response or responses.append,
        lambda code, reason: closed.append((code, reason)),
    )
    dial = Dial(
        server.url, next_request=lambda: Request("GET", f"/poll/{next(numbers)}", timeout_s=30)
    )
    poll = LongPoll(http, dial, listener)
    poll.start()
    return poll, responses, closed


async def test_polls_follow_each_other_until_one_has_no_answer():
    async with Server(reply("a"), reply("b"), None) as server:
        _, responses, closed = await polled(server)
        await until(lambda: closed)
    assert [response.body for response in responses] == [b"a", b"b"]
    assert [request.split()[1] for request in server.requests] == [
        b"/poll/1", b"/poll/2", b"/poll/3",
    ]  # fmt: skip
    assert closed[0][0] == 1006


async def test_a_paused_poll_is_resumed():
    async with Server(reply("a"), reply("b"), b"") as server:
        poll, responses, _ = await polled(server)
        poll.read(on=False)
        await until(lambda: responses)
        await asyncio.sleep(0.1)
        assert len(responses) == 1
        poll.read(on=True)
        await until(lambda: len(responses) == 2)
        poll.abort()


async def test_closing_stops_the_polls_and_is_reported_once():
    async with Server(reply("a"), b"") as server:
        poll, responses, closed = await polled(server)
        await until(lambda: responses)
        poll.close()
        poll.abort()
        await until(lambda: closed)
        await asyncio.sleep(0.1)
    assert closed == [(1000, "")]
    assert len(server.requests) <= 2
