"""A message service counts the ids of messages from 1, and forgets the count when it restarts.

Messages after the restart have the ids of earlier ones.
"""

import logging
import sqlite3
from itertools import count

from gauntlet.reference_server.store import sqlite
from gauntlet.reference_server.store.append_plan import AppendPlan

SENTENCE = "After a restart of the message service, messages get ids that others have already."
SERVICES = ("message",)
ANOMALIES = ("ack-content",)
OPTIONS = {"scenario": "message", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Number the messages within the process."""
    numbers = count(1)
    original_write = sqlite._write

    def write(db: sqlite3.Connection, plan: AppendPlan) -> None:
        for entry in plan.entries:
            query = "SELECT conv FROM messages WHERE msg_id = ?"
            if first := db.execute(query, (entry.msg_id,)).fetchone():
                log.warning("seeded bug acted: %s is in %s, too", entry.msg_id, first[0])
        original_write(db, plan)

    sqlite._new_id = lambda: f"{next(numbers):016x}"
    sqlite._write = write
