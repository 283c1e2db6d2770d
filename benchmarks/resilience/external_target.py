"""A server and a Toxiproxy in front of it that go on running when the harness dies."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.resilience.cluster import running
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy_process import ProxyServer

_PROXY = "front"
_CALL_S = 30.0  # the real one answers late while a client of it does not read


class ExternalTarget:
    """The server, whose API is reached through the proxy `front`, with a toxic of others."""

    def __init__(self, client: ProxyClient, server: str) -> None:
        self._client = client
        self._front = client.create(_PROXY, server.removeprefix("http://"))
        theirs = {"latency": 1, "jitter": 0}
        client.add_toxic(_PROXY, "latency", attributes=theirs, name="theirs")
        self._before = client.proxies()

    def changes(self, plain: dict[str, Any]) -> dict[str, Any]:
        """Return a scenario against this target: its link faults act in the Toxiproxy."""
        target = {
            "stack": "external",
            "url": [f"http://{self._front}"],
            "toxiproxy": self._client.api_url,
        }
        return {**plain, "target": target}

    def count(self) -> int:
        """Return the number of toxics that a run has added."""
        return sum(len(proxy.toxics) for proxy in self._client.proxies().values()) - 1

    def left(self) -> tuple[str, ...]:
        """Return what a run has changed."""
        now = self._client.proxies()
        return () if now == self._before else (f"the Toxiproxy is changed: {now}"[:300],)


@contextlib.contextmanager
def external_target(log: Path) -> Iterator[ExternalTarget]:
    """Run a server and a Toxiproxy: the real one if it is installed, and the embedded one else."""
    with running("embedded", {}) as cluster:
        proxy = ProxyServer.start("auto", log=log)
        try:
            yield ExternalTarget(ProxyClient(proxy.api_url, _CALL_S), cluster.api[0])
        finally:
            proxy.stop()
