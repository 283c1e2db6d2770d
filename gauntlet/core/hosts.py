"""Where load and faults may go: loopback, unless a scenario allows more."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host, as written, is certainly this machine: no name is resolved here."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether an address such as `http://127.0.0.1:8080` is certainly this machine's."""
    return is_loopback(urlsplit(url).hostname or "")
