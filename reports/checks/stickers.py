"""stickers: a sticker was stored as something else, or one that the server lists was refused.

Accounts that take no part in the load send stickers to each other which the server has listed for
5 s, and which it therefore knows (STICKER). The history of their conversation must have what was
sent. A refusal counts unless a fault, or its recovery, may be the reason. Both digests cover the
sticker and the text beside it.
"""

import numpy as np

from gauntlet.core.history import Kind, ProbeResult
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._shared import may_meet_fault
from gauntlet.reports.checks.access import BLOCK_NS
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Bools, Ints, equal, find, grouped, ints, pair
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "stickers",
    "a sticker was stored as something else, or one that the server lists was refused",
    aspect="contacts",
    required=True,
    examined_min=1,
)


def check(history: History) -> Finding:
    records = history.records
    at = np.flatnonzero(equal(records["kind"], Kind.STICKER))
    sent = at[records["spare"][at] > 0]
    read = at[records["spare"][at] == 0]
    examined = sent[records["spare"][sent] == ProbeResult.GRANTED]
    refused = sent[_is_refused(history, sent)]
    changed = read[_differs(history, read, sent) & (not history.traits.edits)]
    wrong = np.sort(np.concatenate([refused, changed]))
    why_not = "" if at.size else "No account outside the load sent a sticker."
    return Finding(
        examined=examined.size + refused.size,
        subject="stickers",
        statement="{count} of {examined} {subject} {were} refused or stored as something else.",
        count=wrong.size,
        witnesses=tuple(_witness(history, int(each)) for each in wrong[:WITNESSES_MAX]),
        not_applicable=why_not or ("" if examined.size + refused.size else _UNANSWERED),
        unexamined=0 if examined.size + refused.size else at.size,
        times_ns=ints(records["t_ns"][wrong]),
    )


_UNANSWERED = "No sticker was accepted, and none was refused outside of faults."


def _is_refused(history: History, sent: Ints) -> Bools:
    """Return which sends were refused although the server had known the sticker for a while."""
    records = history.records
    begun_ns = ints(records["ref_ns"][sent]) - BLOCK_NS
    excused = may_meet_fault(history, begun_ns, ints(records["t_ns"][sent]))
    found: Bools = equal(records["spare"][sent], ProbeResult.REFUSED) & ~excused
    return found


def _differs(history: History, read: Ints, sent: Ints) -> Bools:
    """Return which messages were read with another content than they were sent with."""
    records = history.records
    messages, first, _ = grouped(pair(records["peer"][sent], records["sseq"][sent]))
    digests = np.append(ints(records["seq"][sent[first]]), -1)
    of_read = find(messages, pair(records["peer"][read], records["sseq"][read]))
    found: Bools = (of_read >= 0) & (digests[of_read] != ints(records["seq"][read]))
    return found


def _witness(history: History, at: int) -> Witness:
    record = history.records[at]
    sender = history.names.user(int(record["peer"]))
    sentence = f"{sender} sent a sticker that the server lists, and was refused."
    if record["spare"] == 0:
        sentence = f"The history has another sticker or text than {sender} sent."
    return Witness(sentence, records=(at,), at_ns=int(record["t_ns"]))
