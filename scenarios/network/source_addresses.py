"""Choosing the local address of outgoing connections (pure).

One local address has about 28,000 ports for connections to one destination. On Linux the whole
network 127.0.0.0/8 is local, so a load on loopback can use as many addresses as it needs.
"""

import ipaddress
import math
import sys

# A user who reconnects at the server's request has two connections for a moment.
CONNECTIONS_PER_USER = 2
# The usable share of an address's ports: those of closed connections are not free immediately.
USABLE_PORTS = 0.5
_ADDRESSES_MAX = 250  # 127.0.0.1 to 127.0.0.250, which is enough for millions of connections
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


class SourceAddresses:
    """Returns source addresses in turn, or None if the system's own choice is good enough."""

    def __init__(
        self, planned: int, ports: int, *, rotates: bool = sys.platform == "linux"
    ) -> None:
        """Plan for `planned` simultaneous connections to one destination.

        `ports` is the number of ports per address.
        """
        needed = math.ceil(planned / max(1, int(USABLE_PORTS * ports))) if rotates else 1
        self.count = min(max(needed, 1), _ADDRESSES_MAX)
        self._last = 0

    def next(self, target: str) -> str | None:
        """Return the address from which to dial `target`, which is a numeric address."""
        if self.count == 1 or ipaddress.ip_address(target) not in _LOOPBACK:
            return None
        self._last = self._last % self.count + 1
        return f"127.0.0.{self._last}"
