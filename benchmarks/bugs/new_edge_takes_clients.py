"""Edges share their clients with an edge that was added: they ask every third one to reconnect.

No connection is lost, but every user who is asked has to open a new one for no reason.
"""

import asyncio
import logging
from contextlib import suppress

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.edge import Edge
from gauntlet.reference_server.registry.base import RegistryDown

SENTENCE = "When an edge is added, the others ask every third client to reconnect."
SERVICES = ("edge",)
ANOMALIES = ("none-moved",)
OPTIONS = {"scenario": "scale-out", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Look for edges that were added, beside the heartbeats."""
    original = Edge._heartbeat_loop

    def share(edge: Edge) -> None:
        url = f"ws://{edge._config.host}:{edge._config.port}"
        frame = wire.Reconnect(url, 0, 5_000, "rebalance")
        for socket in sorted(edge._sockets, key=lambda socket: socket.user)[::3]:
            log.warning("seeded bug acted: %s is asked to reconnect", socket.user)
            socket.send(wire.encode(wire.ServerFrame(reconnect=frame)))

    async def rebalance(edge: Edge) -> None:
        known: set[str] = set()
        while True:
            await asyncio.sleep(0.2)
            with suppress(RegistryDown):
                names = {lease.name for lease in await edge._registry.edges()}
                if known and names - known and len(known) > 1:
                    share(edge)
                known |= names

    async def heartbeat_loop(self: Edge) -> None:
        watching = asyncio.create_task(rebalance(self))
        try:
            await original(self)
        finally:
            watching.cancel()

    Edge._heartbeat_loop = heartbeat_loop
