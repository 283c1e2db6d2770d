"""Where load and faults may go: loopback, unless a scenario allows more."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host, as written, is certainly this machine: no name is resolved here."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
