"""The message service keeps the edges of a user for the life of its process.

A user who reconnects to another edge is routed to the old one.
"""

import logging
from collections.abc import Collection, Mapping

from gauntlet.reference_server.registry.redis import RedisRegistry

SENTENCE = "A user who moved to another edge is pushed to at the old edge, so messages come late."
SERVICES = ("message",)
ANOMALIES = ("late",)
OPTIONS = {"scenario": "moved", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Look a user up only once."""
    original_queues = RedisRegistry.queues
    known: dict[str, set[str]] = {}

    async def queues(self: RedisRegistry, users: Collection[str]) -> Mapping[str, set[str]]:
        current = await original_queues(self, users)
        for user, names in current.items():
            if known.setdefault(user, names) != names:
                log.warning("seeded bug acted: %s", user)
        return {user: known[user] for user in users if user in known}

    RedisRegistry.queues = queues
