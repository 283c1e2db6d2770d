"""Two handshakes that read heads at the same time share one call, also if their users differ.

An edge saves calls by letting a second reader wait for the running call, and identifies the call
by its route instead of its path.
"""

import asyncio
import logging

from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.edge.upstream import Upstream

SENTENCE = "A client that connects while another one does may be told the other one's heads."
SERVICES = ("edge",)
ANOMALIES = ("access", "misdelivery")
OPTIONS = {"scenario": "cut", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Share the running call of the route."""
    original = Upstream.heads
    running: dict[str, tuple[str, asyncio.Task[HeadsPage]]] = {}

    async def heads(self: Upstream, user: str) -> HeadsPage:
        route = "/internal/users/{user}/heads"
        if route not in running:
            running[route] = user, asyncio.create_task(original(self, user))
            running[route][1].add_done_callback(lambda _: running.pop(route))
        of, task = running[route]
        page = await asyncio.shield(task)
        if of != user and page.heads:  # before the first message, all users have the same: none
            log.warning("seeded bug acted: %s gets the heads of %s", user, of)
        return page

    Upstream.heads = heads
