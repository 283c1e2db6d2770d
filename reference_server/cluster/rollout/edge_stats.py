"""The cluster's HTTP calls to its own processes, and the statistics of the running edges."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

import aiohttp

from gauntlet.reference_server.cluster.rollout.cutover import EdgesObserved
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology.errors import ClusterError
from gauntlet.reference_server.cluster.topology.plan import ENVIRONMENTS, PlannedComponent
from gauntlet.reference_server.core.metrics import PREFIX

# A pause can spoil the read during which it happens and the next one; each read times out after
# 2 s. Three unanswered reads are a silence of six seconds, in which the edge served no client.
SILENT_READS_MAX = 3
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)
_NO_STATS = {
    "connections": 0,
    "forced_closes": 0,
    "handshake_p99_ms": 0.0,
    "loop_lag_ms": 0.0,
    "handshakes": 0,
    "handshakes_failed": 0,
}


class CallError(ClusterError):
    """A process of the cluster did not execute an internal call."""


class EdgeStats:
    """The last statistics of the running edges.

    An edge that does not answer keeps its last values. A target edge that repeatedly does not
    answer counts as down even if its process exists, because it may be frozen.
    """

    def __init__(self, supervisor: Supervisor, http: aiohttp.ClientSession) -> None:
        self._supervisor = supervisor
        self._http = http
        # By name: the last statistics of every edge that ran since `reset`.
        self._stats: dict[str, dict[str, Any]] = {}
        # By name: the number of consecutive unanswered reads, and when the last of them ended.
        self._unanswered: dict[str, tuple[int, float]] = {}

    def reset(self) -> None:
        """Discard everything that was read."""
        self._stats = {}
        self._unanswered = {}

    def running(self, group: str) -> list[PlannedComponent]:
        """Return the running edges of an environment, or the edge of that name if it runs."""
        return [edge.planned for edge in self._supervisor.group(group) if edge.state == "up"]

    def last(self, edge: str) -> dict[str, Any]:
        """Return the last statistics of an edge."""
        return self._stats.get(edge, _NO_STATS)

    def forced_closes(self) -> int:
        """Return how many connections were closed at the end of a drain."""
        return sum(int(stats["forced_closes"]) for stats in self._stats.values())

    async def observe(self, targets: Collection[str]) -> EdgesObserved:
        """Read all running edges.

        The connections are those of all edges; the other values are those of the targets, the edges
        that clients are moved to.
        """
        running = [edge for environment in ENVIRONMENTS for edge in self.running(environment)]
        await asyncio.gather(*(self._read(edge) for edge in running))
        connections = dict.fromkeys(ENVIRONMENTS, 0)
        for edge in running:
            connections[edge.name] = self.last(edge.name)["connections"]
            connections[edge.environment or ""] += connections[edge.name]
        target_stats = [self.last(name) for name in targets] or [_NO_STATS]
        silent = {
            name for name, (reads, _) in self._unanswered.items() if reads >= SILENT_READS_MAX
        }
        healthy = {edge.name for edge in running} - silent
        return EdgesObserved(
            connections,
            max(stats["handshake_p99_ms"] for stats in target_stats),
            max(stats["loop_lag_ms"] for stats in target_stats),
            sum(stats["handshakes"] for stats in target_stats),
            sum(stats["handshakes_failed"] for stats in target_stats),
            tuple(sorted(set(targets) - healthy)),
        )

    async def _read(self, edge: PlannedComponent) -> None:
        started_s = time.monotonic()
        try:
            self._stats[edge.name] = await call_internal(self._http, edge, "stats")
            self._unanswered.pop(edge.name, None)
        except CallError:
            reads, last_ended_s = self._unanswered.get(edge.name, (0, started_s))
            # Overlapping reads miss the same answer, and count once.
            if started_s >= last_ended_s:
                self._unanswered[edge.name] = reads + 1, time.monotonic()


async def call_internal(
    http: aiohttp.ClientSession,
    component: PlannedComponent,
    path: str,
    *,
    method: str = "GET",
    **data: Any,
) -> dict[str, Any]:
    """Make an internal call and return its JSON body; CallError unless the status is 200.

    `data` is passed to aiohttp: `params` or `json`.
    """
    url = f"http://{component.address}/internal/{path}"
    try:
        async with http.request(method, url, timeout=_TIMEOUT, **data) as answer:
            if answer.status != 200:
                reason = (await answer.text())[:200]
                raise CallError(f"{component.name} {path}: {answer.status} {reason}")
            return dict(await answer.json())
    except _NO_ANSWER as error:
        raise CallError(f"{component.name} {path}: {error!r}") from error


async def read_metrics(
    http: aiohttp.ClientSession, component: PlannedComponent
) -> dict[str, float] | None:
    """Return a process's counters and gauges by name; None if it does not answer."""
    try:
        async with http.get(f"http://{component.address}/metrics", timeout=_TIMEOUT) as answer:
            return parse_metrics(await answer.text()) if answer.status == 200 else None
    except _NO_ANSWER:
        return None


def parse_metrics(text: str) -> dict[str, float]:
    """Return the samples without labels of Prometheus' text format, by name without `PREFIX`."""
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {row[0].removeprefix(PREFIX): float(row[1]) for row in rows if len(row) == 2}
