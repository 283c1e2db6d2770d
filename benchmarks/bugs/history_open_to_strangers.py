"""The history of a room is answered without a check of the membership."""

import logging

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "Every user can read the history of rooms that they are not a member of."
SERVICES = ("message",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Treat a user who is not a member of a room as its founder."""
    original_since = MessageService._member_since

    async def member_since(self: MessageService, conv: str, user: str) -> int:
        try:
            return await original_since(self, conv, user)
        except ApiError:
            if not conv.startswith("r."):
                raise
            log.warning("seeded bug acted: %s reads %s", user, conv)
            return 1

    MessageService._member_since = member_since
