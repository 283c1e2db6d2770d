"""From when on it is certain that a message without an answer is stored.

An op whose sender received no answer may be committed at any time, even while the audit reads. It
is certain to be stored from the moment at which a client received it. The same holds once a client
received a later position of its conversation, or an acknowledgement for one, because
conversations grow only at their end.
"""

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.history.arrays import (
    NEVER,
    Ints,
    Records,
    contains,
    distinct,
    find,
    ints,
    is_any,
    pair,
    stable_order,
)
from gauntlet.reports.history.messages import Messages

_PROVING_KINDS = (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.ARRIVED)


def proven_stored_ns(records: Records, messages: Messages) -> Ints:
    """Return, for each message, since when it is proven that it is stored.

    Only messages that are stored and whose send ended without an answer have a time; it is NEVER
    for those without such a proof, and for all other messages.
    """
    since_ns = np.full(len(messages), NEVER, dtype=np.int64)
    unanswered = messages.sent & messages.stored & ~messages.acked & ~messages.rejected
    candidates = np.flatnonzero(unanswered)
    if candidates.size == 0:
        return since_ns
    convs = distinct(messages.conv[candidates])
    foreign = records["flags"] & (Flag.FOREIGN | Flag.LEFTOVER)
    proves = is_any(records["kind"], _PROVING_KINDS) & (foreign == 0)
    proofs = np.flatnonzero(proves & contains(convs, ints(records["conv"])))
    # The appended False is what records without a message (-1) find.
    own = proofs[np.append(unanswered, False)[messages.of_record[proofs]]]
    np.minimum.at(since_ns, messages.of_record[own], ints(records["t_ns"][own]))
    placed = candidates[messages.position[candidates] > 0]
    reached_ns = _position_reached_ns(
        records, proofs, convs, messages.conv[placed], messages.position[placed]
    )
    since_ns[placed] = np.minimum(since_ns[placed], reached_ns)
    return since_ns


def _position_reached_ns(
    records: Records, proofs: Ints, convs: Ints, conv: Ints, position: Ints
) -> Ints:
    """Return when the records `proofs` first reached each position or a later one."""
    conversation = find(convs, ints(records["conv"][proofs]))
    order = stable_order(conversation)  # a conversation keeps the order of time
    # Keys of later conversations are larger, so one running maximum serves all conversations.
    reached = np.maximum.accumulate(pair(conversation, records["seq"][proofs])[order])
    target = pair(find(convs, conv), position)
    first = np.searchsorted(reached, target)
    same_conversation = np.append(reached, -1)[first] >> 32 == target >> 32
    times_ns = np.append(ints(records["t_ns"][proofs[order]]), NEVER)
    return np.where(same_conversation, times_ns[first], NEVER)
