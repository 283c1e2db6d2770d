"""wire-order: the pushes of a conversation on one connection ascend, and gaps are announced.

The records show the following. A client presents pushes in order (DELIVER, ROOM). When it holds one
back until it can, it first records the arrival (ARRIVED). When it drops a push, it records the
reception (RECEIVE) and whether the push was a duplicate. The live records of one (connection,
conversation), a *lane*, are therefore judged by two rules:

- A RECEIVE that is not a duplicate, or that is at or below a position of an earlier record, went
  backwards. So did a room event that the client showed again: a system may push an event at least
  once, but repeats it only on a new connection. Clients of others may show what they receive
  without sorting it, so in an imported history a push also went backwards if it was first shown, or
  held back, below a position of an earlier record.
- A position between the lowest and the highest pushed one was skipped unless it was pushed too,
  is in a GAP of that connection, must not be read by the user, or was written by the user where the
  system sends users none of their own messages. So was one between the lowest pushed one and the
  last position that the server stated when it accepted the connection (START).

Copies of what the client had before it connected concern `resync-replay` and are not examined here.

Messages of earlier runs that precede the run's first message in their conversation are not judged.
"""

from dataclasses import replace

import numpy as np

from gauntlet.core.history import RECORDED, Channel, Flag, Kind
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.checks._held_pushes import never_presented
from gauntlet.reports.checks._replays import replayed
from gauntlet.reports.checks._shared import OwnPositions, certainly_in, first_positions, messages_at
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    equal,
    find,
    first_rows,
    grouped,
    has_flag,
    ints,
    is_any,
    pair,
    sorted_groups,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

# A jump over more positions is examined up to there.
_JUMP_MAX = 1 << 20

KIND = CheckKind(
    "wire-order",
    "a connection pushed a conversation backwards, or skipped positions without announcing it",
    aspect="order",
    required=True,
    needs=(SERVER_SEQ,),
    # The first push of a conversation on a connection has no predecessor.
    examined_min=5,
)


def check(history: History) -> Finding:
    record, lane, seq = _pushes(history)
    places, first = first_rows(pair(lane, seq))
    backward = record[_went_backwards(history, record, lane, seq, first)]
    again = np.setdiff1d(backward, record[first])
    pushes = record[first]
    jumps = zip(_jumps(places, pushes), _late_starts(history, places, pushes), strict=True)
    skipped = _unannounced(history, *map(np.concatenate, jumps))
    witnesses = [
        *(
            _backward_witness(history, int(at), again=bool(at in again))
            for at in backward[:WITNESSES_MAX]
        ),
        *(_skip_witness(history, int(at), position) for at, position in skipped[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=int(record.size - _presented_later(history)[record].sum()),
        subject="pushes",
        statement="{count} of {examined} {subject} went backwards or skipped positions without "
        "announcing it.",
        count=backward.size + len(skipped),
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        times_ns=ints(history.records["t_ns"][[*backward.tolist(), *(at for at, _ in skipped)]]),
    )


def _pushes(history: History) -> tuple[Ints, Ints, Ints]:
    """Return (record, lane, position) of the live records, sorted by lane and time."""
    records = history.records
    live = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.ARRIVED))
    live &= (equal(records["flags"] & CHANNEL_BITS, Channel.LIVE)) & (records["seq"] > 0)
    live &= ~replayed(history)
    record = np.flatnonzero(live)
    left = has_flag(records["flags"][record], Flag.LEFTOVER)
    if left.any():
        first = first_positions(history, ints(records["conv"][record]))
        record = record[~left | (records["seq"][record] >= first)]
    order, begins = sorted_groups(records["link"][record], records["conv"][record])
    record = record[order]
    return record, np.cumsum(begins) - 1, ints(records["seq"][record])


def _presented_later(history: History) -> Bools:
    """Return which records are arrivals of pushes that another record presents."""
    presented: Bools = equal(history.records["kind"], Kind.ARRIVED) & ~never_presented(history)
    return presented


def _went_backwards(history: History, record: Ints, lane: Ints, seq: Ints, first: Ints) -> Bools:
    """Return which pushes went backwards; `first` has the first record of each position."""
    kinds = history.records["kind"].take(record)
    backward = np.zeros(record.size, dtype=np.bool_)
    # Keys of later lanes are larger, so one running maximum serves all lanes.
    before = np.append(np.int64(-1), np.maximum.accumulate(pair(lane, seq))[:-1])
    if history.scenario.target.adapter == RECORDED:
        t_ns, is_event = ints(history.records["t_ns"][record]), equal(kinds, Kind.ROOM)
        shown_first = first[~equal(kinds[first], Kind.RECEIVE)]
        backward[shown_first] = _shown_behind(lane, seq, t_ns, is_event)[shown_first]
    received = np.flatnonzero(equal(kinds, Kind.RECEIVE))
    if received.size:
        duplicate = has_flag(history.records["flags"][record[received]], Flag.DUPLICATE)
        backward[received] = ~duplicate | _is_behind(lane, seq, before, received)
    shown = np.flatnonzero(equal(kinds, Kind.ROOM))
    again = np.ones(shown.size, dtype=np.bool_)
    again[grouped(pair(lane[shown], seq[shown])).first] = False
    backward[shown[again]] = True
    return backward


def _shown_behind(lane: Ints, seq: Ints, t_ns: Ints, is_event: Bools) -> Bools:
    """Return which pushes a client showed behind a later one.

    Messages that are shown at the same time have the order of their lines. Between events and
    messages, only the times count: a log may have each in a file of its own.
    """
    keys, rows = pair(lane, seq), np.arange(lane.size)
    begins = (np.diff(lane, prepend=-1) != 0) | (np.diff(t_ns, prepend=-1) != 0)
    same_time = np.maximum.accumulate(np.where(begins, rows, 0))
    none = np.full(1, -1, dtype=np.int64)
    earlier = np.append(none, np.maximum.accumulate(keys))[same_time]
    messages = np.where(is_event, pair(lane, np.zeros_like(seq)), keys)
    preceding = np.append(none, np.maximum.accumulate(messages))[:-1]
    before = np.where(is_event, earlier, np.maximum(earlier, preceding))
    return _is_behind(lane, seq, before, rows)


def _is_behind(lane: Ints, seq: Ints, before: Ints, at: Ints) -> Bools:
    """Return which pushes are not above those before them; `before` has the highest such keys."""
    highest = before[at]
    behind: Bools = (highest >> 32 == lane[at]) & (seq[at] <= highest & 0xFFFFFFFF)
    return behind


def _jumps(places: Ints, pushes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return (record, first, last) of the positions missing between two that were pushed.

    `places` are the sorted keys (lane, position), and `pushes` the first record at each.
    """
    wide = np.flatnonzero(places[1:] > places[:-1] + 1)
    wide = wide[places[wide + 1] >> 32 == places[wide] >> 32]
    lower, upper = places[wide] & 0xFFFFFFFF, places[wide + 1] & 0xFFFFFFFF
    return pushes[wide + 1], lower + 1, upper - 1


def _late_starts(history: History, places: Ints, pushes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return (record, first, last) of the positions missing before the lowest push of a lane."""
    records = history.records
    begins = np.flatnonzero(np.diff(places >> 32, prepend=-1))
    lowest, position = pushes[begins], places[begins] & 0xFFFFFFFF
    lanes, starts = _stated_starts(history)
    at = find(lanes, pair(records["link"][lowest], records["conv"][lowest]))
    start = np.append(starts, 0)[at]
    # What earlier runs have left behind is not judged.
    start = np.maximum(start, first_positions(history, ints(records["conv"][lowest])) - 1)
    late = np.flatnonzero((at >= 0) & (position > start + 1))
    return lowest[late], start[late] + 1, position[late] - 1


def _stated_starts(history: History) -> tuple[Ints, Ints]:
    """Return the lanes with a stated last position, sorted, and behind which one pushes begin.

    That is the stated position, or a later one that was pushed although the client had it: then the
    server stated too little, but skipped nothing.
    """
    records = history.records
    stated = np.flatnonzero(equal(records["kind"], Kind.START))
    lanes, _, lane = grouped(pair(records["link"][stated], records["conv"][stated]))
    starts = np.zeros(lanes.size + 1, dtype=np.int64)
    np.maximum.at(starts, lane, ints(records["seq"][stated]))
    again = np.flatnonzero(replayed(history))
    # The additional last entry is for replays in lanes without a stated position (-1).
    of_replay = find(lanes, pair(records["link"][again], records["conv"][again]))
    np.maximum.at(starts, of_replay, ints(records["seq"][again]))
    return lanes, starts[:-1]


def _unannounced(history: History, record: Ints, first: Ints, last: Ints) -> list[tuple[int, int]]:
    """Return (record, position) of jumps over positions that the reader had to be sent."""
    gaps, own = _announced_gaps(history), history.once(OwnPositions)
    conv, user = ints(history.records["conv"][record]), history.user[record]
    # The loop below is slow, so it only gets the jumps that skip more than the reader's own.
    others = own.count(conv, user, first, last) <= last - first
    record, first, last = record[others], first[others], last[others]
    found = []
    for at, lower, upper in zip(record.tolist(), first.tolist(), last.tolist(), strict=True):
        lane = int(history.records["link"][at]), int(history.records["conv"][at])
        skipped = np.arange(lower, min(upper, lower + _JUMP_MAX) + 1, dtype=np.int64)
        for start, end in gaps.get(lane, ()):
            skipped = skipped[(skipped < start) | (skipped > end)]
        place = np.full_like(skipped, lane[1]), np.full_like(skipped, history.user[at]), skipped
        expected = ~history.membership.excluded(*place) & ~own.contain(*place)
        if expected.any():
            # A member of unknown range may have been out when the message was sent.
            expected &= ~history.membership.unsure(*place[:2]) | certainly_in(history, *place)
        if expected.any():
            found.append((at, int(skipped[expected][0])))
    return found


def _announced_gaps(history: History) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the announced gaps (first, last) of each (connection, conversation)."""
    gaps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    records = history.records
    # Those with another channel are what a client still looked for at the end of the load.
    announced = equal(records["kind"], Kind.GAP)
    announced &= equal(records["flags"] & CHANNEL_BITS, Channel.LIVE)
    for record in records[announced]:
        lane = (int(record["link"]), int(record["conv"]))
        gaps.setdefault(lane, []).append((int(record["seq"]), int(record["sseq"])))
    return gaps


def _backward_witness(history: History, at: int, *, again: bool) -> Witness:
    position = history.records["seq"][at]
    if again and history.records["kind"][at] == Kind.ROOM:
        return _witness(history, at, f"pushed the event at position {position} again")
    return _witness(history, at, f"went back to position {position}")


def _skip_witness(history: History, at: int, skipped: int) -> Witness:
    position = history.records["seq"][at]
    witness = _witness(
        history, at, f"jumped to position {position} without pushing or announcing {skipped}"
    )
    missing = messages_at(history, int(history.records["conv"][at]), skipped)
    return replace(witness, messages=(*witness.messages, *missing))


def _witness(history: History, at: int, event: str) -> Witness:
    record = history.records[at]
    user, message = int(history.user[at]), int(history.messages.of_record[at])
    connection = history.names.connections[int(record["link"])]
    return Witness(
        f"{connection.edge}, on connection {connection.incarnation} of {history.names.user(user)}, "
        f"{event} in {history.names.conv(int(record['conv']))}.",
        (message,) if message >= 0 else (),
        user,
        (at,),
    )
