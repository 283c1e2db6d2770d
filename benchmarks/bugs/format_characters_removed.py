"""A filter against invisible characters removes all of Unicode's format characters from bodies.

It breaks joined emoji and the marks of right-to-left text in rooms, where it is applied.
"""

import logging
import unicodedata

import msgspec

from gauntlet.reference_server.core.wire import is_room
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "Joiners, direction marks and soft hyphens disappear from the messages of rooms."
SERVICES = ("message",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Filter bodies before the commit."""
    original_append = MessageService.append

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if is_room(request.conv) and not request.event:
            kept = [letter for letter in request.body if unicodedata.category(letter) != "Cf"]
            if len(kept) < len(request.body):
                log.warning("seeded bug acted: %d removed", len(request.body) - len(kept))
                request = msgspec.structs.replace(request, body="".join(kept))
        return await original_append(self, request)

    MessageService.append = append
