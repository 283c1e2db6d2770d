"""Locust with `websockets.sync`, whose reader thread becomes a greenlet under Locust."""

from websockets.sync import client

from benchmarks.peers.locust_user import EchoUser


class Client(EchoUser):
    """A user with one connection."""

    def connect(self) -> None:
        self._socket = client.connect(str(self.host), compression=None, ping_interval=None)

    def on_stop(self) -> None:
        """Close the connection."""
        self._socket.close()

    def exchange(self, payload: str) -> str:
        self._socket.send(payload)
        return str(self._socket.recv())
