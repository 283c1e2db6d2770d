"""Calls over HTTP and over the connection, which look alike to the caller."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.base import OverHttp, OverSocket, ProtocolError, Request
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.requests import RequestChannel

from ..world import ANN


@pytest.fixture
def request_channel(world):
    """Ann's requests, with an open connection."""
    channel = RequestChannel(world.context, ANN, 0)
    channel.connection = Connection(None, "", 0, number=7)
    return channel


def test_a_call_over_http_ends_with_its_value_or_none(world, request_channel):
    """A refusal and a missing answer are both None."""
    answers = []

    def read(response):
        if response.status != 200:
            raise ProtocolError("refused")
        return response.body

    for _ in range(3):
        request_channel.call(OverHttp(Request("GET", "/x"), read), 5, answers.append)
    world.take().answer(200, {})
    world.take().answer(403, {})
    world.take().fail()
    assert answers == [b"{}", None, None]


def test_a_call_over_the_connection_ends_once_by_its_answer_or_its_time_out(world, request_channel):
    answers = []
    for ticket in ("a", "b"):
        request_channel.call(
            OverSocket(ticket, (b'{"x":1}', b'{"y":2}')), 50_000_000, answers.append
        )
    assert world.sent(request_channel.connection) == [{"x": 1}, {"y": 2}] * 2
    request_channel.complete("b", "yes")
    request_channel.complete("b", "again")
    request_channel.complete("unknown", "yes")
    assert answers == ["yes"]
    world.pass_ms(60)
    assert answers == ["yes", None]


def test_a_call_without_a_connection_sends_nothing_and_waits(world, request_channel):
    request_channel.connection = None
    answers = []
    request_channel.call(OverSocket("a", (b"{}",)), 50_000_000, answers.append)
    assert (world.frames, answers) == ([], [])
    assert request_channel.connection_number == 7


def test_repeated_failures_of_one_gateway_change_the_address_once(world, request_channel):
    world.context.api[:] = ["ws://a", "ws://b"]
    assert request_channel.target_address == "ws://a"
    request_channel.switch_gateway(0)
    request_channel.switch_gateway(0)
    assert request_channel.target_address == "ws://b"


def test_each_call_times_out_at_its_own_deadline(world, request_channel):
    ended = []
    for ticket, wait_ms in (("b", 60), ("c", 90), ("a", 30), ("d", 90)):
        request_channel.call(
            OverSocket(ticket, ()), wait_ms * 1_000_000, lambda _, t=ticket: ended.append(t)
        )
    request_channel.complete("d", "in time")
    seen = []
    for _ in range(3):
        world.pass_ms(20)
        seen.append(sorted(ended))
        world.pass_ms(10)
        seen.append(sorted(ended))
    assert seen == [["d"], ["a", "d"], ["a", "d"], ["a", "b", "d"], ["a", "b", "d"], [*"abcd"]]


def test_a_codec_of_another_class_is_refused_with_its_name(world):
    """On both builds: the compiled engine could not call it."""

    class Duck(type(world.context.adapter)):
        def codec(self, account, device):
            return {"open": None}

    world.context.adapter = Duck({})
    with pytest.raises(ConfigError, match=r"^Duck\.codec returns a dict, which is no base\.Codec$"):
        RequestChannel(world.context, ANN, 0)
