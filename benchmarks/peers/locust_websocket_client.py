"""Locust with websocket-client, which blocks its greenlet: the usual recipe."""

import websocket

from benchmarks.peers.locust_user import EchoUser


class Client(EchoUser):
    """One connection a user."""

    def connect(self) -> None:
        self._socket = websocket.create_connection(str(self.host))

    def on_stop(self) -> None:
        """Close."""
        self._socket.close()

    def exchange(self, payload: str) -> str:
        self._socket.send(payload)
        return str(self._socket.recv())
