"""ack-content: an acknowledgement names its own message, and so do pushes and pages.

An acknowledgement may name the conversation, the id that the sender chose, the id that the server
assigned, and a position. Each must be that of the message: the conversation and the sender's id are
those that were sent, the server's id is the one under which the audit finds the message, and the
position is one at which the message was received or stored. Two messages may not be acknowledged
with one id, and a message that was never sent may not be acknowledged at all.

The id of the server in a push, and in a page that a client reads, is the one of the acknowledgement
or of the audit. It is compared only where acknowledgements name such ids, which says that they are
the same for every reader. A load compares them itself and records what differs (SHOWN).

A retry of a stored message is acknowledged with the names of the first attempt, which are the same.
What an acknowledgement does not name is not examined. Two messages that hold one position are the
concern of `position`, and a message that is not stored that of `lost-acked`.
"""

import numpy as np

from gauntlet.core.history import Channel, Kind, NamedFlag
from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._ack_positions import misplaced_acks, placed_acks
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    grouped,
    has_flag,
    ints,
    stable_order,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "ack-content",
    "an acknowledgement names another message, position or id than that of its own message",
    aspect="content",
    required=True,
    examined_min=5,
)


def check(history: History) -> Finding:
    records, of_record = history.records, history.messages.of_record
    named = equal(records["kind"], Kind.NAMED) & (of_record >= 0)
    by_audit = equal(records["flags"] & CHANNEL_BITS, Channel.AUDIT)
    by_copy = shown_names(history)
    acks, stored = np.flatnonzero(named & ~by_audit & ~by_copy), np.flatnonzero(named & by_audit)
    copies = np.flatnonzero(named & by_copy)
    unsent = np.flatnonzero(history.messages.acked & ~history.messages.sent)
    found = {
        "names {other}": acks[records["spare"][acks] != 0],
        "names an id under which another message was acknowledged": _shared_ids(history, acks),
        "names an id that the stored message does not have": _unknown_ids(history, acks, stored),
        "names position {seq}, where it was neither received nor stored": misplaced_acks(history),
        "": _misnamed_copies(history, acks, stored, copies),
    }
    # The first reason counts for an acknowledgement that is wrong in several ways.
    witnesses, wrong = [], np.empty(0, dtype=np.int64)
    for clause, at in found.items():
        new = at[~contains(wrong, of_record[at])]
        wrong = np.union1d(wrong, of_record[new])
        witnesses += [_witness(history, clause, int(record)) for record in new[:WITNESSES_MAX]]
    witnesses += [_unsent_witness(history, int(message)) for message in unsent[:WITNESSES_MAX]]
    examined = distinct(of_record[np.concatenate([acks, placed_acks(history)])])
    return Finding(
        examined=examined.size + unsent.size,
        subject="acknowledgements with content",
        statement="{count} of {examined} {subject} {are} not those of their message.",
        count=wrong.size + unsent.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        not_applicable=_why_not(history, acks),
    )


def _why_not(history: History, acks: Ints) -> str:
    answered = equal(history.records["kind"], Kind.ACK)
    if acks.size or (answered & (history.records["seq"] > 0)).any():
        return ""
    return "No acknowledgement names a conversation, an id or a position."


def acknowledged_ids(history: History) -> Ints:
    """Return the distinct ids (their digests) under which messages were acknowledged."""
    records = history.records
    named = equal(records["kind"], Kind.NAMED)
    named &= ~equal(records["flags"] & CHANNEL_BITS, Channel.AUDIT) & ~shown_names(history)
    named &= (history.messages.of_record >= 0) & (records["ref_ns"] != 0)
    return distinct(ints(records["ref_ns"][named]))


def shown_names(history: History) -> Bools:
    """Return the records of what pushes and pages call a message."""
    named = equal(history.records["kind"], Kind.NAMED)
    return named & has_flag(history.records["spare"], NamedFlag.SHOWN)


def _misnamed_copies(history: History, acks: Ints, stored: Ints, copies: Ints) -> Ints:
    """Return the copies whose id is none of those of their message.

    There are none where acknowledgements name no ids.
    """
    if not (history.records["ref_ns"][acks] != 0).any():
        return copies[:0]
    own = np.concatenate([acks, stored])
    return _unknown_ids(history, copies, own[history.records["ref_ns"][own] != 0])


def _shared_ids(history: History, acks: Ints) -> Ints:
    """Return the acknowledgements whose id an earlier one of another message has, too."""
    with_id = acks[history.records["ref_ns"][acks] != 0]
    message = history.messages.of_record[with_id]
    order = stable_order(history.records["ref_ns"][with_id], history.records["t_ns"][with_id])
    with_id, message = with_id[order], message[order]
    _, first, group = grouped(ints(history.records["ref_ns"][with_id]))
    later: Ints = with_id[message != message[first][group]]
    return later


def _unknown_ids(history: History, acks: Ints, stored: Ints) -> Ints:
    """Return the acknowledgements whose id is none of those under which their message is stored."""
    records, of_record = history.records, history.messages.of_record
    acks = acks[records["ref_ns"][acks] != 0]
    acks = acks[contains(distinct(of_record[stored]), of_record[acks])]
    both = np.concatenate([acks, stored])
    number = grouped(ints(records["ref_ns"][both])).of_row
    key = of_record[both] * both.size + number
    unknown: Ints = acks[~contains(distinct(key[acks.size :]), key[: acks.size])]
    return unknown


def _witness(history: History, clause: str, at: int) -> Witness:
    record, message = history.records[at], int(history.messages.of_record[at])
    names = {
        NamedFlag.OTHER_CONVERSATION: "another conversation",
        NamedFlag.OTHER_MESSAGE: "the id of another message",
    }
    other = " and ".join(text for flag, text in names.items() if record["spare"] & flag)
    what = clause.format(other=other, seq=f"{record['seq']:,}")
    title, user = history.title(message), int(history.user[at])
    sentence = f"The acknowledgement of {title} {what}."
    if record["spare"] & NamedFlag.SHOWN:
        receiver = history.names.user(user) if user else "A user"
        sentence = f"{receiver} received {title} with an id that is not the one of this message."
    return Witness(sentence, (message,), user, records=(at,))


def _unsent_witness(history: History, message: int) -> Witness:
    title = history.title(message)
    return Witness(f"The server acknowledged {title}, which was never sent.", (message,))
