"""Addresses: what a URL means, and the hosts to which clients may connect."""

import asyncio
import ipaddress
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from gauntlet.core import hosts as core_hosts
from gauntlet.core.errors import ConfigError

HTTP_SCHEMES = ("http", "https", "ws", "wss")
TCP_SCHEMES = core_hosts.TCP_SCHEMES


class Endpoint(NamedTuple):
    """Where a URL leads.

    `authority` is the URL's own host and port, as in the header `Host`; `resource` is its path and
    query; `secure` means TLS.
    """

    scheme: str
    host: str
    port: int
    authority: str
    resource: str
    secure: bool


class HostRefused(ConfigError):
    """A host that the load must not connect to, or that does not exist."""


@lru_cache(maxsize=4096)
def endpoint_of(url: str, schemes: Collection[str] = HTTP_SCHEMES) -> Endpoint:
    """Return where a URL leads; HostRefused for anything else than an address of these schemes."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if host is None or port == 0:
        raise HostRefused(f"{url!r} is not an address that begins with {schemes_text(schemes)}")
    if parts.scheme not in schemes:
        raise HostRefused(f"{url!r} must begin with {schemes_text(schemes)}")
    usual_port, secure = core_hosts.SCHEMES[parts.scheme]
    if not (port or usual_port):
        raise HostRefused(f"{url!r} must name a port, such as {parts.scheme}://127.0.0.1:1883")
    authority = parts.netloc.rpartition("@")[2]
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, host, port or usual_port, authority, resource, secure)


def schemes_text(schemes: Collection[str]) -> str:
    """Return schemes as a sentence shows them: `ws:// or wss://`."""
    *others, last = [f"{scheme}://" for scheme in schemes]
    return f"{', '.join(others)} or {last}" if others else last


class AllowedHosts:
    """Resolves hosts, and rejects all but loopback and those that the scenario allows by name.

    `dial` maps `host:port` to the `host:port` that is dialled in its place, where a fault proxy
    stands in front of the target. URLs, headers and TLS names stay those of the target. `direct`
    collects what was dialled without a proxy although there are proxies.
    """

    def __init__(self, allow_hosts: Collection[str], dial: Mapping[str, str] | None = None) -> None:
        self._allowed = frozenset(allow_hosts)
        self._dial = dict(dial or {})
        self.direct: set[str] = set()
        self._resolved: dict[str, str] = {}

    async def locate(self, endpoint: Endpoint) -> tuple[str, int]:
        """Return the numeric address and the port to dial; HostRefused if it is not allowed."""
        address = await self.resolve(endpoint.host)
        if self._dial:
            instead = self._dial.get(f"{endpoint.host}:{endpoint.port}")
            if instead is not None:
                host, _, port = instead.rpartition(":")
                return host, int(port)
            self.direct.add(f"{endpoint.host}:{endpoint.port}")
        return address, endpoint.port

    async def resolve(self, host: str) -> str:
        """Return the numeric address of a host; HostRefused if it is not allowed."""
        if host not in self._resolved:
            self._resolved[host] = await self._look_up(host)
        return self._resolved[host]

    async def _look_up(self, host: str) -> str:
        try:
            address = str(ipaddress.ip_address(host))
        except ValueError:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(host, 0)
            except (OSError, UnicodeError) as error:
                raise HostRefused(f"{host!r} cannot be resolved: {error}") from error
            address = str(found[0][4][0])
        # The resolved address decides, because a name may point anywhere.
        if host not in self._allowed and not ipaddress.ip_address(address).is_loopback:
            msg = f"{host!r} ({address}) is not on loopback; add it to target.allow_hosts"
            raise HostRefused(msg)
        return address
