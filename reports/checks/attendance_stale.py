"""attendance-stale: the list of who is in a room contradicts what happened there.

While the load runs, a member reads the list of one room once a second. The list may differ from the
events of the room for 5 s, in either direction. A violation is an answer

- that names a user who exited or was removed more than 5 s before the request, and did not enter
  again until 5 s after the answer;
- that names a user who had not entered, and did not until 5 s after the answer;
- that names a user who went away on purpose, and has had no connection for the grace period, two
  leases and 5 s;
- that does not name a user who entered more than 5 s before the request, and who until 5 s after
  the answer neither exited, nor was removed, nor asked for either, nor lost a connection.

`_attendance.py` says when this is certain. Nothing is examined while a fault acts, and until 10 s
after its heal.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.history import Attendance, Kind, RoomEvent
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import ATTENDANCE, ROOMS, SERVER_SEQ
from gauntlet.reports.checks._attendance import (
    MARGIN_NS,
    OUTSIDE,
    Expected,
    Observed,
    Room,
    Stays,
)
from gauntlet.reports.checks._departures import Departures
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import NEVER, Bools, Ints, equal, grouped, ints, pair
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import RoomEntry, collect_room_events

AFTER_HEAL_NS = 10 * NS_PER_S

KIND = CheckKind(
    "attendance-stale",
    "the list of who is in a room contradicts what happened there",
    aspect="attendance",
    required=True,
    needs=(ROOMS, SERVER_SEQ, ATTENDANCE),
    # In a short load, the first answer that can be examined may be the last one.
    examined_min=1,
)
_STATES = {
    RoomEvent.ENTERED: "entered {conv} at position {position}",
    RoomEvent.EXITED: "exited {conv} at position {position}",
    RoomEvent.REMOVED: "was removed from {conv} at position {position}",
}


def check(history: History) -> Finding:
    records = history.records
    at = np.flatnonzero(equal(records["kind"], Kind.ATTENDANCE))
    if not at.size:
        return _finding(history, [], not_applicable="No list of who is in a room was read.")
    answers = at.size
    at = at[_is_calm(history, ints(records["ref_ns"][at]), ints(records["t_ns"][at]))]
    found = [(at[own], expected) for own, expected in _expectations(history, at)]
    if not any(expected.settled.any() for _, expected in found):
        why_not = (
            "No list of who is in a room was read at a time at which it was certain who had to be "
            "in the room: 5 s before and after any change, outside of faults."
        )
        return replace(_finding(history, [], not_applicable=why_not), unexamined=answers)
    return _finding(history, found)


def _expectations(history: History, at: Ints) -> Iterator[tuple[Ints, Expected]]:
    """Yield, for each member of a room, which of these records are about them, and what is due."""
    records = history.records
    events, stays = collect_room_events(records), Stays(history, Departures(history))
    rooms: dict[int, Room] = {}
    members, _, member = grouped(pair(records["conv"][at], records["peer"][at]))
    for number, key in enumerate(members.tolist()):
        conv, user = key >> 32, key & 0xFFFFFFFF
        own = np.flatnonzero(member == number)
        if conv not in rooms:
            rooms[conv] = Room(history, events, conv)
        rows = records[at[own]]
        observed = Observed(ints(rows["ref_ns"]), ints(rows["t_ns"]))
        yield own, stays.expect(rooms[conv], user, observed)


def _is_calm(history: History, asked_ns: Ints, answered_ns: Ints) -> Bools:
    """Return which answers no fault can have delayed, nor the events that they must agree with."""
    calm = np.ones(asked_ns.size, dtype=np.bool_)
    for fault in history.events.faults:
        if fault.requested_ns is not None:
            over_ns = NEVER if fault.healed_ns is None else fault.healed_ns + AFTER_HEAL_NS
            calm &= (answered_ns + MARGIN_NS < fault.requested_ns) | (asked_ns > over_ns)
    return calm


def _finding(
    history: History, found: list[tuple[Ints, Expected]], not_applicable: str = ""
) -> Finding:
    examined = 0
    wrong: list[tuple[int, RoomEntry, bool]] = []
    for at, expected in found:
        due, said = expected.state, history.records["sseq"][at]
        examined += int((due > 0).sum())
        for index in np.flatnonzero((due > 0) & (said != due)).tolist():
            entry = expected.entries[int(expected.last[index])]
            wrong.append((int(at[index]), entry, bool(expected.gone[index])))
    wrong.sort(key=lambda row: row[0])
    unseen = "Of no room that was read are all events known, so nothing was examined."
    return Finding(
        examined=examined,
        subject="answers on who is in a room",
        statement="{count} of {examined} {subject} {are} wrong.",
        count=len(wrong),
        witnesses=tuple(_witness(history, *row) for row in wrong[:WITNESSES_MAX]),
        not_applicable=not_applicable,
        nothing_seen="" if examined or not_applicable else unseen,
        times_ns=ints(history.records["t_ns"][[at for at, _, _ in wrong]]),
    )


def _witness(history: History, at: int, entry: RoomEntry, gone: bool) -> Witness:  # noqa: FBT001 - a column
    record = history.records[at]
    conv = history.names.conv(int(record["conv"]))
    asked_ns = int(record["ref_ns"])
    if entry.event == OUTSIDE:
        state = f"had not entered {conv}"
        when = f"at {format_s((asked_ns - history.events.zero_ns) / NS_PER_S)}"
    else:
        state = _STATES[RoomEvent(entry.event)].format(conv=conv, position=entry.position)
        when = f"{format_s((asked_ns - entry.seen_ns) / NS_PER_S)} later"
    names = record["sseq"] == Attendance.PRESENT
    what = f"the list that was requested {when} {'names' if names else 'does not name'} them"
    if gone:
        state += ", then went away and had no connection any more"
    return Witness(
        f"{history.names.user(int(record['peer']))} {state}; {what}.",
        (),
        int(history.user[at]),
        (at,) if entry.event == OUTSIDE else (entry.record, at),
        at_ns=int(record["t_ns"]),
    )
