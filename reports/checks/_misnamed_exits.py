"""Exits that a member was shown as those of another user than the one who exited."""

from collections.abc import Iterator

import numpy as np

from gauntlet.core.history import Flag, Kind, RoomEvent
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import equal, has_flag, ints, is_any, pair
from gauntlet.reports.history.history import History


def find(history: History) -> Iterator[Witness]:
    """Yield each position at which exits of several users were shown.

    The user whose exit the audit finds there is the right one; where the audit finds none, the one
    whose exit was shown first.
    """
    records, names = history.records, history.names
    flagged = is_any(records["kind"], (Kind.RECEIVE, Kind.AUDIT))
    flagged &= has_flag(records["flags"], Flag.ROOM_EVENT)
    exits = equal(records["kind"], Kind.ROOM) | flagged
    exits &= (records["sseq"] == RoomEvent.EXITED) & (records["seq"] > 0)
    at = np.flatnonzero(exits)
    place = pair(records["conv"][at], records["seq"][at])
    order = np.lexsort((records["t_ns"][at], records["kind"][at] != Kind.AUDIT, place))
    at, place = at[order], place[order]
    first = np.flatnonzero(np.append(True, place[1:] != place[:-1])[: place.size])
    right = np.repeat(at[first], np.diff(np.append(first, at.size)))
    wrong = np.flatnonzero(records["peer"][at] != records["peer"][right])
    for number in wrong[np.unique(place[wrong], return_index=True)[1]].tolist():
        shown, stored = int(at[number]), int(right[number])
        subject, receiver = int(records["peer"][shown]), int(history.user[shown])
        conv = names.conv(int(records["conv"][shown]))
        how = f"was shown to {names.user(receiver)}" if receiver else "is stored"
        yield Witness(
            f"Position {records['seq'][shown]} of {conv} {how} as the exit of "
            f"{names.user(subject)}, but is the exit of "
            f"{names.user(int(records['peer'][stored]))}.",
            (),
            receiver,
            (shown, stored),
            at_ns=int(ints(records["t_ns"][at])[number]),
        )
