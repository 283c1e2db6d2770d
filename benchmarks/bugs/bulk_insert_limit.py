"""The statement that inserts the messages of a transaction holds four rows, and ignores the others.

Senders that are in the same transaction are answered alike; every 15th one is slow, so others wait
behind it.
"""

import logging
import sqlite3
import time
from itertools import count

from gauntlet.reference_server.store import sqlite as store
from gauntlet.reference_server.store.append_plan import AppendPlan

SENTENCE = "Of a transaction with more than four messages only the first four are stored."
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "history-gap")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

ROWS, SLOW_S = 4, 0.25
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Delete the rows beyond the limit in the transaction that has written them."""
    original_write = store._write
    numbers = count(1)

    def write(db: sqlite3.Connection, plan: AppendPlan) -> None:
        original_write(db, plan)
        messages = [entry for entry in plan.entries if entry.type == "msg"]
        for entry in messages[ROWS:]:
            log.warning("seeded bug acted: %s", entry.client_msg_id)
            db.execute("DELETE FROM messages WHERE conv = ? AND seq = ?", (entry.conv, entry.seq))
        if next(numbers) % 15 == 0:
            time.sleep(SLOW_S)

    store._write = write
