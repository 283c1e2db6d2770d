"""Locust with websocket-client, which blocks only its greenlet; this is the usual combination."""

import websocket

from benchmarks.peers.locust_user import EchoUser


class Client(EchoUser):
    """A user with one connection."""

    def connect(self) -> None:
        self._socket = websocket.create_connection(str(self.host))

    def on_stop(self) -> None:
        """Close the connection."""
        self._socket.close()

    def exchange(self, payload: str) -> str:
        self._socket.send(payload)
        return str(self._socket.recv())
