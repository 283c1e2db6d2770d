"""lost-acked: a message was acknowledged as stored, and the audit at the end does not find it.

A message is identified by (conversation, author, sender's number) in its body, so it is found even
if it is stored at another position or under another id. Only conversations whose audit was
completed (they have a HEAD record) are judged. What the server need not keep (`Traits.retention`)
and what was only handed over, because the protocol has no acknowledgement, is not judged. Where
the audit finds another body at a message's position, `phantom` reports that instead.
"""

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.reports.checks._shared import beyond_retention, lost_messages
from gauntlet.reports.checks.finding import WITNESSES_MAX, Counted, Finding, Witness
from gauntlet.reports.history.arrays import contains, distinct, equal, ints
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "lost-acked",
    "a message was acknowledged, and is not stored",
    aspect="loss",
    required=True,
    needs=(HISTORY,),
    # If every second message were lost, five messages would show it in 97 runs of 100.
    examined_min=5,
)

_MAY_DISAPPEAR = (
    "{count} acknowledged {messages} {are} not stored, and the adapter declares that messages may "
    "be deleted or expire."
)
_UNAUDITED = "{count} acknowledged {messages} {are} in conversations that were not audited."


def check(history: History) -> Finding:
    messages, records = history.messages, history.records
    audited = distinct(ints(records["conv"][equal(records["kind"], Kind.HEAD)]))
    acked = messages.acked & messages.sent & ~messages.handed_over
    audited_acked = acked & contains(audited, messages.conv)
    judged = audited_acked & ~beyond_retention(history)
    lost = np.flatnonzero(lost_messages(history))
    unaudited = int((acked & ~audited_acked).sum())
    if history.traits.may_disappear and lost.size:
        return Finding(
            examined=int(judged.sum()),
            subject="acknowledged messages",
            statement="{count} of {examined} {subject} {are} missing from storage.",
            doubts=(Counted(_MAY_DISAPPEAR, lost.size), Counted(_UNAUDITED, 0)),
        )
    return Finding(
        examined=int(judged.sum()),
        subject="acknowledged messages",
        statement="{count} of {examined} {subject} {are} missing from storage.",
        count=lost.size,
        witnesses=tuple(_witness(history, int(message)) for message in lost[:WITNESSES_MAX]),
        times_ns=messages.acked_ns[lost],
        happened="were acknowledged",
        doubts=(Counted(_MAY_DISAPPEAR, 0), Counted(_UNAUDITED, unaudited)),
    )


def _witness(history: History, message: int) -> Witness:
    position = int(history.messages.position[message])
    place = f" at position {position}" if position else ""
    title = history.title(message)
    return Witness(
        f"The server acknowledged that {title} is stored{place}, but the audit does not find it.",
        (message,),
        absent=True,
        at_ns=int(history.messages.acked_ns[message]),
    )
