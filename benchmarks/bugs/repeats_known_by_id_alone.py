"""Repeats are recognised by conversation and client_msg_id, without the sender.

A message with the same client_msg_id as an earlier one of another member is answered as its repeat.
"""

import logging
from collections.abc import Callable

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "A message with the id of one of another sender is acknowledged and not stored."
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "ack-content", "position")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Answer with the message of another sender that has the same id, if there is one."""
    original_one = append_plan._plan_one
    stored: dict[tuple[str, str], Entry] = {}

    def plan_one(
        request: AppendRequest,
        state: ConversationState,
        seen: dict[Identity, Entry],
        plan: AppendPlan,
        now_ms: int,
        new_id: Callable[[], str],
    ) -> Outcome:
        key = request.conv, request.client_msg_id
        if not request.event and key in stored and stored[key].sender != request.sender:
            log.warning("seeded bug acted: %s in %s", request.client_msg_id, request.conv)
            return Stored(stored[key], dup=True)
        outcome = original_one(request, state, seen, plan, now_ms, new_id)
        if not request.event and isinstance(outcome, Stored):
            stored.setdefault(key, outcome.entry)
        return outcome

    append_plan._plan_one = plan_one
