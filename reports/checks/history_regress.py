"""history-regress: a later read of the history knows less than clients knew before it.

A page that reaches the end of a conversation reports its head. This head must not lie before a
position that was acknowledged, received or reported as the head by another page before the page was
requested: a client that reads after its own send, or after a push, must find it. The pages of users
and of the audit are examined, and so are the last positions that a server states when it accepts a
connection, or in a list of all conversations of a user. Those of a user who may not read the
position that was known are not, because a server ends the history of such a user earlier. Where
messages may disappear, the end may go back.

Runs of older versions do not record which pages reached the head.
"""

import numpy as np

from gauntlet.core.history import Kind, PageFlag
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.reports.checks._stale_reads import stale_reads
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import ints
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "history-regress",
    "a later read of the history knew less than clients had known before it",
    aspect="re-sync",
    required=True,
    needs=(SERVER_SEQ, HISTORY),
    # Reads are rare in short runs, and each can know too little.
    examined_min=1,
)


def check(history: History) -> Finding:
    reads, known, stale = history.once(stale_reads)
    return Finding(
        examined=reads.size,
        subject="reads of the last position",
        statement="{count} of {examined} {subject} knew less than clients had known before.",
        count=int(stale.sum()),
        witnesses=tuple(
            _witness(history, int(read), int(position))
            for read, position in zip(
                reads[stale][:WITNESSES_MAX], known[stale][:WITNESSES_MAX], strict=True
            )
        ),
        times_ns=ints(history.records["t_ns"][reads[stale]]),
        not_applicable="" if reads.size else "No page of history reached the head.",
    )


def _witness(history: History, read: int, known: int) -> Witness:
    record, user = history.records[read], int(history.user[read])
    reader = history.names.user(user) if user else "the audit"
    conv = int(record["conv"])
    messages = history.messages
    message = np.flatnonzero((messages.conv == conv) & (messages.position == known))
    text = (
        f"A page of {history.names.conv(conv)} that {reader} requested ends at position "
        f"{record['sseq']}, although position {known} was known before the request."
    )
    if record["kind"] == Kind.PAGE and record["spare"] & PageFlag.HEADS:
        text = (
            f"The list of heads that {reader} requested has {history.names.conv(conv)} at position "
            f"{record['sseq']}, although position {known} was known before the request."
        )
    if record["kind"] == Kind.START:
        text = (
            f"{reader} was told at connect that {history.names.conv(conv)} ends at position "
            f"{record['seq']}, although position {known} was known before the connection was begun."
        )
    return Witness(text, tuple(message.tolist()), user, (read,))
