"""The HTTP client: what it makes of answers, whole or in pieces."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.network.http_client import HttpClient, _HttpConnection, _plain_success
from gauntlet.scenarios.network.websocket import AllowedHosts, TransportError

from ..raw_server import Server, reply


async def test_a_connection_is_kept_and_used_again():
    """Two requests, one connection; method, path, token and body arrive."""
    async with Server(reply("one"), reply("two", "503 X", "Retry-After: 2\r\n")) as server:
        http = HttpClient(AllowedHosts([]))
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
        http = HttpClient(AllowedHosts([]))
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
        http = HttpClient(AllowedHosts([]))
        for _ in range(2):
            await http.request(server.url, Request("GET", "/"), 2)
    assert server.connections == 2


ANSWERS = [
    reply("one"),
    reply("", "201 Created"),
    reply("x" * 300, "200 OK", "Content-Type: a/b\r\n"),
    b"HTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    reply("busy", "503 X", "Retry-After: 2\r\n"),
    reply("last", extra="Connection: close\r\n"),
]


def read(pieces: list[bytes]) -> tuple[Response | TransportError, bool]:
    """What a connection makes of an answer that comes in pieces, and whether it can be kept."""
    outcomes: list[Response | TransportError] = []

    async def feed() -> bool:
        connection = _HttpConnection("http://x", lambda _: None)
        connection._on_outcome = outcomes.append
        for piece in pieces:
            connection.data_received(piece)
        return connection.reusable

    kept = asyncio.run(feed())
    (outcome,) = outcomes
    return outcome, kept


@given(st.sampled_from(ANSWERS), st.data())
def test_an_answer_is_the_same_in_one_piece_and_in_several(answer, data):
    """The short way for plain successes and the parser never disagree."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer) - 1), min_size=1, max_size=4)))
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    assert read(pieces) == read([answer])


def test_the_short_way_is_for_plain_successes_only():
    """What says more than its length, or is not whole, or is no success, goes to the parser."""
    assert _plain_success(ANSWERS[0]) == Response(200, b"one")
    for answer in (*ANSWERS[3:], ANSWERS[0][:-1], ANSWERS[0] + b"!", b"HTTP/1.1 200 OK\r\n\r\n"):
        assert _plain_success(answer) is None


def test_an_answer_too_many_ends_the_connection():
    """Two answers to one request: the next request must not be given the second."""
    outcome, kept = read([ANSWERS[5] + ANSWERS[5]])
    assert isinstance(outcome, Response)
    assert not kept


async def test_nobody_is_told_of_what_was_closed():
    """A load that ends hears no more of what it still waited for."""
    heard = []
    async with Server(b"", b"") as server:
        http = HttpClient(AllowedHosts([]))
        http.exchange(server.url, Request("GET", "/"), 5, heard.append)
        await asyncio.sleep(0.05)
        http.close()
        await asyncio.sleep(0.05)
    assert heard == []


async def test_requests_do_not_wait_for_each_other():
    """One at a time on a connection, and a connection more where all are busy."""
    async with Server(b"", reply("b")) as server:
        http = HttpClient(AllowedHosts([]))
        stuck = asyncio.create_task(http.request(server.url, Request("GET", "/"), 1))
        await asyncio.sleep(0.05)
        assert (await http.request(server.url, Request("GET", "/"), 1)).body == b"b"
        stuck.cancel()
        http.close()
    assert server.connections == 2


async def test_a_slow_connect_does_not_switch_time_outs_off(monkeypatch):
    """A request whose connection took longer than a sweep, and is never answered, ends in time."""
    async with Server(b"", b"") as server:
        http = HttpClient(AllowedHosts([]))
        resolve = AllowedHosts.resolve

        async def slowly(self, host):
            await asyncio.sleep(0.12)
            return await resolve(self, host)

        monkeypatch.setattr(AllowedHosts, "resolve", slowly)
        with pytest.raises(TransportError, match="Timeout"):
            async with asyncio.timeout(2):
                await http.request(server.url, Request("GET", "/"), 0.3)
        http.close()


async def test_a_request_made_on_a_time_out_has_one_of_its_own():
    """Whoever hears of a time-out asks again at once, on a connection that is there already."""
    outcomes = []
    async with Server(reply("warm"), b"", b"", b"") as server:
        http = HttpClient(AllowedHosts([]))

        def again(outcome):
            outcomes.append(outcome)
            if len(outcomes) < 3:
                http.exchange(server.url, Request("GET", "/"), 0.1, again)

        http.exchange(server.url, Request("GET", "/"), 2, again)
        async with asyncio.timeout(3):
            while len(outcomes) < 3:
                await asyncio.sleep(0.02)
        http.close()
    assert [isinstance(each, TransportError) for each in outcomes] == [False, True, True]
