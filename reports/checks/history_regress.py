"""history-regress: a later read of the history knows less than clients knew before it.

A page that reaches the end of a conversation reports its head. This head must not lie before a
position that was acknowledged, received or reported as the head by another page before the page
was requested: a client that reads after its own send, or after a push, must find it. The pages of
users and of the audit are examined. The pages of a user who may not read the position that was
known are not, because a server ends the history of such a user earlier.

Runs of older versions do not record which pages reached the head.
"""

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.reports.checks._known_positions import KnownPositions, last_pages
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Bools, Ints, ints
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "history-regress",
    "a later read of the history knew less than clients had known before it",
    aspect="re-sync",
    required=True,
    needs=(SERVER_SEQ, HISTORY),
    # Pages are rare in short runs, and each can know too little.
    examined_min=1,
)


def check(history: History) -> Finding:
    records = history.records
    pages = last_pages(records)
    conv = ints(records["conv"][pages])
    known = history.once(KnownPositions).before(conv, ints(records["ref_ns"][pages]))
    stale = (ints(records["sseq"][pages]) < known) & _may_read(history, pages, conv, known)
    return Finding(
        examined=pages.size,
        subject="pages that reached the head",
        statement="{count} of {examined} {subject} knew less than clients had known before.",
        count=int(stale.sum()),
        witnesses=tuple(
            _witness(history, int(page), int(position))
            for page, position in zip(
                pages[stale][:WITNESSES_MAX], known[stale][:WITNESSES_MAX], strict=True
            )
        ),
        times_ns=ints(records["t_ns"][pages[stale]]),
        not_applicable="" if pages.size else "No page of history reached the head.",
    )


def _may_read(history: History, pages: Ints, conv: Ints, position: Ints) -> Bools:
    """Return which readers may read a position; the audit reads as a member of the whole."""
    by_audit = history.records["link"][pages] == 0
    allowed: Bools = by_audit | ~history.membership.excluded(conv, history.user[pages], position)
    return allowed


def _witness(history: History, page: int, known: int) -> Witness:
    record, user = history.records[page], int(history.user[page])
    reader = history.names.user(user) if user else "the audit"
    conv = int(record["conv"])
    messages = history.messages
    message = np.flatnonzero((messages.conv == conv) & (messages.position == known))
    return Witness(
        f"A page of {history.names.conv(conv)} that {reader} requested ends at position "
        f"{record['sseq']}, although position {known} was known before the request.",
        tuple(message.tolist()),
        user,
        (page,),
    )
