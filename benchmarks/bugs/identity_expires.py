"""The table of message identities keeps them for 1 s, where its unit should have been minutes.

A retry that arrives later is stored as a new message.
"""

import logging
import time
from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "A retry that arrives more than a second after the commit is stored as a new message."
SERVICES = ("message",)
ANOMALIES = ("duplicate",)
OPTIONS = {"scenario": "deaf", "stack": "embedded"}

KEPT_MS = 1000
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Forget the repeats of messages that were stored too long ago."""
    original_message = append_plan._plan_message

    def message(
        request: AppendRequest,
        state: ConversationState,
        seen: Mapping[Identity, Entry],
        plan: AppendPlan,
    ) -> Outcome | None:
        outcome = original_message(request, state, seen, plan)
        if isinstance(outcome, Stored) and outcome.dup:
            age_ms = time.time() * 1000 - outcome.entry.ts
            if age_ms > KEPT_MS:
                log.warning("seeded bug acted: a retry after %d ms", age_ms)
                return None
        return outcome

    append_plan._plan_message = message
