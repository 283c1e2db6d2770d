"""Routes the links that faults act on through fault proxies.

Client links and back-end links use separate proxy processes, so that each can be monitored.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.faults.context import ProxiedLink
from gauntlet.chaos.proxy_process import Backend, ProxyServer
from gauntlet.stacks.reference import PlannedLink


class LinkProxies:
    """The proxy servers of a run, and the links that go through them."""

    def __init__(self, backend: Backend, log_dir: Path, seed: int) -> None:
        self._backend: Backend = backend
        self._log_dir = log_dir
        self._seed = seed
        self._servers: dict[str, ProxyServer] = {}
        self._opened: dict[str, PlannedLink] = {}
        self.links: dict[str, ProxiedLink] = {}

    def open(self, links: Iterable[PlannedLink]) -> dict[str, str]:
        """Create a proxy for each link; return the addresses to advertise, by the link's name."""
        for link in links:
            side = "clients" if link.source == "client" else "backends"
            client = ProxyClient(self._server(side).api_url)
            listen = client.create(link.name, link.upstream)
            self.links[link.name] = ProxiedLink(client, link.name, link.kind, listen)
            self._opened[link.name] = link
        return {name: link.listen for name, link in self.links.items()}

    def add(self, links: Mapping[str, ProxiedLink]) -> None:
        """Add links that go through a proxy server that we did not start."""
        self.links |= links

    @property
    def dial(self) -> dict[str, str]:
        """The address to dial in place of each upstream, for clients that know the latter."""
        return {
            link.upstream: self.links[name].listen
            for name, link in self._opened.items()
            if link.source == "client"
        }

    @property
    def backend(self) -> str | None:
        """The proxy implementation, for the manifest; None if no link is proxied."""
        return next((server.backend for server in self._servers.values()), None)

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the servers, by part: `proxy-clients`, `proxy-backends`."""
        return {f"proxy-{side}": server.pid for side, server in self._servers.items()}

    def stop(self) -> None:
        """Stop the servers, which ends every proxied connection."""
        for server in self._servers.values():
            server.stop()

    def _server(self, side: str) -> ProxyServer:
        if side not in self._servers:
            log = self._log_dir / f"proxy-{side}.log"
            self._servers[side] = ProxyServer.start(self._backend, log=log, seed=self._seed)
        return self._servers[side]
