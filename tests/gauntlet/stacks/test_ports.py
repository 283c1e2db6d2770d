"""Ports that survive their server's absence."""

import socket

import pytest

from gauntlet.stacks import ports


def test_a_port_is_free_and_below_the_ephemeral_ones():
    """No outgoing connection can take it while its server is down."""
    port = ports.free_port()
    assert ports._LOWEST <= port < ports._ephemeral()
    with socket.create_server((ports.HOST, port)):
        pass


def test_where_none_is_free_it_says_so(monkeypatch):
    """A bounded number of tries, then an error and no endless search."""

    def taken(_address):
        raise OSError("in use")

    monkeypatch.setattr(socket, "create_server", taken)
    with pytest.raises(OSError, match="no free port"):
        ports.free_port()
