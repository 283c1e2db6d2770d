"""The column of the bodies stores characters of at most three bytes in UTF-8.

The database drops everything from the first emoji on, as MySQL's `utf8` did.
"""

import logging
import re

import msgspec

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "A body ends before its first character outside the Basic Multilingual Plane."
SERVICES = ("message",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def install() -> None:
    """Cut bodies before the commit."""
    original_append = MessageService.append

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if found := _ASTRAL.search(request.body):
            log.warning("seeded bug acted: cut at %d in %s", found.start(), request.conv)
            request = msgspec.structs.replace(request, body=request.body[: found.start()])
        return await original_append(self, request)

    MessageService.append = append
