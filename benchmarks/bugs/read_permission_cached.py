"""The message service remembers for a minute that a user may read a room.

Users who are removed from a room go on reading what the others write there.
"""

import logging
import time

from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A user who was removed can read new messages for a minute if they read a moment ago."
SERVICES = ("message",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "members", "stack": "embedded"}
KEPT_S = 60.0

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep answers of the membership check."""
    original = MessageService._member_since
    known: dict[tuple[str, str], tuple[int, float]] = {}

    async def member_since(self: MessageService, conv: str, user: str) -> int:
        since, until_s = known.get((conv, user), (0, 0.0))
        if time.monotonic() < until_s:
            if since != await self._store.member_since(conv, user) and conv.startswith("r."):
                log.warning("seeded bug acted: %s still reads %s", user, conv)
            return since
        since = await original(self, conv, user)
        known[conv, user] = since, time.monotonic() + KEPT_S
        return since

    MessageService._member_since = member_since
