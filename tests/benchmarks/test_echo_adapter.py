"""The adapter with which the load benchmarks use the echo server."""

import pytest

from benchmarks.echo_adapter import ADAPTER, HELLO, Echo
from gauntlet.scenarios import adapters
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Account

CONV = "e.u0-0"


@pytest.fixture
def codec():
    """The codec of a session that has sent hello."""
    return Echo({}).codec(Account(name="u0-0"), "d0")


def test_the_adapter_is_found_by_its_import_path():
    assert adapters.find(ADAPTER) is Echo


def test_the_echo_of_hello_is_connected(codec):
    assert isinstance(codec.read(codec.open({})), base.Connected)


def test_an_echo_is_the_acknowledgement_and_the_delivery_in_send_order(codec):
    frames = [codec.send(CONV, name, f"body {name}").frames[0] for name in ("a", "b")]
    answer, entry = codec.read(frames[0]).events
    assert answer == base.Answer("a", base.Sent("yes", 1))
    assert entry == base.Entry(CONV, 1, "u0-0", "body a", "a")
    assert codec.read(frames[1]).events[0] == base.Answer("b", base.Sent("yes", 2))


def test_an_echo_without_a_send_is_a_protocol_error(codec):
    """Also after a lost connection, whose sends are not answered on the next one."""
    codec.send(CONV, "a", "x")
    codec.lost()
    with pytest.raises(base.ProtocolError):
        codec.read(b"x")
    assert isinstance(codec.read(HELLO), base.Connected)
