"""Locust's own `SocketIOUser`, which makes calls whose acknowledgement is the echo.

Locust counts each call twice: the call with its duration, and the event within it with 0 ms.
"""

from typing import Any

from locust import task
from locust.contrib.socketio import SocketIOUser

from benchmarks.peers.locust_user import PAYLOAD, PacedUser

TIMEOUT_S = 60  # long, because all users of a process connect at the same time


class Client(PacedUser, SocketIOUser):
    """A user with one connection."""

    sio: Any  # its methods have no type annotations
    options = {"request_timeout": TIMEOUT_S}  # noqa: RUF012 - as Locust declares it

    def connect(self) -> None:
        self.sio.connect(str(self.host), transports=["websocket"], wait_timeout=TIMEOUT_S)

    def on_stop(self) -> None:
        """Close the connection."""
        self.sio.disconnect()

    @task
    def echo(self) -> None:
        """Send one message and wait for its acknowledgement."""
        self.sio.call("echo", PAYLOAD)
