"""A send to a room is accepted from users who are not a member of it.

The check is missing for one room in three, those that an import created.
"""

import logging
import zlib
from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry, is_room
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Refused

SENTENCE = "One room in three accepts messages from users who are not a member of it."
SERVICES = ("message",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Plan the refused messages of some rooms as if their senders were members."""
    original_message = append_plan._plan_message

    def message(
        request: AppendRequest,
        state: ConversationState,
        seen: Mapping[Identity, Entry],
        plan: AppendPlan,
    ) -> Outcome | None:
        outcome = original_message(request, state, seen, plan)
        is_open = is_room(request.conv) and zlib.crc32(request.conv.encode()) % 3 == 0
        if isinstance(outcome, Refused) and is_open and request.refused is None:
            log.warning("seeded bug acted: %s sends to %s", request.sender, request.conv)
            return None
        return outcome

    append_plan._plan_message = message
