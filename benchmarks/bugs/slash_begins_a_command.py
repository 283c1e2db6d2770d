"""What begins with a slash is parsed for commands, also where it turns out to be none.

The parser has already removed the slash when the message is stored as an ordinary one.
"""

import logging

import msgspec

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "A message that begins with a slash is stored without it."
SERVICES = ("message",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Remove a slash at the beginning of bodies before the commit."""
    original_append = MessageService.append

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if request.body.startswith("/"):
            log.warning("seeded bug acted: %s", request.client_msg_id)
            request = msgspec.structs.replace(request, body=request.body[1:])
        return await original_append(self, request)

    MessageService.append = append
