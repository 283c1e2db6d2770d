"""timestamps: the server stamps a message with the time at which it accepted it.

A message was accepted after the first attempt to send it, and before it was first acknowledged or
received. Its time stamp, wherever it is shown, lies between the two; and stamps do not decrease
along the positions of a conversation. Both hold within `clock_tolerance`, because the server and
the load read different clocks. Where a system declares the unit of its stamps, all stamps of a
message are the same in that unit: they are one time of one clock.

Where the server may run on another host, the difference of the clocks is estimated: it is the
median distance of the stamps from the middle of their intervals, and is taken into account up to
a minute. A larger one is more likely the wrong time zone or unit.

Copies of a message that is stored or acknowledged twice have other stamps; `duplicate` reports
them. The stamp of a delivery is only known to `STAMP_AGE_UNIT_NS`, and beyond `STAMP_AGE_MAX` only
its side is known. Therefore a load compares the stamps themselves, and marks those that differ
(DIFFERS).
"""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S, format_s
from gauntlet.core.history import (
    STAMP_AGE_MAX,
    STAMP_AGE_UNIT_NS,
    STAMP_AGE_ZERO,
    Channel,
    Kind,
    StampFlag,
)
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import TIMESTAMPS
from gauntlet.reports.checks._shared import found_positions
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    grouped,
    has_flag,
    ints,
    is_any,
    stable_order,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "timestamps",
    "a message is stamped with a time at which the server cannot have accepted it",
    aspect="content",
    required=True,
    needs=(TIMESTAMPS,),
    examined_min=5,
)
# Fewer stamps do not show how the clocks differ.
ESTIMATED_FROM_MIN = 20
DIFFERENCE_MAX_NS = 60 * NS_PER_S


@dataclass(frozen=True)
class _Stamps:
    """Every time stamp that can be judged: its record, message and time, and how far it is off.

    `exact` is False for a stamp of which only the side is known. `early_ns` is how long before the
    first attempt it lies, `late_ns` how long after the message was known to be accepted.
    """

    record: Ints
    message: Ints
    t_ns: Ints
    exact: Bools
    early_ns: Ints
    late_ns: Ints

    def chosen(self, which: Bools | Ints) -> "_Stamps":
        """Return some of the stamps, in this order."""
        return _Stamps(
            self.record[which],
            self.message[which],
            self.t_ns[which],
            self.exact[which],
            self.early_ns[which],
            self.late_ns[which],
        )


def check(history: History) -> Finding:
    stamps, lead_ns = _stamps(history)
    allowed_ns = _allowed_ns(history)
    wrong = (stamps.early_ns > allowed_ns) | (stamps.late_ns > allowed_ns)
    stamps, wrong = stamps.chosen(stamps.exact | wrong), wrong[stamps.exact | wrong]
    outside = stamps.chosen(wrong)
    backwards, latest = _backwards(history, stamps.chosen(~wrong), allowed_ns)
    differing, earliest = _differing(history, stamps.chosen(stamps.exact))
    messages, first = np.unique(outside.message, return_index=True)
    new = ~contains(messages, backwards.message)
    named = np.concatenate([messages, backwards.message])
    further = ~contains(distinct(named), differing.message)
    records = np.concatenate(
        [outside.record[first], backwards.record[new], differing.record[further]]
    )
    witnesses = [_outside(history, outside, int(at)) for at in first[:WITNESSES_MAX]]
    witnesses += [
        _behind(history, backwards, latest, int(at)) for at in np.flatnonzero(new)[:WITNESSES_MAX]
    ]
    witnesses += [
        _different(history, differing, earliest, int(at))
        for at in np.flatnonzero(further)[:WITNESSES_MAX]
    ]
    clocks = f" The server's clock is {_lead(lead_ns)}; that is accounted for." if lead_ns else ""
    return Finding(
        examined=distinct(stamps.message).size,
        subject="messages with a time stamp",
        statement="{count} of {examined} {subject} {were} stamped with a time at which the server "
        f"cannot have accepted them{', or with different times' if further.any() else ''}."
        + clocks,
        count=records.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        times_ns=ints(history.records["t_ns"][records]),
        happened="were received",
    )


def _allowed_ns(history: History) -> int:
    """Return by how much a stamp may lie outside of the times that it should lie between."""
    return int(history.scenario.clock_tolerance * NS_PER_S) + _recording_error_ns(history)


def _recording_error_ns(history: History) -> int:
    """Return how exactly stamps are known: the unit of recorded ages and the workers' clocks."""
    return STAMP_AGE_UNIT_NS + int(2 * history.events.clocks.error_ms * NS_PER_MS)


def _stamps(history: History) -> tuple[_Stamps, int]:
    """Return the stamps of messages that were sent, and how far the server's clock is ahead."""
    records, messages = history.records, history.messages
    of_record = messages.of_record
    shown = equal(records["kind"], Kind.DELIVER) & (records["spare"] != 0)
    record = np.flatnonzero((equal(records["kind"], Kind.STAMP) | shown) & (of_record >= 0))
    tried = messages.sent & (messages.first_attempt_ns != NEVER) & ~_copied(history)
    record = record[tried[of_record[record]]]
    message, by_age = of_record[record], shown[record]
    age = ints(records["spare"][record]) - STAMP_AGE_ZERO
    aged_ns = ints(records["t_ns"][record]) - age * STAMP_AGE_UNIT_NS
    t_ns = np.where(by_age, aged_ns, ints(records["ref_ns"][record]))
    exact = ~by_age | (np.abs(age) < STAMP_AGE_MAX)
    low_ns = messages.first_attempt_ns[message]
    high_ns = np.maximum(_accepted_ns(history)[message], low_ns)
    lead_ns = _lead_ns(history, t_ns[exact] - (low_ns[exact] + high_ns[exact]) // 2)
    t_ns = t_ns - lead_ns
    return _Stamps(record, message, t_ns, exact, low_ns - t_ns, t_ns - high_ns), lead_ns


def _copied(history: History) -> Bools:
    """Return which messages are stored more than once."""
    records, of_record = history.records, history.messages.of_record
    stored = of_record[equal(records["kind"], Kind.AUDIT) & (of_record >= 0)]
    copied: Bools = np.bincount(stored, minlength=len(history.messages)) > 1
    return copied


def _accepted_ns(history: History) -> Ints:
    """Return when each message was first known to be accepted: acknowledged, received or stored."""
    records, messages = history.records, history.messages
    accepted_ns = np.where(messages.handed_over, NEVER, messages.acked_ns)
    shows = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT))
    at = np.flatnonzero(shows & (messages.of_record >= 0))
    np.minimum.at(accepted_ns, messages.of_record[at], ints(records["t_ns"][at]))
    return accepted_ns


def may_differ(history: History) -> bool:
    """Return whether the server's clock may be another one than the load's."""
    return history.scenario.target.stack == "external" or bool(history.events.clocks.measured)


def _lead_ns(history: History, off_ns: Ints) -> int:
    """Return how far the server's clock is ahead, where it may be another one than the load's."""
    if not may_differ(history) or off_ns.size < ESTIMATED_FROM_MIN:
        return 0
    lead_ns = int(np.median(off_ns))
    return lead_ns if abs(lead_ns) <= DIFFERENCE_MAX_NS else 0


def _backwards(history: History, stamps: _Stamps, allowed_ns: int) -> tuple[_Stamps, _Stamps]:
    """Return the stamps behind the latest one of earlier positions, and these latest ones.

    The first recorded stamp of each message stands for it.
    """
    first = np.zeros(stamps.record.size, dtype=np.bool_)
    first[grouped(stamps.message).first] = True
    found = found_positions(history)
    placed = stamps.chosen(first & stamps.exact & (found[stamps.message] > 0))
    conv = history.messages.conv[placed.message]
    placed = placed.chosen(stable_order(conv, found[placed.message], placed.t_ns))
    number = grouped(history.messages.conv[placed.message]).of_row
    by_time = stable_order(placed.t_ns)
    rank = np.empty(by_time.size, dtype=np.int64)
    rank[by_time] = np.arange(by_time.size)
    # Later conversations lie above all earlier ones, so that one scan serves them all.
    offset = number * by_time.size
    latest = by_time[np.maximum.accumulate(rank + offset) - offset]
    behind = placed.t_ns[latest] - placed.t_ns > allowed_ns
    return placed.chosen(behind), placed.chosen(latest[behind])


def _differing(history: History, stamps: _Stamps) -> tuple[_Stamps, _Stamps]:
    """Return the latest stamps of messages whose stamps differ, and the earliest ones.

    Nothing differs where the system does not declare the unit of its stamps.
    """
    unit_s = history.traits.stamp_unit_s
    if unit_s is None or not stamps.record.size:
        return stamps.chosen(stamps.record[:0]), stamps.chosen(stamps.record[:0])
    stamps = stamps.chosen(stable_order(stamps.message, stamps.t_ns))
    first = grouped(stamps.message).first
    earliest = stamps.chosen(first)
    latest = stamps.chosen(np.append(first[1:], stamps.record.size) - 1)
    allowed_ns = int(unit_s * NS_PER_S) + _recording_error_ns(history)
    differing = latest.t_ns - earliest.t_ns > allowed_ns
    differing |= contains(distinct(stamps.message[_marked(history, stamps)]), latest.message)
    return latest.chosen(differing), earliest.chosen(differing)


def _marked(history: History, stamps: _Stamps) -> Bools:
    """Return which stamps are not those with which the same worker has seen the message before."""
    records = history.records
    marked = has_flag(records["spare"][stamps.record], StampFlag.DIFFERS)
    return marked & equal(records["kind"][stamps.record], Kind.STAMP)


def _outside(history: History, stamps: _Stamps, at: int) -> Witness:
    early_ns, late_ns = int(stamps.early_ns[at]), int(stamps.late_ns[at])
    off = f"{format_s(max(early_ns, late_ns) / NS_PER_S)}"
    off = off if stamps.exact[at] else f"more than {off}"
    side = "before it was first sent" if early_ns > late_ns else "after it was known to be accepted"
    return _witness(history, stamps, at, f"is {off} {side}")


def _behind(history: History, stamps: _Stamps, latest: _Stamps, at: int) -> Witness:
    back = format_s(int(latest.t_ns[at] - stamps.t_ns[at]) / NS_PER_S)
    other = int(latest.message[at])
    what = f"is {back} before that of {history.title(other)}, which has an earlier position"
    return _witness(history, stamps, at, what, other)


def _different(history: History, latest: _Stamps, earliest: _Stamps, at: int) -> Witness:
    apart = format_s(int(latest.t_ns[at] - earliest.t_ns[at]) / NS_PER_S)
    what = f"is {apart} after the one {_shown_by(history, earliest, at)}"
    return _witness(history, latest, at, what)


def _witness(history: History, stamps: _Stamps, at: int, what: str, *others: int) -> Witness:
    message, record = int(stamps.message[at]), int(stamps.record[at])
    sentence = f"The time stamp {_shown_by(history, stamps, at)} {what}."
    return Witness(sentence, (message, *others), user=int(history.user[record]), records=(record,))


def _shown_by(history: History, stamps: _Stamps, at: int) -> str:
    """Return a phrase on what showed a stamp."""
    title, record = history.title(int(stamps.message[at])), int(stamps.record[at])
    row = history.records[record]
    if row["kind"] == Kind.DELIVER or row["spare"] & StampFlag.SHOWN:
        return f"that {history.names.user(int(history.user[record]))} received with {title}"
    by_audit = history.records["flags"][record] & CHANNEL_BITS == Channel.AUDIT
    return f"of {title} in {'the history' if by_audit else 'its acknowledgement'}"


def _lead(lead_ns: int) -> str:
    return f"{format_s(abs(lead_ns) / NS_PER_S)} {'ahead' if lead_ns > 0 else 'behind'}"
