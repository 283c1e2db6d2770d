"""Ports that stay free while their server is down."""

import socket

import pytest

from gauntlet.stacks import free_port


def test_the_port_is_free_and_below_the_ephemeral_ports():
    """No outgoing connection can occupy it while its server is down."""
    port = free_port.free_port()
    assert free_port._LOWEST_PORT <= port < free_port._ephemeral_start()
    with socket.create_server((free_port.HOST, port)):
        pass


def test_an_error_is_raised_if_no_port_is_free(monkeypatch):
    """The number of attempts is limited."""

    def taken(_address):
        raise OSError("in use")

    monkeypatch.setattr(socket, "create_server", taken)
    with pytest.raises(OSError, match="no free port"):
        free_port.free_port()
