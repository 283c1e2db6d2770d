"""A seeded bug: a repeated `client_msg_id` is stored once more, as a new message.

Whether a send is a repeat is what the database says, so that a retry through another process goes
wrong as well. Receivers cannot drop the second message: its ids and its position are new.
"""

from collections.abc import Mapping

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import append_plan
from gauntlet.reference_server.store.append_plan import ConvState, Identity, Plan
from gauntlet.reference_server.store.base import Append, Outcome, Stored


def install() -> None:
    """Let the plan of a transaction take a known message for a new one."""
    honest = append_plan._message  # noqa: SLF001  # a seeded bug reaches where an author would slip

    def forgetful(
        wish: Append, state: ConvState, seen: Mapping[Identity, Entry], planned: Plan
    ) -> Outcome | None:
        outcome = honest(wish, state, seen, planned)
        return None if isinstance(outcome, Stored) and outcome.dup else outcome

    append_plan._message = forgetful  # noqa: SLF001  # same
