"""The history checks whether a user is a member, and not since when.

A user who was added, or added again, can read what was written before.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A member can read what was written in a room before they were added."
SERVICES = ("message",)
ANOMALIES = ("access", "misdelivery")
OPTIONS = {"scenario": "members", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Let every membership begin at the first position."""
    original_since, original_history = MessageService._member_since, MessageService.history

    async def member_since(self: MessageService, conv: str, user: str) -> int:
        await original_since(self, conv, user)  # refuses who is no member
        return 1

    async def history(self: MessageService, request: Request) -> Response:
        response = await original_history(self, request)
        since = await original_since(self, request.params["conv"], request.user)
        entries = msgspec.json.decode(response.body)["messages"]
        early = [entry for entry in entries if entry["type"] == "msg" and entry["seq"] < since]
        if early:
            log.warning("seeded bug acted: %d early messages for %s", len(early), request.user)
        return response

    MessageService._member_since = member_since
    MessageService.history = history
