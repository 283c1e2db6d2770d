"""The heads of a user are cached for ten seconds, also across a reconnect."""

import logging
import time

from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.store.messages import MessageReader

SENTENCE = "A client that reconnects is told heads that are up to ten seconds old."
SERVICES = ("message",)
ANOMALIES = ("history-regress", "undelivered")
OPTIONS = {"scenario": "cut", "stack": "embedded"}

TTL_S = 10.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Answer with the heads of an earlier call that is recent enough."""
    original_heads = MessageReader.heads_of
    cached: dict[tuple[str, str], tuple[float, HeadsPage]] = {}

    async def heads_of(self: MessageReader, user: str, after: str, limit: int) -> HeadsPage:
        read_at, page = cached.get((user, after), (float("-inf"), None))
        current = await original_heads(self, user, after, limit)
        if page is None or time.monotonic() - read_at > TTL_S:
            cached[user, after] = (time.monotonic(), current)
            return current
        if page.heads != current.heads:
            log.warning("seeded bug acted: %s", user)
        return page

    MessageReader.heads_of = heads_of
