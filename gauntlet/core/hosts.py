"""Which hosts are this machine: load and faults go nowhere else unless a scenario allows it."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine; False for names other than `localhost`.

    Names are not resolved: they may change, and resolving them takes time.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Return whether the host of a URL such as `http://127.0.0.1:8080` is this machine."""
    return is_loopback(urlsplit(url).hostname or "")
