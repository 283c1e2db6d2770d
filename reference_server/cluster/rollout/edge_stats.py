"""What the running edges say of themselves, kept between two looks."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

import aiohttp

from gauntlet.reference_server.cluster.rollout import edges
from gauntlet.reference_server.cluster.rollout.cutover import Observed
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology.plan import ENVIRONMENTS, Component

# A pause can spoil the read it falls into and the one after; each waits for 2 s. Three are a
# silence of six seconds, in which no client was served.
SILENT_READS = 3
_UNSEEN = {
    "connections": 0,
    "forced_closes": 0,
    "handshake_p99_ms": 0.0,
    "loop_lag_ms": 0.0,
    "handshakes": 0,
    "handshakes_failed": 0,
}


class EdgeWatch:
    """Asks every running edge; one that does not answer is as it was when it last did.

    An heir that goes on not to answer is down, though its process is there: it may be frozen.
    """

    def __init__(self, supervisor: Supervisor, http: aiohttp.ClientSession) -> None:
        self._supervisor = supervisor
        self._http = http
        # The last statistics of every edge that ran since `forget`, by name.
        self._stats: dict[str, dict[str, Any]] = {}
        # Unanswered reads in a row, and when the last of them ended.
        self._silent: dict[str, tuple[int, float]] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._stats = {}
        self._silent = {}

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
        await asyncio.gather(*(self._read(edge) for edge in running))
        connections = dict.fromkeys(ENVIRONMENTS, 0)
        for edge in running:
            connections[edge.name] = self.of(edge.name)["connections"]
            connections[edge.environment or ""] += connections[edge.name]
        seen = [self.of(name) for name in heirs] or [_UNSEEN]
        silent = {name for name, (reads, _) in self._silent.items() if reads >= SILENT_READS}
        sound = {each.name for each in running} - silent
        return Observed(
            connections,
            max(stats["handshake_p99_ms"] for stats in seen),
            max(stats["loop_lag_ms"] for stats in seen),
            sum(stats["handshakes"] for stats in seen),
            sum(stats["handshakes_failed"] for stats in seen),
            tuple(sorted(set(heirs) - sound)),
        )

    async def _read(self, edge: Component) -> None:
        began = time.monotonic()
        try:
            self._stats[edge.name] = await edges.call(self._http, edge, "stats")
            self._silent.pop(edge.name, None)
        except edges.CallError:
            reads, ended = self._silent.get(edge.name, (0, began))
            # Reads at the same time miss the same answer.
            if began >= ended:
                self._silent[edge.name] = reads + 1, time.monotonic()
