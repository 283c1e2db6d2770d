"""A transaction that is rolled back is planned again on the state that its first attempt left.

The last position of each conversation is cached there, so the positions of the first attempt are
never used.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import postgres, sqlite
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest

SENTENCE = "A transaction that is repeated after a rollback leaves holes in the positions."
SERVICES = ("message",)
ANOMALIES = ("position", "history-gap")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Plan every 20th transaction of messages twice on the same state."""
    original_plan = sqlite.plan_appends
    numbers = count(1)

    def plan_appends(
        batch: Sequence[AppendRequest],
        states: Mapping[str, ConversationState],
        known: Mapping[Identity, Entry],
        now_ms: int,
        new_id: Callable[[], str],
    ) -> AppendPlan:
        plan = original_plan(batch, states, known, now_ms, new_id)
        # A membership that only the first attempt has planned would be lost, too: another bug.
        has_members = plan.members or plan.present or any(request.event for request in batch)
        if has_members or not plan.entries or next(numbers) % 20:
            return plan
        log.warning("seeded bug acted: %d positions skipped", len(plan.entries))
        return original_plan(batch, states, known, now_ms, new_id)

    sqlite.plan_appends = plan_appends
    postgres.plan_appends = plan_appends
