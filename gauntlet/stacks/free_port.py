"""Finds a loopback port for a server that faults kill and start again on the same port."""

import contextlib
import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST_PORT = 10_000
_DEFAULT_EPHEMERAL_START = 32_768  # Linux
_EPHEMERAL_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ATTEMPTS = 1000


def free_port() -> int:
    """Return a port on which nothing listens, below the range of ephemeral ports.

    The system gives ephemeral ports to outgoing connections. One of these could occupy the port
    while the server is down; a client that keeps dialling the port could even connect to itself.
    Raises OSError if no port was found in a thousand attempts.
    """
    chooser = random.SystemRandom()  # not seeded: concurrent runs must not choose the same ports
    highest = max(_ephemeral_start(), _LOWEST_PORT + _ATTEMPTS)
    for _ in range(_ATTEMPTS):
        port = chooser.randrange(_LOWEST_PORT, highest)
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            return port
    raise OSError(f"no free port between {_LOWEST_PORT} and {highest} in {_ATTEMPTS} attempts")


def _ephemeral_start() -> int:
    try:
        return int(_EPHEMERAL_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _DEFAULT_EPHEMERAL_START
