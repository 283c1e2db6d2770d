"""Of each sender in a conversation, only the id of the latest message is remembered.

A client that sends an older message again, because it did not save the answer, has it stored twice.
"""

import logging
from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "A message that is sent again after others of its sender is stored as a new one."
SERVICES = ("message",)
ANOMALIES = ("duplicate",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Recognise only a repeat of the sender's latest message."""
    original_message = append_plan._plan_message
    latest: dict[tuple[str, str], str] = {}

    def message(
        request: AppendRequest,
        state: ConversationState,
        seen: Mapping[Identity, Entry],
        plan: AppendPlan,
    ) -> Outcome | None:
        key = request.conv, request.sender
        is_latest = latest.get(key, request.client_msg_id) == request.client_msg_id
        outcome = original_message(request, state, seen, plan)
        if isinstance(outcome, Stored) and outcome.dup and not is_latest:
            log.warning("seeded bug acted: %s is stored again", request.client_msg_id)
            outcome = None
        latest[key] = request.client_msg_id
        return outcome

    append_plan._plan_message = message
