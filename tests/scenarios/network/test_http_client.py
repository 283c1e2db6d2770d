"""The HTTP client: keep-alive, time-outs, and responses that arrive whole or in pieces."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.network.hosts import AllowedHosts, endpoint_of
from gauntlet.scenarios.network.http_client import HttpClient, _HttpConnection
from gauntlet.scenarios.network.http_messages import plain_success
from gauntlet.scenarios.network.wire import Network, TransportError, loopback_network

from ..raw_server import Server, reply


async def test_a_connection_is_reused_for_the_next_request():
    async with Server(reply("one"), reply("two", "503 X", "Retry-After: 2\r\n")) as server:
        http = HttpClient(loopback_network())
        first = await http.request(server.url, Request("POST", "/a?b=1", b"{}", "t"), 30)
        second = await http.request(server.url, Request("GET", "/c"), 30)
        http.close()
    assert (first.status, first.body) == (200, b"one")
    assert (second.status, second.body, second.retry_after_s) == (503, b"two", 2.0)
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /a?b=1 HTTP/1.1\r\n")
    assert b"Authorization: Bearer t\r\n" in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\n{}")


async def test_a_target_behind_a_proxy_is_dialled_there_under_its_own_name():
    async with Server(reply("one")) as server:
        hosts = AllowedHosts([], {"127.0.0.9:81": server.url.removeprefix("http://")})
        http = HttpClient(Network(hosts, loopback_network().tls))
        await http.request("http://127.0.0.9:81", Request("GET", "/"), 30)
        http.close()
    assert b"\r\nHost: 127.0.0.9:81\r\n" in server.requests[0]
    assert hosts.direct == set()


async def test_what_is_dialled_beside_the_proxies_is_remembered():
    async with Server(reply("one")) as server:
        hosts = AllowedHosts([], {"127.0.0.9:81": "127.0.0.1:1"})
        http = HttpClient(Network(hosts, loopback_network().tls))
        await http.request(server.url, Request("GET", "/"), 30)
        http.close()
    assert hosts.direct == {server.url.removeprefix("http://")}


async def test_every_missing_answer_is_a_transport_error():
    async with Server(None, b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"") as server:
        http = HttpClient(loopback_network())
        for _ in range(4):
            with pytest.raises(TransportError):
                await http.request(server.url, Request("GET", "/"), 0.2)
    with pytest.raises(TransportError):
        await http.request(server.url, Request("GET", "/"), 0.2)
    assert server.connections == 4


async def test_connection_close_is_honoured():
    close = "Connection: close\r\n"
    async with Server(reply("a", extra=close), reply("b", extra=close)) as server:
        http = HttpClient(loopback_network())
        for _ in range(2):
            await http.request(server.url, Request("GET", "/"), 30)
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
        connection = _HttpConnection(
            "http://x", endpoint_of("http://x"), "", 1 << 20, lambda _: None
        )
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
    (in_pieces, reusable), (whole, reusable_whole) = read(pieces), read([response])
    assert reusable == reusable_whole
    assert (in_pieces.status, in_pieces.body, in_pieces.retry_after_s, in_pieces.headers) == (
        whole.status,
        whole.body,
        whole.retry_after_s,
        whole.headers,
    )


def test_the_shortcut_accepts_only_complete_and_plain_successes():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
    assert plain_success(RESPONSES[0]) == Response(200, b"one", head=head)
    for response in (
        *RESPONSES[3:],
        RESPONSES[0][:-1],
        RESPONSES[0] + b"!",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ):
        assert plain_success(response) is None


def test_two_responses_to_one_request_end_the_connection():
    outcome, reusable = read([RESPONSES[5] + RESPONSES[5]])
    assert isinstance(outcome, Response)
    assert not reusable


async def test_closing_the_client_calls_no_callback():
    outcomes = []
    async with Server(b"", b"") as server:
        http = HttpClient(loopback_network())
        http.exchange(server.url, Request("GET", "/"), 5, outcomes.append)
        await asyncio.sleep(0.05)
        http.close()
        await asyncio.sleep(0.05)
    assert outcomes == []


async def test_concurrent_requests_use_several_connections():
    async with Server(b"", reply("b")) as server:
        http = HttpClient(loopback_network())
        stuck = asyncio.create_task(http.request(server.url, Request("GET", "/"), 30))
        async with asyncio.timeout(30):
            while not server.requests:
                await asyncio.sleep(0.01)
        assert (await http.request(server.url, Request("GET", "/"), 30)).body == b"b"
        stuck.cancel()
        http.close()
    assert server.connections == 2


async def test_a_request_times_out_although_its_connect_was_slow(monkeypatch):
    """The connect takes longer than the interval in which overdue requests are looked for."""
    async with Server(b"", b"") as server:
        http = HttpClient(loopback_network())
        resolve = AllowedHosts.resolve

        async def resolve_slowly(self, host):
            await asyncio.sleep(0.12)
            return await resolve(self, host)

        monkeypatch.setattr(AllowedHosts, "resolve", resolve_slowly)
        with pytest.raises(TransportError, match="Timeout"):
            async with asyncio.timeout(30):
                await http.request(server.url, Request("GET", "/"), 0.3)
        http.close()


async def test_a_request_sent_by_a_time_out_callback_times_out_too():
    outcomes = []
    async with Server(reply("warm"), b"", b"", b"") as server:
        http = HttpClient(loopback_network())

        def send_again(outcome):
            outcomes.append(outcome)
            if len(outcomes) < 3:
                http.exchange(server.url, Request("GET", "/"), 0.1, send_again)

        http.exchange(server.url, Request("GET", "/"), 30, send_again)
        async with asyncio.timeout(30):
            while len(outcomes) < 3:
                await asyncio.sleep(0.02)
        http.close()
    assert [isinstance(outcome, TransportError) for outcome in outcomes] == [False, True, True]


async def test_headers_travel_in_both_directions():
    answer = reply("ok", extra="X-Trace: 7\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n")
    async with Server(answer) as server:
        network = Network(
            AllowedHosts([]), loopback_network().tls, {"X-Tenant": "t1", "Origin": "o"}
        )
        http = HttpClient(network)
        request = Request("POST", "/", b"<x/>", headers={"Content-Type": "text/xml", "Origin": "p"})
        response = await http.request(server.url, request, 30)
        http.close()
    sent = server.requests[0]
    assert b"X-Tenant: t1\r\n" in sent
    assert b"Content-Type: text/xml\r\n" in sent
    assert b"application/json" not in sent
    assert b"Origin: p\r\n" in sent
    assert b"Origin: o" not in sent
    assert response.headers["x-trace"] == "7"
    assert response.headers["set-cookie"] == "a=1\nb=2"


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/", headers={"A": "b\r\nC: d"}),
        Request("GET", "/", token="t\r\nC: d"),
        Request("GET", "/a b"),
        Request("GET", "/a\r\nX: y"),
    ],
)
async def test_a_request_that_would_contain_another_one_is_not_sent(request_):
    async with Server(reply("ok")) as server:
        http = HttpClient(loopback_network())
        with pytest.raises(TransportError, match="invalid"):
            await http.request(server.url, request_, 30)
        http.close()
    assert server.connections == 0


async def test_a_redirect_is_followed_without_the_secrets_to_another_host():
    async with Server(reply("found")) as target:
        location = target.url.replace("127.0.0.1", "localhost")
        redirect = reply("", "302 Found", f"Location: {location}/new\r\n")
        async with Server(redirect) as server:
            http = HttpClient(loopback_network())
            request = Request("POST", "/old", b"{}", "secret", headers={"Cookie": "c", "X-A": "b"})
            response = await http.request(server.url, request, 30)
            http.close()
    assert response.body == b"found"
    assert target.requests[0].startswith(b"GET /new HTTP/1.1\r\n")
    assert b"secret" not in target.requests[0]
    assert b"Cookie" not in target.requests[0]
    assert b"X-A: b" in target.requests[0]


async def test_a_redirect_to_a_host_that_is_not_allowed_is_no_answer():
    redirect = reply("", "307 X", "Location: http://10.1.2.3/\r\n")
    async with Server(redirect) as server:
        http = HttpClient(loopback_network())
        with pytest.raises(TransportError, match="not on loopback"):
            await http.request(server.url, Request("GET", "/"), 30)
        http.close()


async def test_redirects_without_end_are_given_up():
    async with Server(*[reply("", "308 X", "Location: /again\r\n")] * 9) as server:
        http = HttpClient(loopback_network())
        assert (await http.request(server.url, Request("GET", "/"), 30)).status == 308
        http.close()
    assert len(server.requests) == 6


async def test_a_response_beyond_the_limit_is_no_answer():
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024
    async with Server(endless + b"\r\n400\r\n" + b"y" * 1024 + b"\r\n") as server:
        network = Network(AllowedHosts([]), loopback_network().tls, message_bytes_max=1500)
        http = HttpClient(network)
        with pytest.raises(TransportError, match="more than 1500 bytes"):
            await http.request(server.url, Request("GET", "/"), 30)
        http.close()
