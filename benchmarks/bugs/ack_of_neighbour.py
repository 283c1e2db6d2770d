"""Two sends of one transaction receive each other's answer, in every fifth such transaction."""

import logging
from collections.abc import Sequence
from itertools import count

from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored
from gauntlet.reference_server.store.sqlite import SqliteMessageStore

SENTENCE = "Two sends that are committed together are answered with each other's positions."
SERVICES = ("message",)
ANOMALIES = ("ack-content", "position")
# At 40 messages a second, two are rarely in one transaction.
OPTIONS = {"scenario": "steady", "stack": "embedded", "rate": "120/s"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Exchange the first two outcomes of some transactions."""
    original_append = SqliteMessageStore.append
    numbers = count(1)

    async def append(self: SqliteMessageStore, batch: Sequence[AppendRequest]) -> list[Outcome]:
        outcomes = await original_append(self, batch)
        if len(batch) < 2 or any(request.event for request in batch[:2]):
            return outcomes
        if all(isinstance(outcome, Stored) for outcome in outcomes) and next(numbers) % 5 == 0:
            log.warning("seeded bug acted: %d in the batch", len(batch))
            outcomes[:2] = outcomes[1::-1]
        return outcomes

    SqliteMessageStore.append = append
