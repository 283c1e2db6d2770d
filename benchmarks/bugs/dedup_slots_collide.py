"""Repeats are found in a table of 256 slots for each sender, by a hash that is never verified.

A message whose identity falls into the slot of an earlier one is answered as its repeat.
"""

import hashlib
import logging
from collections.abc import Callable

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "A message whose identity has the hash of an earlier one is acknowledged and not stored."
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "ack-content", "position")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Answer with the entry of the slot, if there is one."""
    original_one = append_plan._plan_one
    taken: dict[tuple[str, str, int], Entry] = {}

    def plan_one(
        request: AppendRequest,
        state: ConversationState,
        seen: dict[Identity, Entry],
        plan: AppendPlan,
        now_ms: int,
        new_id: Callable[[], str],
    ) -> Outcome:
        identity = f"{request.conv} {request.sender} {request.client_msg_id}"
        slot = hashlib.sha256(identity.encode()).digest()[0]
        key = request.conv, request.sender, slot
        if not request.event and key in taken:
            if taken[key].client_msg_id != request.client_msg_id:
                log.warning("seeded bug acted: %s", request.client_msg_id)
            return Stored(taken[key], dup=True)
        outcome = original_one(request, state, seen, plan, now_ms, new_id)
        if not request.event and isinstance(outcome, Stored):
            taken[key] = outcome.entry
        return outcome

    append_plan._plan_one = plan_one
