"""Connections of our own on a link, which show how a fault ends connections."""

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from gauntlet.chaos.clients import link_exchange

# `closed` means: by FIN and without an answer. A server may close after its answer.
Ending = Literal["reset", "closed", "answered", "open"]
_CONNECT_TIMEOUT_S = 2.0


class Witnesses:
    """Open connections to links, given as kind and `host:port`."""

    def __init__(self) -> None:
        self._open: list[tuple[str, socket.socket]] = []

    def connect(self, links: Iterable[tuple[str, str]], number: int) -> None:
        """Open `number` connections to each link; one that is not accepted is left out."""
        for kind, listen in links:
            host, _, port = listen.rpartition(":")
            for _ in range(number):
                with contextlib.suppress(OSError):
                    address = (host, int(port))
                    connection = socket.create_connection(address, timeout=_CONNECT_TIMEOUT_S)
                    self._open.append((kind, connection))

    def send_requests(self) -> None:
        """Send a request over each connection: some faults act only on connections with data."""
        for kind, connection in self._open:
            with contextlib.suppress(OSError):  # `close` finds out that it has ended
                connection.sendall(link_exchange.keep_alive_request(kind))

    def close(self, timeout_s: float) -> Counter[Ending]:
        """Wait for the end of each connection, and close it; return how many ended in which way."""
        deadline = time.monotonic() + timeout_s
        endings = Counter(_ending(connection, deadline) for _, connection in self._open)
        self._open = []
        return endings


def _ending(connection: socket.socket, deadline: float) -> Ending:
    with connection:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            return "answered" if connection.recv(1) else "closed"
        except TimeoutError:
            return "open"
        except OSError:
            return "reset"
