"""The column of the bodies holds 1,000 bytes, and longer texts are cut there.

A character that the cut divides is dropped.
"""

import logging

import msgspec

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "Bodies of more than 1,000 bytes are cut when they are stored."
SERVICES = ("message",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

BYTES_MAX = 1000
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Cut bodies before the commit."""
    original_append = MessageService.append

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        data = request.body.encode()
        if len(data) > BYTES_MAX:
            log.warning("seeded bug acted: %d bytes", len(data))
            body = data[:BYTES_MAX].decode(errors="ignore")
            request = msgspec.structs.replace(request, body=body)
        return await original_append(self, request)

    MessageService.append = append
