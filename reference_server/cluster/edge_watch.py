"""What the running edges say of themselves, kept between two looks."""

import contextlib
from collections.abc import Collection
from typing import Any

import aiohttp

from reference_server.cluster import edges
from reference_server.cluster.cutover import Observed
from reference_server.cluster.plan import ENVIRONMENTS, Component
from reference_server.cluster.supervisor import Supervisor

_UNSEEN = {
    "connections": 0,
    "forced_closes": 0,
    "handshake_p99_ms": 0.0,
    "loop_lag_ms": 0.0,
    "handshakes": 0,
    "handshakes_failed": 0,
}


class EdgeWatch:
    """Asks every running edge; one that does not answer is as it was when it last did."""

    def __init__(self, supervisor: Supervisor, http: aiohttp.ClientSession) -> None:
        self._supervisor = supervisor
        self._http = http
        # The last statistics of every edge that ran since `forget`, by name.
        self._stats: dict[str, dict[str, Any]] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._stats = {}

    def up(self, group: str) -> list[Component]:
        """The running edges of a group."""
        return [each.planned for each in self._supervisor.group(group) if each.state == "up"]

    def of(self, edge: str) -> dict[str, Any]:
        """The last statistics of an edge."""
        return self._stats.get(edge, _UNSEEN)

    def forced_closes(self) -> int:
        """Connections that were closed at the end of a drain."""
        return sum(int(stats["forced_closes"]) for stats in self._stats.values())

    async def look(self, heirs: Collection[str]) -> Observed:
        """All connections; the rest of the heirs, the edges that clients are moved to."""
        running = [each for environment in ENVIRONMENTS for each in self.up(environment)]
        for edge in running:
            with contextlib.suppress(edges.CallError):
                self._stats[edge.name] = await edges.call(self._http, edge, "stats")
        connections = dict.fromkeys(ENVIRONMENTS, 0)
        for edge in running:
            connections[edge.name] = self.of(edge.name)["connections"]
            connections[edge.environment or ""] += connections[edge.name]
        seen = [self.of(name) for name in heirs] or [_UNSEEN]
        return Observed(
            connections,
            max(stats["handshake_p99_ms"] for stats in seen),
            max(stats["loop_lag_ms"] for stats in seen),
            sum(stats["handshakes"] for stats in seen),
            sum(stats["handshakes_failed"] for stats in seen),
            tuple(sorted(set(heirs) - {each.name for each in running})),
        )
