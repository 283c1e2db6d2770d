"""The identities of stored messages are kept in memory and are lost at a restart.

A message that was committed before the restart and is retried after it is stored again.
"""

import logging
from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "A retry after a restart of the message service is stored as a new message."
SERVICES = ("message",)
ANOMALIES = ("duplicate",)
OPTIONS = {"scenario": "unanswered", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Recognise only repeats of what this process has planned."""
    original_message = append_plan._plan_message
    planned: set[Identity] = set()

    def message(
        request: AppendRequest,
        state: ConversationState,
        seen: Mapping[Identity, Entry],
        plan: AppendPlan,
    ) -> Outcome | None:
        key = append_plan.identity(request)
        outcome = original_message(request, state, seen, plan)
        if isinstance(outcome, Stored) and outcome.dup and key not in planned:
            log.warning("seeded bug acted: a repeat is stored again")
            planned.add(key)
            return None
        planned.add(key)
        return outcome

    append_plan._plan_message = message
