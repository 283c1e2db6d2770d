"""The position before a message is reserved, left unused, and given to the room's next message.

The next message may be sent after the other one was acknowledged, and yet is placed before it.
"""

import logging
from collections.abc import Callable

from gauntlet.reference_server.core.wire import Entry, is_room
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = (
    "Some messages of rooms are placed before one that was acknowledged before they were sent."
)
SERVICES = ("message",)
ANOMALIES = ("realtime", "sender-fifo")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

# Which positions of a room: after its members have entered, and not at the end of the load.
FIRST, LAST, EVERY = 20, 52, 8
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Place some messages one position too high, and write them with the next message."""
    original_one = append_plan._plan_one
    waiting: dict[str, Entry] = {}

    def is_chosen(request: AppendRequest, state: ConversationState) -> bool:
        in_range = FIRST <= state.last_seq <= LAST and state.last_seq % EVERY == 0
        return in_range and is_room(request.conv) and not request.event

    def plan_one(
        request: AppendRequest,
        state: ConversationState,
        seen: dict[Identity, Entry],
        plan: AppendPlan,
        now_ms: int,
        new_id: Callable[[], str],
    ) -> Outcome:
        held = waiting.get(request.conv)
        if held is None and is_chosen(request, state):
            above = ConversationState(state.last_seq + 1, state.members, state.present)
            outcome = original_one(request, above, dict(seen), AppendPlan(), now_ms, new_id)
            if isinstance(outcome, Stored) and not outcome.dup:
                waiting[request.conv] = outcome.entry
            return outcome
        outcome = original_one(request, state, seen, plan, now_ms, new_id)
        if held is not None and isinstance(outcome, Stored) and not outcome.dup:
            log.warning("seeded bug acted: %s before %d", request.conv, held.seq)
            plan.entries.append(waiting.pop(request.conv))
            state.last_seq = held.seq
        return outcome

    append_plan._plan_one = plan_one
