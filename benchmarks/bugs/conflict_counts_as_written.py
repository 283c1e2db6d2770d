"""A transaction that loses to another writer of the same conversation counts as committed.

PostgreSQL refuses the batch because a head has moved, the error is taken for a repeat, and all
senders of the batch are told that their messages are stored.
"""

import logging

import asyncpg

from gauntlet.reference_server.store import postgres
from gauntlet.reference_server.store.append_plan import AppendPlan

SENTENCE = "When two transactions write to one conversation, one is lost and still acknowledged."
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "position")
OPTIONS = {"scenario": "catchup", "stack": "full"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Report a write that was refused as done."""
    original = postgres._write

    async def write(connection: asyncpg.Connection, plan: AppendPlan) -> bool:
        if not await original(connection, plan):
            log.warning("seeded bug acted: %d entries are not written", len(plan.entries))
        return True

    postgres._write = write
