"""The database loses its last transaction when the process is killed, as with `synchronous=OFF`.

After the restart the positions of the lost messages are given to other messages.
"""

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from gauntlet.reference_server.store import sqlite as store

SENTENCE = "A kill of the message service loses the newest message of each conversation."
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "position")
OPTIONS = {"scenario": "message", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Drop the last message of each conversation when a file with messages is opened to write."""
    original_open = store._open

    def open_database(path: Path, schema: Sequence[str]) -> sqlite3.Connection:
        db = original_open(path, schema)
        if any("messages" in statement for statement in schema):
            dropped = db.execute(
                """DELETE FROM messages WHERE kind = 'msg' AND seq > 1 AND seq =
                (SELECT last_seq FROM conversations c WHERE c.conv = messages.conv)"""
            ).rowcount
            db.execute(
                """UPDATE conversations SET last_seq =
                (SELECT max(seq) FROM messages m WHERE m.conv = conversations.conv)"""
            )
            if dropped:
                log.warning("seeded bug acted: %d messages dropped", dropped)
        return db

    store._open = open_database
