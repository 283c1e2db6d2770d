"""duplicate: a message was presented twice on one device, or is stored twice.

Presentations count after the client's own deduplication: copies that it dropped (RECEIVE) are no
violation. A message is stored twice if the audit finds two copies with the same identity.
"""

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Ints, equal, ints, pair
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "duplicate",
    "a message was presented twice to the same user, or stored twice under one sender's id",
    aspect="duplicates",
    required=True,
    # If every second message came twice, five would show it in 97 runs of 100.
    examined_min=5,
)

_RECORDS_MAX = 4  # of one witness


def check(history: History) -> Finding:
    presentations = history.presentations
    again = ~presentations.first
    presented_twice, at = np.unique(
        pair(presentations.message[again], presentations.session[again]), return_index=True
    )
    stored_twice, stored = _stored_twice(history)
    witnesses = [
        *(_stored_witness(history, int(message)) for message in stored_twice[:WITNESSES_MAX]),
        *(_presented_witness(history, int(key)) for key in presented_twice[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=presentations.message.size + stored,
        subject="presentations and stored messages",
        statement="{count} of {examined} {subject} {are} {duplicates}.",
        count=presented_twice.size + stored_twice.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        times_ns=ints(history.records["t_ns"][presentations.record[again][at]])
        if not stored_twice.size
        else None,
        happened="were received again",
        nothing_seen="" if presentations.message.size else "No message was presented to anybody.",
    )


def _stored_twice(history: History) -> tuple[Ints, int]:
    """Return the messages with several stored copies, and how many messages are stored."""
    records = history.records
    audit = np.flatnonzero(equal(records["kind"], Kind.AUDIT) & (history.messages.of_record >= 0))
    # The audit has one record for each copy that it finds.
    copies = np.bincount(history.messages.of_record[audit], minlength=1)
    return np.flatnonzero(copies > 1), int((copies > 0).sum())


def _records(history: History, message: int, session: int) -> tuple[int, ...]:
    """Return the presentations of a message to a session."""
    shown = history.presentations
    at = shown.record[(shown.message == message) & (shown.session == session)]
    return tuple(at[:_RECORDS_MAX].tolist())


def _stored_witness(history: History, message: int) -> Witness:
    records = history.records
    copies = (history.messages.of_record == message) & equal(records["kind"], Kind.AUDIT)
    positions = [str(seq) for seq in records["seq"][copies] if seq]
    where = f"at positions {', '.join(positions)}"
    if len(positions) < copies.sum():  # the others are not known
        where = f"{copies.sum()} times"
    return Witness(
        f"The audit finds {history.title(message)} stored {where}.",
        (message,),
        records=tuple(np.flatnonzero(copies)[:_RECORDS_MAX].tolist()),
    )


def _presented_witness(history: History, key: int) -> Witness:
    message, session = key >> 32, key & 0xFFFFFFFF
    user, device = history.names.sessions[session]
    return Witness(
        f"{history.names.user(user)} ({device}) received {history.title(message)} twice.",
        (message,),
        user,
        _records(history, message, session),
        session=session,
    )
