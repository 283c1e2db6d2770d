"""Whether the pieces of one conversation can be judged apart: what each tells of its ends.

The pieces of a conversation are ordered by position (`cuts`). What the checks find in them adds up
to what they find in the whole conversation if nothing that they compare crosses a cut:

- every session received all of a piece before anything of later pieces, and without a gap;
- nothing of a piece was first attempted after something of a later piece had been acknowledged or
  presented, so that no order of the two can be wrong;
- the server told no client a last position that a later piece shows to be too low;
- to no session, more than half of a piece came late;
- the audit read every position at the cuts.

Two numbers count pairs of messages, of which some cross a cut: they are counted here. Where the
pieces show violations or any doubt, nothing is added up, and the conversation is judged as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gauntlet.core.history import Channel, Kind
from gauntlet.reports.checks import late
from gauntlet.reports.checks._shared import first_deliveries
from gauntlet.reports.checks.finding import Finding
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    distinct,
    equal,
    find,
    grouped,
    ints,
    is_any,
    pair,
    stable_order,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History
from gauntlet.reports.parts.cuts import Cuts


@dataclass(frozen=True)
class Reading:
    """What each session received of a piece: when, and its first and last message.

    `first_at` and `last_at` are indices in the shard. Messages are keys (author, number), of what
    was pushed or re-synced.
    """

    session: Ints
    first_at: Ints
    last_at: Ints
    first_ns: Ints
    reader: Ints
    first_message: Ints
    last_message: Ints


@dataclass(frozen=True)
class Lanes:
    """The lowest and the highest position that each connection pushed.

    `start` are the connections that were told a last position, and `stated` these positions.
    """

    link: Ints
    lowest: Ints
    highest: Ints
    start: Ints
    stated: Ints


@dataclass(frozen=True)
class Ends:
    """What has to be known of a piece to judge its neighbours apart.

    `attempted_ns` and `asked_ns` are the last times, of first attempts and of the dials whose
    answers stated a last position; the other times are the first ones. `audited` is the lowest
    position that the audit read. `early` has the session and the attempt of each op whose sender
    had received nothing of the piece before.
    """

    is_plain: bool
    records: int
    attempted_ns: int
    acked_ns: int
    shown_ns: int
    learned_ns: int
    asked_ns: int
    audited: int
    reading: Reading
    lanes: Lanes
    early: tuple[Ints, Ints]


@dataclass(frozen=True)
class Crossing:
    """The pairs of messages that two checks count and that cross a cut."""

    delivered: int
    answered: int

    def added_to(self, findings: Mapping[str, Finding]) -> dict[str, int]:
        """Return how many examined things have to be added to the findings of some checks."""
        added = {"divergent-order": self.delivered, "causal": self.answered}
        return {name: count for name, count in added.items() if findings[name].subject}


def ends_of(history: History, index: Ints, findings: Mapping[str, Finding]) -> Ends:
    """Return the ends of a piece; `index` is where its records are in the shard.

    The records of the history begin with those of the piece.
    """
    records, messages = history.records, history.messages
    placed = records["seq"] > 0
    told = is_any(records["kind"], (Kind.ACK, Kind.DELIVER, Kind.START)) & placed
    starts = equal(records["kind"], Kind.START)
    audited = records["seq"][equal(records["kind"], Kind.AUDIT)]
    reading = _reading(history, index)
    return Ends(
        is_plain=_is_plain(history, findings),
        records=index.size,
        attempted_ns=int(messages.first_attempt_ns.max(initial=0)),
        acked_ns=int(messages.acked_ns.min(initial=NEVER)),
        shown_ns=int(reading.first_ns.min(initial=NEVER)),
        learned_ns=int(records["t_ns"][told].min(initial=NEVER)),
        asked_ns=int(records["ref_ns"][starts].max(initial=0)),
        audited=int(audited.min(initial=0xFFFFFFFF)),
        reading=reading,
        lanes=_lanes(history, starts),
        early=_early(history, reading),
    )


def _is_plain(history: History, findings: Mapping[str, Finding]) -> bool:
    """Return whether nothing in a piece needs a second look with the rest of the conversation."""
    messages = history.messages
    unproven = messages.stored & ~messages.acked & ~messages.rejected
    ops = equal(history.records["kind"], Kind.OP)
    return bool(
        messages.sent.all()
        and (messages.first_attempt_ns != NEVER).all()
        and not unproven.any()
        and (history.session[ops] >= 0).all()
        and not any(found.count or found.unknown for found in findings.values())
        and not findings["timestamps"].examined
        # A member who is late here may be late in the whole conversation.
        and not late.is_any_slow(history)
    )


def _reading(history: History, index: Ints) -> Reading:
    shown = history.presentations
    at, t_ns = index[shown.record], ints(history.records["t_ns"][shown.record])
    sessions, first, of_row = grouped(shown.session)
    last_at = np.zeros(sessions.size, dtype=np.int64)
    np.maximum.at(last_at, of_row, at)
    first_ns = np.full(sessions.size, NEVER, dtype=np.int64)
    np.minimum.at(first_ns, of_row, t_ns)
    message, session = first_deliveries(history)
    key = pair(history.messages.author[message], history.messages.sseq[message])
    readers, begin, of_row = grouped(session)
    last = np.zeros(readers.size, dtype=np.int64)
    last[of_row] = np.arange(of_row.size)  # the last assignment to an index remains
    return Reading(sessions, at[first], last_at, first_ns, readers, key[begin], key[last])


def _lanes(history: History, starts: Bools) -> Lanes:
    records = history.records
    live = is_any(records["kind"], (Kind.DELIVER, Kind.ARRIVED)) & (records["seq"] > 0)
    live &= equal(records["flags"] & CHANNEL_BITS, Channel.LIVE)
    seq = ints(records["seq"][live])
    links, _, of_row = grouped(ints(records["link"][live]))
    lowest, highest = np.full(links.size, NEVER, dtype=np.int64), np.zeros_like(links)
    np.minimum.at(lowest, of_row, seq)
    np.maximum.at(highest, of_row, seq)
    told = records[starts]
    return Lanes(links, lowest, highest, ints(told["link"]), ints(told["seq"]))


def _early(history: History, reading: Reading) -> tuple[Ints, Ints]:
    messages = history.messages
    ops = np.flatnonzero(equal(history.records["kind"], Kind.OP))
    message, first, _ = grouped(messages.of_record[ops])
    session, attempt_ns = history.session[ops[first]], messages.first_attempt_ns[message]
    # The additional last entry is for sessions that received nothing (-1).
    shown_ns = np.append(reading.first_ns, NEVER)[find(reading.session, session)]
    # At the same time, the attempt comes first: what is received then was not known before.
    early = attempt_ns <= shown_ns
    return session[early], attempt_ns[early]


def find_crossing(pieces: Sequence[Ends], cuts: Cuts) -> Crossing | None:
    """Return what crosses the cuts of a conversation, None if it must be judged as a whole."""
    known = sum(piece.records for piece in pieces) + cuts.common.size
    if known != cuts.records or not all(piece.is_plain for piece in pieces):
        return None
    read_ns = cuts.last_read_ns
    valid = (
        _in_order([piece.attempted_ns for piece in pieces], [piece.acked_ns for piece in pieces])
        and _in_order([piece.attempted_ns for piece in pieces], [p.shown_ns for p in pieces])
        and _in_order([piece.asked_ns for piece in pieces], [p.learned_ns for p in pieces])
        and (read_ns is None or pieces[-1].learned_ns < read_ns)
        and _are_audited(pieces, cuts)
        and _are_read_in_order(pieces)
        and _are_pushed_without_gaps(pieces, cuts)
        and _are_stated_within(pieces, cuts)
    )
    return Crossing(_delivered(pieces), _answered(pieces)) if valid else None


def _in_order(last_ns: Sequence[int], first_ns: Sequence[int]) -> bool:
    """Return whether no piece has its last time after the first time of a later piece."""
    latest = np.maximum.accumulate(np.array(last_ns, dtype=np.int64))
    earliest = np.minimum.accumulate(np.array(first_ns, dtype=np.int64)[::-1])[::-1]
    return bool((earliest[1:] >= latest[:-1]).all())


def _are_audited(pieces: Sequence[Ends], cuts: Cuts) -> bool:
    """Return whether the audit read the first position of each piece but the first."""
    lowest = np.array([piece.audited for piece in pieces], dtype=np.int64)
    return bool((lowest == cuts.first_position(np.arange(len(pieces))))[1:].all())


def _are_read_in_order(pieces: Sequence[Ends]) -> bool:
    readings = [piece.reading for piece in pieces]
    session, first_at, last_at = (
        np.concatenate([getattr(each, name) for each in readings])
        for name in ("session", "first_at", "last_at")
    )
    order = stable_order(session)
    session, first_at, last_at = session[order], first_at[order], last_at[order]
    again = session[1:] == session[:-1]
    return bool((last_at[:-1] < first_at[1:])[again].all())


def _are_pushed_without_gaps(pieces: Sequence[Ends], cuts: Cuts) -> bool:
    lanes = [piece.lanes for piece in pieces]
    number = np.repeat(np.arange(len(pieces)), [each.link.size for each in lanes])
    link = np.concatenate([each.link for each in lanes])
    order = stable_order(link)
    link, number = link[order], number[order]
    lowest = np.concatenate([each.lowest for each in lanes])[order]
    highest = np.concatenate([each.highest for each in lanes])[order]
    again = link[1:] == link[:-1]
    first = cuts.first_position(number)
    goes_on = (number[1:] == number[:-1] + 1) & (lowest == first)[1:]
    goes_on &= (highest == first + cuts.step - 1)[:-1]
    # Pushes begin in the piece of the position behind the one that the connection was told.
    told = np.concatenate([each.start for each in lanes])
    told_in = np.repeat(np.arange(len(pieces)), [each.start.size for each in lanes])
    begins = np.flatnonzero(np.append(True, ~again)[: link.size])
    at = find(link[begins], told)
    begun_in = np.append(number[begins], -1)[at]
    return bool(goes_on[again].all() and ((at < 0) | (begun_in == told_in)).all())


def _are_stated_within(pieces: Sequence[Ends], cuts: Cuts) -> bool:
    """Return whether each last position that was stated is in the piece of what was pushed next."""
    stated = np.concatenate([piece.lanes.stated for piece in pieces])
    return not ((stated > 0) & (stated % cuts.step == 0)).any()


def _delivered(pieces: Sequence[Ends]) -> int:
    """Return how many distinct pairs of messages some session received around a cut."""
    readings = [piece.reading for piece in pieces]
    reader, first, last = (
        np.concatenate([getattr(each, name) for each in readings])
        for name in ("reader", "first_message", "last_message")
    )
    order = stable_order(reader)
    reader, first, last = reader[order], first[order], last[order]
    again = reader[1:] == reader[:-1]
    earlier, later = grouped(last[:-1][again]).of_row, grouped(first[1:][again]).of_row
    return int(distinct(pair(earlier, later)).size)


def _answered(pieces: Sequence[Ends]) -> int:
    """Return how many ops answer something of an earlier piece."""
    sessions, _, of_row = grouped(np.concatenate([piece.reading.session for piece in pieces]))
    first_ns = np.full(sessions.size + 1, NEVER, dtype=np.int64)
    np.minimum.at(first_ns, of_row, np.concatenate([piece.reading.first_ns for piece in pieces]))
    session = np.concatenate([piece.early[0] for piece in pieces])
    attempt_ns = np.concatenate([piece.early[1] for piece in pieces])
    return int((first_ns[find(sessions, session)] < attempt_ns).sum())
