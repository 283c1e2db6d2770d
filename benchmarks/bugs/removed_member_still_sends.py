"""The check of a sender's membership uses the members of two seconds ago.

A user who was just removed from a room can still write to it.
"""

import logging
import time
from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "A user who was removed from a room can write to it for two seconds."
SERVICES = ("message",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "members", "stack": "embedded"}
KEPT_S = 2.0

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Treat a user as a sender of the room for a moment after their removal."""
    original_removed, original_message = append_plan._plan_removed, append_plan._plan_message
    removed_s: dict[tuple[str, str], float] = {}

    def plan_removed(
        request: AppendRequest, state: ConversationState, plan: AppendPlan
    ) -> Outcome | None:
        if request.user in state.members:
            removed_s[request.conv, request.user] = time.monotonic()
        return original_removed(request, state, plan)

    def plan_message(
        request: AppendRequest,
        state: ConversationState,
        seen: Mapping[Identity, Entry],
        plan: AppendPlan,
    ) -> Outcome | None:
        key = request.conv, request.sender
        was_removed = request.sender not in state.members and key in removed_s
        if not was_removed or time.monotonic() - removed_s[key] > KEPT_S:
            return original_message(request, state, seen, plan)
        log.warning("seeded bug acted: %s writes to %s", request.sender, request.conv)
        state.members[request.sender] = state.last_seq
        try:
            return original_message(request, state, seen, plan)
        finally:
            del state.members[request.sender]

    append_plan._plan_message = plan_message
    append_plan._plan_removed = plan_removed
    append_plan.EVENTS["removed"] = plan_removed
