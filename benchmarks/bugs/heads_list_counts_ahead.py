"""The list of heads names the next position of every second conversation, and not its last one."""

import logging
import zlib

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "The list of a user's heads names the next position of every second conversation."
SERVICES = ("message",)
ANOMALIES = ("history-gap",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Add one to some positions in the answer to `GET /v1/heads`."""
    original = MessageService.heads

    async def heads(self: MessageService, request: Request) -> Response:
        listed = msgspec.json.decode((await original(self, request)).body)["heads"]
        ahead = {conv: head + (zlib.crc32(conv.encode()) & 1) for conv, head in listed.items()}
        if ahead != listed:
            log.warning("seeded bug acted: %s", request.user)
        return reply({"heads": ahead})

    MessageService.heads = heads
