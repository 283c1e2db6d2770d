"""Locust's own `SocketIOUser`: a call, whose acknowledgement is the echo.

It counts a call twice: the call with its time, and the event that is in it with 0 ms.
"""

from typing import Any

from locust import task
from locust.contrib.socketio import SocketIOUser

from benchmarks.peers.locust_user import PAYLOAD, PacedUser

PATIENCE_S = 60  # while all others of a process connect, too


class Client(PacedUser, SocketIOUser):
    """One connection a user."""

    sio: Any  # whose methods have no types
    options = {"request_timeout": PATIENCE_S}  # noqa: RUF012 - as Locust declares it

    def connect(self) -> None:
        self.sio.connect(str(self.host), transports=["websocket"], wait_timeout=PATIENCE_S)

    def on_stop(self) -> None:
        """Close."""
        self.sio.disconnect()

    @task
    def echo(self) -> None:
        """Send one message."""
        self.sio.call("echo", PAYLOAD)
