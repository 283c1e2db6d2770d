"""The transport `sse`: the format of events, and streams over HTTP."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.adapters.base import Request
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network import event_stream
from gauntlet.scenarios.network.event_stream import EventParser
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.wire import Listener, Network, TransportError, loopback_network

from ..raw_server import Server, reply

STREAM = (
    b": a comment\n\n"
    b"data: first\n\n"
    b"event: message-sent\r\nid: 7\r\ndata:two\r\ndata: lines\r\n\r\n"
    b"retry: 10\rdata: third\r\r"
    b"event: empty\n\n"
    b"data: last\n\n"
)
EVENTS = [
    (b"first", "message", ""),
    (b"two\nlines", "message-sent", "7"),
    (b"third", "message", "7"),
    (b"last", "message", "7"),
]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def described(events):
    return [(bytes(event), event.event, event.id) for event in events]


@given(st.data())
def test_events_are_the_same_however_the_bytes_arrive(data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(STREAM)), max_size=6)))
    pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]
    parser = EventParser()
    assert described(event for piece in pieces for event in parser.feed(piece)) == EVENTS


class Heard:
    """What a listener was passed."""

    def __init__(self):
        self.frames, self.closed = [], []
        self.listener = Listener(
            self.frames.append, print, lambda code, reason: self.closed.append((code, reason))
        )


def dial_to(server):
    request = Request("GET", "/events?since=3", token="t")
    return Dial(server.url, {"X-User": "ann"}, next_request=lambda: request)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_stream_passes_on_its_events_and_its_end():
    heard = Heard()
    async with Server(HEAD + chunk(STREAM[:60]) + chunk(STREAM[60:]) + chunk(b"")) as server:
        _, response = await event_stream.dial(loopback_network(), dial_to(server), heard.listener)
        await until(lambda: heard.closed)
    assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
    assert described(heard.frames) == EVENTS
    assert heard.closed == [(1006, "the server has ended the stream")]
    (request,) = server.requests
    assert request.startswith(b"GET /events?since=3 HTTP/1.1\r\n")
    for line in (b"Accept: text/event-stream", b"X-User: ann", b"Authorization: Bearer t"):
        assert line + b"\r\n" in request


async def test_an_answer_that_is_no_stream_names_status_and_body():
    async with Server(reply("who are you", "403 Forbidden")) as server:
        with pytest.raises(TransportError, match="HTTP 403 who are you"):
            await event_stream.dial(loopback_network(), dial_to(server), Heard().listener)


async def test_an_endless_event_ends_the_stream():
    heard = Heard()
    network = Network(AllowedHosts([]), loopback_network().tls, message_bytes_max=500)
    async with Server(HEAD + chunk(b"data: " + b"x" * 1000)) as server:
        await event_stream.dial(network, dial_to(server), heard.listener)
        await until(lambda: heard.closed)
    assert heard.closed == [(1006, "an event of more than 500 bytes")]


async def test_closing_passes_the_normal_code_on():
    heard = Heard()
    async with Server(HEAD) as server:
        stream, _ = await event_stream.dial(loopback_network(), dial_to(server), heard.listener)
        stream.close()
        await until(lambda: heard.closed)
    assert heard.closed == [(1000, "")]
