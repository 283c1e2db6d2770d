"""One of 50 timestamps is local time of a zone one hour ahead, instead of UTC."""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import postgres, sqlite
from gauntlet.reference_server.store.append_plan import AppendPlan, ConversationState, Identity
from gauntlet.reference_server.store.base import AppendRequest

SENTENCE = "The timestamps of one transaction in 50 are an hour ahead."
SERVICES = ("message",)
ANOMALIES = ("timestamps",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

HOUR_MS = 3_600_000
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Plan some transactions at another time."""
    original_plan = sqlite.plan_appends
    numbers = count(1)

    def plan_appends(
        batch: Sequence[AppendRequest],
        states: Mapping[str, ConversationState],
        known: Mapping[Identity, Entry],
        now_ms: int,
        new_id: Callable[[], str],
    ) -> AppendPlan:
        if next(numbers) % 50 == 0:
            log.warning("seeded bug acted: %d messages", len(batch))
            now_ms += HOUR_MS
        return original_plan(batch, states, known, now_ms, new_id)

    sqlite.plan_appends = plan_appends
    postgres.plan_appends = plan_appends
