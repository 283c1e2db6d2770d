"""A port on loopback for a server that will be killed and start again on it."""

import contextlib
import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 10_000
_EPHEMERAL = 32_768
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ATTEMPTS = 1000


def free_port() -> int:
    """One that nobody listens on, below those that the system gives to outgoing connections.

    One of these could take it while the server is down: a client that dials it again and again
    even by connecting to itself. OSError when a thousand tries found none.
    """
    chooser = random.SystemRandom()  # not seeded: two runs at once must not choose alike
    for _ in range(_ATTEMPTS):
        port = chooser.randrange(_LOWEST, max(_ephemeral(), _LOWEST + _ATTEMPTS))
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            return port
    raise OSError("no free port found")


def _ephemeral() -> int:
    try:
        return int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL
