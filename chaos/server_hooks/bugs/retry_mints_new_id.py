"""Seeded bug: a repeated `client_msg_id` is stored again, as a new message.

The database decides whether a send is a repeat, so a retry through another process is stored twice
as well. Receivers cannot drop the second message, because its ids and its position are new.
"""

from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored


def install() -> None:
    """Make the plan of a transaction treat a known message as a new one."""
    original_message = append_plan._plan_message  # noqa: SLF001  # a seeded bug replaces internals

    def message_without_deduplication(
        request: AppendRequest,
        state: ConversationState,
        seen: Mapping[Identity, Entry],
        plan: AppendPlan,
    ) -> Outcome | None:
        outcome = original_message(request, state, seen, plan)
        return None if isinstance(outcome, Stored) and outcome.dup else outcome

    append_plan._plan_message = message_without_deduplication  # noqa: SLF001  # a seeded bug replaces internals
