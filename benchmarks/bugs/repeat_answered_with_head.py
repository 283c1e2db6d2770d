"""A repeated send is answered with the conversation's last position instead of its own.

The service finds that the message is stored already, and fills the answer from the conversation.
"""

import logging

import msgspec

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "The answer to a repeated send states the head as the position of the message."
SERVICES = ("message",)
ANOMALIES = ("ack-content", "position")
OPTIONS = {"scenario": "deaf", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Put the head into the outcome of repeated messages."""
    original = MessageService.append

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        outcome = await original(self, request)
        if request.event or not isinstance(outcome, Stored) or not outcome.dup:
            return outcome
        entry = outcome.entry
        _, head = await self._store.entries(entry.conv, entry.seq, 1)
        if head != entry.seq:
            log.warning("seeded bug acted: %s %d is answered as %d", entry.conv, entry.seq, head)
        return Stored(msgspec.structs.replace(entry, seq=head), dup=True)

    MessageService.append = append
