"""The socket table: who is connected to an address."""

import socket

import psutil

from gauntlet.chaos.clients.socket_table import client_connections


def test_clients_are_seen_by_their_ports_until_they_leave():
    """A live connection to an address is listed by the client's port, an ended one is not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with socket.create_connection(server.getsockname()) as client:
            port = client.getsockname()[1]
            accepted, _ = server.accept()
            assert client_connections([address, "127.0.0.1:1"]) == {(address, port)}
            assert client_connections(["127.0.0.1:1"]) == set()
            accepted.close()
            # The client has not let go yet: its end is no live connection all the same.
            assert client.recv(1) == b""
            assert client_connections([address]) == set()


def test_a_system_that_hides_the_table_says_none(monkeypatch):
    """Where ordinary users may not see the table, the answer is None and not `nobody`."""

    def denied(kind):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    assert client_connections(["127.0.0.1:1"]) is None
