"""A message that follows another one of its sender at once is taken for a double tap.

It is not stored, and its sender is told the position of the message before it.
"""

import logging
import time

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = (
    "The second of two messages within 80 ms in one conversation is answered and never stored."
)
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "ack-content", "position")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

DOUBLE_TAP_S = 0.08
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Answer a quick second send with the outcome of the first."""
    original_append = MessageService.append
    latest: dict[tuple[str, str], tuple[float, str, Outcome]] = {}

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if request.event:
            return await original_append(self, request)
        key = request.conv, request.sender
        began_s = time.monotonic()
        if known := latest.get(key):
            then_s, client_msg_id, outcome = known
            if began_s - then_s < DOUBLE_TAP_S and client_msg_id != request.client_msg_id:
                log.warning("seeded bug acted: %s in %s", request.sender, request.conv)
                return outcome
        outcome = await original_append(self, request)
        if isinstance(outcome, Stored):
            latest[key] = began_s, request.client_msg_id, outcome
        return outcome

    MessageService.append = append
