"""duplicate: one message shown twice on one device, or stored twice under one sender's id.

Shown twice counts presentations, after the client's own dedupe: copies that it dropped (RECEIVE)
are no violation. Stored twice means that the audit finds two copies of one identity.
"""

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Ints, pair


def check(history: History) -> Finding:
    shown = history.presented
    again = ~shown.first
    visible = np.unique(pair(shown.message[again], shown.session[again]))
    minted, stored = _minted(history)
    witnesses = [
        *(_minted_witness(history, int(message)) for message in minted[:WITNESSES_MAX]),
        *(_visible_witness(history, int(key)) for key in visible[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=shown.message.size + stored,
        what="presentations and stored messages",
        count=visible.size + minted.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
    )


def _minted(history: History) -> tuple[Ints, int]:
    records = history.records
    audit = np.flatnonzero((records["kind"] == Kind.AUDIT) & (history.messages.of_record >= 0))
    # The audit has one record for each copy that it finds.
    messages, copies = np.unique(history.messages.of_record[audit], return_counts=True)
    return messages[copies > 1], messages.size


def _minted_witness(history: History, message: int) -> Witness:
    records = history.records
    mine = (history.messages.of_record == message) & (records["kind"] == Kind.AUDIT)
    positions = ", ".join(str(seq) for seq in records["seq"][mine] if seq)
    where = f"at positions {positions}" if positions else f"{mine.sum()} times"
    return Witness(f"The audit finds {history.title(message)} stored {where}.", (message,))


def _visible_witness(history: History, key: int) -> Witness:
    message, session = key >> 32, key & 0xFFFFFFFF
    user, device = history.names.sessions[session]
    return Witness(
        f"{history.names.user(user)} ({device}) was shown {history.title(message)} twice.",
        (message,),
        user,
    )
