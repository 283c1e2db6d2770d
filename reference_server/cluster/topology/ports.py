"""Free loopback ports for a plan."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 10_000
_EPHEMERAL_DEFAULT = 32_768
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ATTEMPTS = 1000


class PortAllocator:
    """Returns ports that no process listens on, and none of them twice.

    They are below the ephemeral range: otherwise an outgoing connection could take one between
    the plan and the component's own bind, or while a killed component is down.
    """

    def __init__(self, *, lowest: int = _LOWEST, below: int | None = None) -> None:
        self._range = range(lowest, below or ephemeral_start())
        self._allocated: set[int] = set()
        # Not seeded: two clusters that plan at the same moment must not choose the same ports.
        self._random = random.SystemRandom()

    def __call__(self) -> int:
        """Return one more port; OSError if no free one is found in a thousand attempts."""
        for _ in range(_ATTEMPTS):
            port = self._random.choice(self._range)
            if port not in self._allocated and is_free(port):
                self._allocated.add(port)
                return port
        raise OSError(
            f"no free port found in {_ATTEMPTS} attempts between {self._range.start} and "
            f"{self._range.stop - 1}"
        )


def is_free(port: int) -> bool:
    """Return whether the port can be bound on loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def ephemeral_start() -> int:
    """Return the first port that the system uses for outgoing connections."""
    try:
        start = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL_DEFAULT
    return start if start > _LOWEST + _ATTEMPTS else _EPHEMERAL_DEFAULT
