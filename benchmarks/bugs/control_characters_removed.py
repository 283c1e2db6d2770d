"""A filter removes control characters from bodies, except line feeds, tabs and U+007F."""

import logging
import unicodedata

import msgspec

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "Control characters disappear from messages, except line feeds, tabs and U+007F."
SERVICES = ("message",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Filter bodies before the commit."""
    original = MessageService.append

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        body = "".join(
            letter
            for letter in request.body
            if letter in "\n\t\x7f" or unicodedata.category(letter) != "Cc"
        )
        if body != request.body:
            log.warning("seeded bug acted: %d removed", len(request.body) - len(body))
            request = msgspec.structs.replace(request, body=body)
        return await original(self, request)

    MessageService.append = append
