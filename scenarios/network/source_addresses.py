"""Which address of this machine a connection is dialled from (pure).

One address has some 28,000 ports to dial one destination from. On Linux all of 127.0.0.0/8 is this
machine, so that a load on loopback takes as many addresses as it needs.
"""

import ipaddress
import math
import sys

MOVING = 2  # connections of a user who is told to move: the new one is up before the old one ends
SHARE = 0.5  # of an address's ports, for those of connections that ended are not free at once
_ADDRESSES_MAX = 250  # 127.0.0.1 to 127.0.0.250: millions of connections
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


class SourceAddresses:
    """Hands out source addresses in turn; none where the system's own choice is good enough."""

    def __init__(
        self, planned: int, ports: int, *, rotates: bool = sys.platform == "linux"
    ) -> None:
        """For so many connections at once, all to one destination, with so many ports each."""
        wanted = math.ceil(planned / max(1, int(SHARE * ports))) if rotates else 1
        self.count = min(max(wanted, 1), _ADDRESSES_MAX)
        self._next = 0

    def next(self, target: str) -> str | None:
        """The address to dial `target`, a numeric address, from."""
        if self.count == 1 or ipaddress.ip_address(target) not in _LOOPBACK:
            return None
        self._next = self._next % self.count + 1
        return f"127.0.0.{self._next}"
