"""The room service counts only the connections of the edge that was started last.

Users of the other edge have no lease in its eyes, and are exited while they are connected.
"""

import logging
from collections.abc import Collection

from gauntlet.reference_server.registry import redis as registry
from gauntlet.reference_server.registry.redis import RedisRegistry

SENTENCE = "Users whose edge was not the last one to start are exited although they are connected."
SERVICES = ("room",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "attendance", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Look connections up among those of one boot."""

    async def connections(self: RedisRegistry, users: Collection[str]) -> dict[str, set[str]]:
        leases, edges = await self._look_up(users)
        if not edges:
            return {}
        latest = max(edges, key=lambda edge: edge.epoch)
        found = registry._on_live_boots(leases, {f"{latest.name}|{latest.epoch}"})
        if leases.keys() - found.keys():
            log.warning("seeded bug acted: %d users", len(leases.keys() - found.keys()))
        return found

    RedisRegistry.connections = connections
