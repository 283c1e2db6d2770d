"""The members of a room are read, changed and written as one list, without a lock.

Of two removals at about the same time, the second one writes the first user back.
"""

import logging
import time

from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "Of two members who are removed from a room within a second, the first one stays."
SERVICES = ("message",)
ANOMALIES = ("access", "misdelivery")
OPTIONS = {"scenario": "members", "stack": "embedded"}

STALE_S = 1.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Undo the last removal in a room when another one follows soon."""
    original_removed = append_plan.EVENTS["removed"]
    latest: dict[str, tuple[float, str, int]] = {}  # by room: when, whom, a member since

    def removed(
        request: AppendRequest, state: ConversationState, plan: AppendPlan
    ) -> Outcome | None:
        since = state.members.get(request.user)
        outcome = original_removed(request, state, plan)
        if outcome is not None or since is None:
            return outcome
        now_s = time.monotonic()
        then_s, user, user_since = latest.get(request.conv, (float("-inf"), "", 0))
        latest[request.conv] = now_s, request.user, since
        if now_s - then_s < STALE_S and user not in (request.user, *state.members):
            log.warning("seeded bug acted: %s stays in %s", user, request.conv)
            state.members[user] = plan.members[request.conv, user] = user_since
        return None

    append_plan.EVENTS = {**append_plan.EVENTS, "removed": removed}
