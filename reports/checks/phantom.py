"""phantom: something was received or is stored that no user sent in this form.

Every body carries its conversation, author, number and checksum. Violations are a body that the
load did not write or that belongs to another conversation (FOREIGN), a body whose checksum fails
(CRC_BAD), a message without an op, a message that was refused at every attempt (REJECT), and a copy
that names another id of the sender than the one that was sent (OTHER_MESSAGE). Deliveries, copies
that were dropped or never presented, and the audit are examined. Where others recorded a system in
which messages may be edited, a failed checksum is no violation. Messages of an earlier run
(LEFTOVER) are not among them: `gauntlet.reports.metrics.leftovers` counts them.
"""

import numpy as np

from gauntlet.core.history import RECORDED, STRANGER_SSEQ, Channel, Flag, Kind, NamedFlag
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._held_pushes import never_presented
from gauntlet.reports.checks.finding import WITNESSES_MAX, Counted, Finding, Witness
from gauntlet.reports.history.arrays import Ints, equal, has_flag, ints, is_any
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "phantom",
    "a message was never sent, or was refused, or its content is not what was sent",
    aspect="content",
    required=True,
    # If every second copy were corrupt, five would show it in 97 runs of 100.
    examined_min=5,
)


_EDITED = (
    "{count} more {have} another content than was sent, which the adapter declares as allowed."
)


def check(history: History) -> Finding:
    records, messages = history.records, history.messages
    seen = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT))
    seen |= never_presented(history)
    at = np.flatnonzero(seen & ~has_flag(records["flags"], Flag.ROOM_EVENT | Flag.LEFTOVER))
    message = messages.of_record[at]
    # In a history of others, one attempt may have been refused, and another one not answered.
    valid = messages.sent & (messages.acked | messages.given_up | ~messages.rejected)
    # The appended False is what records without a message (-1) find.
    unsent = ~np.append(valid, False)[message]
    # A message of a stranger was sent, and concerns `access`.
    unsent &= (message < 0) | (records["sseq"][at] < STRANGER_SSEQ)
    flags = records["flags"][at]
    foreign, changed = has_flag(flags, Flag.FOREIGN), has_flag(flags, Flag.CRC_BAD)
    edited = changed & ~foreign & ~unsent if _may_be_edited(history) else np.zeros_like(changed)
    phantoms = np.sort(
        np.concatenate([at[unsent | foreign | (changed & ~edited)], _misnamed(history)])
    )
    return Finding(
        examined=at.size,
        subject="received and stored copies",
        statement="{count} of {examined} {subject} {were} never sent, {were} refused, or {are} "
        "corrupt.",
        count=phantoms.size,
        witnesses=tuple(_witness(history, int(index)) for index in phantoms[:WITNESSES_MAX]),
        times_ns=ints(records["t_ns"][phantoms]),
        happened="were received",
        aside=Counted(_EDITED, int(edited.sum())),
        nothing_seen=""
        if (~equal(records["kind"].take(at), Kind.AUDIT)).any()
        else "No user received anything, so only the storage was examined.",
    )


def _misnamed(history: History) -> Ints:
    """Return the records of copies, pushed, read or stored, with another id of the sender."""
    records = history.records
    named = equal(records["kind"], Kind.NAMED) & (history.messages.of_record >= 0)
    named &= has_flag(records["spare"], NamedFlag.OTHER_MESSAGE)
    by_audit = equal(records["flags"] & CHANNEL_BITS, Channel.AUDIT)
    return np.flatnonzero(named & (by_audit | has_flag(records["spare"], NamedFlag.SHOWN)))


def _may_be_edited(history: History) -> bool:
    """Return whether users may have changed messages later; those of a load never do."""
    return history.traits.edits and history.scenario.target.adapter == RECORDED


def _named_by_others(history: History, index: int) -> int:
    """Return the message that a foreign copy of an imported history names, -1 if it names none."""
    if history.scenario.target.adapter != RECORDED or not history.records["sseq"][index]:
        return -1
    numbers = history.messages.sseq == history.records["sseq"][index]
    found = np.flatnonzero(numbers & history.messages.sent)
    return int(found[0]) if found.size else -1


def _witness(history: History, index: int) -> Witness:
    record = history.records[index]
    message, user = int(history.messages.of_record[index]), int(history.user[index])
    where = f"{history.names.user(user)} received" if user else "the audit found"
    conv = history.names.conv(int(record["conv"]))
    place = f"At position {record['seq']} of {conv}" if record["seq"] else f"In {conv}"
    if record["kind"] == Kind.NAMED:
        fault = f"{history.title(message)} with another id than the one its sender chose"
    elif record["flags"] & Flag.FOREIGN:
        named = _named_by_others(history, index)
        fault = (
            f"{history.title(named)} as one of another author"
            if named >= 0
            else "a body that was never sent there"
        )
    elif record["flags"] & Flag.CRC_BAD:
        fault = f"{history.title(message)} with a body whose checksum fails"
    elif history.messages.sent[message]:
        fault = f"{history.title(message)}, which the server had refused as not stored"
    else:
        fault = f"{history.title(message)}, which was never sent"
    return Witness(f"{place} {where} {fault}.", (message,) if message >= 0 else (), user, (index,))
