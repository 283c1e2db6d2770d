"""Which hosts are this machine: load and faults go nowhere else unless a scenario allows it."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

# The default port of each scheme, and whether it means TLS. The schemes of raw TCP have no port.
SCHEMES: dict[str, tuple[int, bool]] = {
    "http": (80, False),
    "ws": (80, False),
    "https": (443, True),
    "wss": (443, True),
    "tcp": (0, False),
    "tls": (0, True),
}
TCP_SCHEMES = ("tcp", "tls")


class Authority(NamedTuple):
    """Where a URL leads: the host and port, whether it is TLS, and whether it is HTTP inside."""

    host: str
    port: int
    secure: bool
    http: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def authority_of(url: str) -> Authority:
    """Return where a valid URL leads."""
    parts = urlsplit(url)
    port, secure = SCHEMES.get(parts.scheme, (0, False))
    http = parts.scheme not in TCP_SCHEMES
    return Authority(parts.hostname or "", parts.port or port, secure, http)


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
