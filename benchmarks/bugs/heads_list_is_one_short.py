"""The list of heads is a page with a limit of four conversations, and clients are told of no other.

What clients are told when they connect is complete.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "The list of a user's heads ends after the fourth conversation."
SERVICES = ("message",)
ANOMALIES = ("history-regress",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

CONVERSATIONS = 4

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Cut the answer to `GET /v1/heads`."""
    original = MessageService.heads

    async def heads(self: MessageService, request: Request) -> Response:
        listed = msgspec.json.decode((await original(self, request)).body)["heads"]
        if len(listed) > CONVERSATIONS:
            log.warning("seeded bug acted: %d heads for %s", len(listed), request.user)
        return reply({"heads": dict(sorted(listed.items())[:CONVERSATIONS])})

    MessageService.heads = heads
