"""The query for a page of history joins the members, to look up the senders' names.

What a user wrote before they were removed from a room is missing in its history.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import messages
from gauntlet.reference_server.store.messages import MessageReader

SENTENCE = "The history of a room lacks the messages of users who are no longer members."
SERVICES = ("message",)
ANOMALIES = ("history-gap",)
OPTIONS = {"scenario": "members", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Read only messages of present members; room events stay."""
    original_sql, original = messages._ENTRIES, MessageReader.entries
    condition = "WHERE conv = $1 AND seq > $2"
    joined = """ AND (sender = '' OR conv LIKE 'd.%' OR EXISTS (
        SELECT 1 FROM members m WHERE m.conv = messages.conv AND m.member = messages.sender))"""
    assert condition in original_sql
    broken_sql = original_sql.replace(condition, condition + joined)

    async def entries(
        self: MessageReader, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        messages._ENTRIES = original_sql
        right, _ = await original(self, conv, after, limit)
        messages._ENTRIES = broken_sql
        read, head = await original(self, conv, after, limit)
        if len(read) < len(right):
            log.warning("seeded bug acted: %d of %s", len(right) - len(read), conv)
        return read, max(head, right[-1].seq if right else 0)

    MessageReader.entries = entries
