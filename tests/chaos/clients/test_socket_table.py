"""The socket table: which clients are connected to an address."""

import socket

import psutil

from gauntlet.chaos.clients.socket_table import client_connections


def test_live_connections_are_listed_with_the_client_s_port():
    """A connection that the server has closed is not listed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with socket.create_connection(server.getsockname()) as client:
            port = client.getsockname()[1]
            accepted, _ = server.accept()
            assert client_connections([address, "127.0.0.1:1"]) == {(address, port)}
            assert client_connections(["127.0.0.1:1"]) == set()
            accepted.close()
            # The client's socket is still open, but the connection is not established any more.
            assert client.recv(1) == b""
            assert client_connections([address]) == set()


def test_a_hidden_socket_table_is_none(monkeypatch):
    """This differs from an empty set: connections are unknown, not absent."""

    def denied(kind):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    assert client_connections(["127.0.0.1:1"]) is None
