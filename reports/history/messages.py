"""One row for each message, and one for each arrival that was missed.

A message is identified by (conversation, author, sender's number), which its body carries. So
retries, copies and foreign messages are recognised whatever position or id the server gives them.
"""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.history import Flag, Kind, Miss
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    equal,
    group_numbers,
    grouped,
    has_flag,
    ints,
    is_any,
    pair,
)

_MESSAGE_KINDS = (
    Kind.OP,
    Kind.ATTEMPT,
    Kind.ACK,
    Kind.REJECT,
    Kind.UNKNOWN,
    Kind.DELIVER,
    Kind.RECEIVE,
    Kind.AUDIT,
    Kind.STRAY,
    Kind.NAMED,
    Kind.STAMP,
    Kind.ARRIVED,
)


@dataclass(frozen=True)
class Messages:
    """Parallel arrays with one entry for each message, sent or only seen.

    Times are in nanoseconds and NEVER if it did not happen. `handed_over` marks those of the
    `acked` messages whose protocol has no acknowledgement, and `untried` those of the `rejected`
    ones that were never attempted. `unanswered_ns` is when a send ended without an answer, and
    `ended_ns` when it ended in any way. `of_record` has the message of each *record* (-1: none, or
    a foreign body, or a message of another run). `position` is the first known of audit,
    acknowledgement and delivery, 0 where unknown: an acknowledgement may name a wrong one.
    """

    of_record: Ints
    conv: Ints
    author: Ints
    sseq: Ints
    sent: Bools
    acked: Bools
    handed_over: Bools
    rejected: Bools
    untried: Bools
    given_up: Bools
    intended_ns: Ints
    handed_ns: Ints
    first_attempt_ns: Ints
    acked_ns: Ints
    unanswered_ns: Ints
    ended_ns: Ints
    stored: Bools
    position: Ints

    def __len__(self) -> int:
        return int(self.intended_ns.size)


@dataclass(frozen=True)
class MissedArrivals:
    """Parallel arrays with one entry for each arrival that became no op.

    `reason` is a `gauntlet.core.history.Miss`.
    """

    intended_ns: Ints
    missed_ns: Ints
    reason: Ints

    @property
    def backlog_full(self) -> Bools:
        """Which arrivals had a sender, but were missed because earlier sends had not ended."""
        full: Bools = self.reason != Miss.NO_SENDER
        return full


def collect_messages(records: Records) -> Messages:
    """Return the messages of a history."""
    chosen = _carries_message(records)
    of_record, representative = _identify(records, chosen)
    count = representative.size

    def first(kind: Kind, column: str, missing: int, which: Bools = chosen) -> Ints:
        # Backwards, because the last assignment to an index is the one that remains.
        at = np.flatnonzero(which & equal(records["kind"], kind))[::-1]
        values = np.full(count, missing, dtype=np.int64)
        values[of_record[at]] = records[column][at]
        return values

    position = first(Kind.AUDIT, "seq", 0)
    for kind in (Kind.ACK, Kind.DELIVER):
        if (position == 0).any():
            position = np.where(position == 0, first(kind, "seq", 0), position)
    handed_ns = first(Kind.OP, "t_ns", NEVER)
    acked_ns = first(Kind.ACK, "t_ns", NEVER)
    given_up_ns = first(Kind.UNKNOWN, "t_ns", NEVER)
    rejected_ns = first(Kind.REJECT, "t_ns", NEVER)
    # Rejected without an attempt: the op was still in its queue when the load ended.
    untried_ns = first(Kind.REJECT, "t_ns", NEVER, chosen & (records["spare"] == 0))
    handed_over = chosen & has_flag(records["flags"], Flag.HANDED_OVER)
    return Messages(
        of_record=of_record,
        conv=ints(records["conv"][representative]),
        author=ints(records["peer"][representative]),
        sseq=ints(records["sseq"][representative]),
        sent=handed_ns != NEVER,
        acked=acked_ns != NEVER,
        handed_over=first(Kind.ACK, "t_ns", NEVER, handed_over) != NEVER,
        rejected=rejected_ns != NEVER,
        untried=untried_ns != NEVER,
        given_up=given_up_ns != NEVER,
        intended_ns=ints(records["ref_ns"][representative]),
        handed_ns=handed_ns,
        first_attempt_ns=first(Kind.ATTEMPT, "t_ns", NEVER),
        acked_ns=acked_ns,
        unanswered_ns=np.minimum(given_up_ns, untried_ns),
        ended_ns=np.minimum(np.minimum(acked_ns, rejected_ns), given_up_ns),
        stored=first(Kind.AUDIT, "t_ns", NEVER) != NEVER,
        position=position,
    )


def collect_missed_arrivals(records: Records) -> MissedArrivals:
    """Return the missed arrivals of a history."""
    at = np.flatnonzero(equal(records["kind"], Kind.MISSED))
    return MissedArrivals(*(ints(records[column][at]) for column in ("ref_ns", "t_ns", "spare")))


def _carries_message(records: Records) -> Bools:
    other = records["flags"] & (Flag.ROOM_EVENT | Flag.FOREIGN | Flag.LEFTOVER)
    chosen: Bools = is_any(records["kind"], _MESSAGE_KINDS) & (other == 0)
    return chosen


def _identify(records: Records, chosen: Bools) -> tuple[Ints, Ints]:
    """Return each record's message, and each message's first record (its OP if it was sent)."""
    at = np.flatnonzero(chosen)
    author = group_numbers(pair(records["conv"][at], records["peer"][at]))
    messages = grouped(pair(author, records["sseq"][at]))
    of_record = np.full(records.size, -1, dtype=np.int64)
    of_record[at] = messages.of_row
    representative = at[messages.first]
    ops = np.flatnonzero(chosen & equal(records["kind"], Kind.OP))[::-1]
    representative[of_record[ops]] = ops
    return of_record, representative
