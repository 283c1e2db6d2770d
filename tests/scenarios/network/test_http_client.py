"""The HTTP client: keep-alive, time-outs, and responses that arrive whole or in pieces."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.network.http_client import HttpClient, _HttpConnection, _plain_success
from gauntlet.scenarios.network.websocket import AllowedHosts, TransportError

from ..raw_server import Server, reply


async def test_a_connection_is_reused_for_the_next_request():
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


async def test_a_target_behind_a_proxy_is_dialled_there_under_its_own_name():
    async with Server(reply("one")) as server:
        gate = AllowedHosts([], {"127.0.0.9:81": server.url.removeprefix("http://")})
        http = HttpClient(gate)
        await http.request("http://127.0.0.9:81", Request("GET", "/"), 2)
        http.close()
    assert b"\r\nHost: 127.0.0.9:81\r\n" in server.requests[0]
    assert gate.direct == set()


async def test_what_is_dialled_beside_the_proxies_is_remembered():
    async with Server(reply("one")) as server:
        gate = AllowedHosts([], {"127.0.0.9:81": "127.0.0.1:1"})
        http = HttpClient(gate)
        await http.request(server.url, Request("GET", "/"), 2)
        http.close()
    assert gate.direct == {server.url.removeprefix("http://")}


async def test_a_host_behind_a_proxy_must_be_allowed_all_the_same():
    gate = AllowedHosts([], {"10.0.0.1:80": "127.0.0.1:1"})
    with pytest.raises(ConfigError, match="allow_hosts"):
        await gate.locate("10.0.0.1", 80)


async def test_every_missing_answer_is_a_transport_error():
    async with Server(None, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"") as server:
        http = HttpClient(AllowedHosts([]))
        for _ in range(4):
            with pytest.raises(TransportError):
                await http.request(server.url, Request("GET", "/"), 0.2)
    with pytest.raises(TransportError):
        await http.request(server.url, Request("GET", "/"), 0.2)
    assert server.connections == 4


async def test_connection_close_is_honoured():
    close = "Connection: close\r\n"
    async with Server(reply("a", extra=close), reply("b", extra=close)) as server:
        http = HttpClient(AllowedHosts([]))
        for _ in range(2):
            await http.request(server.url, Request("GET", "/"), 2)
    assert server.connections == 2


RESPONSES = [
    reply("one"),
    reply("", "201 Created"),
    reply("x" * 300, "200 OK", "Content-Type: a/b\r\n"),
    b"HTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    reply("busy", "503 X", "Retry-After: 2\r\n"),
    reply("last", extra="Connection: close\r\n"),
]


def read(pieces: list[bytes]) -> tuple[Response | TransportError, bool]:
    """Return the outcome of a response that arrives in pieces, and whether the connection stays."""
    outcomes: list[Response | TransportError] = []

    async def feed() -> bool:
        connection = _HttpConnection("http://x", lambda _: None)
        connection._on_outcome = outcomes.append
        for piece in pieces:
            connection.data_received(piece)
        return connection.reusable

    reusable = asyncio.run(feed())
    (outcome,) = outcomes
    return outcome, reusable


@given(st.sampled_from(RESPONSES), st.data())
def test_a_response_reads_the_same_in_one_piece_and_in_several(response, data):
    """The shortcut for plain successes and the parser must never disagree."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(response) - 1), min_size=1, max_size=4)))
    pieces = [response[a:b] for a, b in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    assert read(pieces) == read([response])


def test_the_shortcut_accepts_only_complete_and_plain_successes():
    assert _plain_success(RESPONSES[0]) == Response(200, b"one")
    for response in (
        *RESPONSES[3:],
        RESPONSES[0][:-1],
        RESPONSES[0] + b"!",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ):
        assert _plain_success(response) is None


def test_two_responses_to_one_request_end_the_connection():
    outcome, reusable = read([RESPONSES[5] + RESPONSES[5]])
    assert isinstance(outcome, Response)
    assert not reusable


async def test_closing_the_client_calls_no_callback():
    outcomes = []
    async with Server(b"", b"") as server:
        http = HttpClient(AllowedHosts([]))
        http.exchange(server.url, Request("GET", "/"), 5, outcomes.append)
        await asyncio.sleep(0.05)
        http.close()
        await asyncio.sleep(0.05)
    assert outcomes == []


async def test_concurrent_requests_use_several_connections():
    async with Server(b"", reply("b")) as server:
        http = HttpClient(AllowedHosts([]))
        stuck = asyncio.create_task(http.request(server.url, Request("GET", "/"), 1))
        await asyncio.sleep(0.05)
        assert (await http.request(server.url, Request("GET", "/"), 1)).body == b"b"
        stuck.cancel()
        http.close()
    assert server.connections == 2


async def test_a_request_times_out_although_its_connect_was_slow(monkeypatch):
    """The connect takes longer than the interval in which overdue requests are looked for."""
    async with Server(b"", b"") as server:
        http = HttpClient(AllowedHosts([]))
        resolve = AllowedHosts.resolve

        async def resolve_slowly(self, host):
            await asyncio.sleep(0.12)
            return await resolve(self, host)

        monkeypatch.setattr(AllowedHosts, "resolve", resolve_slowly)
        with pytest.raises(TransportError, match="Timeout"):
            async with asyncio.timeout(2):
                await http.request(server.url, Request("GET", "/"), 0.3)
        http.close()


async def test_a_request_sent_by_a_time_out_callback_times_out_too():
    outcomes = []
    async with Server(reply("warm"), b"", b"", b"") as server:
        http = HttpClient(AllowedHosts([]))

        def send_again(outcome):
            outcomes.append(outcome)
            if len(outcomes) < 3:
                http.exchange(server.url, Request("GET", "/"), 0.1, send_again)

        http.exchange(server.url, Request("GET", "/"), 2, send_again)
        async with asyncio.timeout(3):
            while len(outcomes) < 3:
                await asyncio.sleep(0.02)
        http.close()
    assert [isinstance(outcome, TransportError) for outcome in outcomes] == [False, True, True]
