"""Ports that survive their server's absence."""

import socket

import pytest

from gauntlet.stacks import free_port


def test_a_port_is_free_and_below_the_ephemeral_ones():
    """No outgoing connection can take it while its server is down."""
    port = free_port.free_port()
    assert free_port._LOWEST <= port < free_port._ephemeral()
    with socket.create_server((free_port.HOST, port)):
        pass


def test_where_none_is_free_it_says_so(monkeypatch):
    """A bounded number of tries, then an error and no endless search."""

    def taken(_address):
        raise OSError("in use")

    monkeypatch.setattr(socket, "create_server", taken)
    with pytest.raises(OSError, match="no free port"):
        free_port.free_port()
