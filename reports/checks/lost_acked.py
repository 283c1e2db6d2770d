"""lost-acked: the sender was told "stored", and the audit at the end does not find it.

Identity is (conversation, author, sender's number) out of the body, so a message stored under
another position or id is found. Only conversations whose audit was completed (they have a HEAD
record) are judged.
"""

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import contains, ints


def check(history: History) -> Finding:
    messages, records = history.messages, history.records
    audited = np.unique(ints(records["conv"][records["kind"] == Kind.HEAD]))
    stored = np.zeros(len(messages), dtype=np.bool_)
    found = messages.of_record[records["kind"] == Kind.AUDIT]
    stored[found[found >= 0]] = True
    acked = messages.acked & messages.sent
    judged = acked & contains(audited, messages.conv)
    lost = np.flatnonzero(judged & ~stored)
    unread = int((acked & ~judged).sum())
    return Finding(
        examined=int(judged.sum()),
        what="acknowledged messages",
        count=lost.size,
        witnesses=tuple(_witness(history, int(message)) for message in lost[:WITNESSES_MAX]),
        unknown=f"{unread:,} acknowledged messages are in conversations that were not audited."
        if unread
        else "",
    )


def _witness(history: History, message: int) -> Witness:
    position = int(history.messages.position[message])
    return Witness(
        f"The sender of {history.title(message)} was told that it is stored"
        f"{f' at position {position}' if position else ''}; the audit does not find it.",
        (message,),
    )
