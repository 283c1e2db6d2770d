"""Stays in rooms that have no end although their user went away for longer than the grace period.

The lists of who is in a room show it as well (`attendance-stale`), but only those of some rooms are
read. `_attendance.py` says since when the server must know that a user is gone.
"""

from collections.abc import Iterator

import numpy as np

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.history import RoomEvent
from gauntlet.reports.checks._attendance import MARGIN_NS, Observed, Room, Stays
from gauntlet.reports.checks._departures import Departures
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import Key, RoomEntry, RoomEvents

_STATES = (RoomEvent.ENTERED, RoomEvent.EXITED, RoomEvent.REMOVED)


def find(history: History, events: RoomEvents, departures: Departures) -> Iterator[Witness]:
    """Yield each stay that went on while its user was gone, with the end that came too late."""
    if not departures.grace_ns:
        return
    stays = Stays(history, departures)
    rooms: dict[int, Room] = {}
    left_ns: dict[int, list[int]] = {}
    for key, known in events.by_member.items():
        conv, user = key
        if user not in left_ns:
            left_ns[user] = _noticed(stays, user)
        if not left_ns[user]:
            continue
        if conv not in rooms:
            rooms[conv] = Room(history, events, conv)
        changes = [entry for entry in known if entry.event in _STATES]
        for at, entry in enumerate(changes):
            end = changes[at + 1] if at + 1 < len(changes) else None
            # A second entry without an exit is a violation of its own.
            if entry.event == RoomEvent.ENTERED and not (end and end.event == RoomEvent.ENTERED):
                late = _since(stays, rooms[conv], entry, end, left_ns[user])
                if late is not None:
                    yield _witness(history, key, entry, end, late)


def _noticed(stays: Stays, user: int) -> list[int]:
    """Return when a user went away for so long that the server must have known it."""
    left_ns = stays.departures_ns(user)
    until_ns = np.array(left_ns, dtype=np.int64) + stays.wait_ns + 1
    gone = stays.gone(user, Observed(until_ns, until_ns))
    return [at_ns for at_ns, is_gone in zip(left_ns, gone.tolist(), strict=True) if is_gone]


def _since(
    stays: Stays, room: Room, entered: RoomEntry, end: RoomEntry | None, left_ns: list[int]
) -> int | None:
    """Return when the user went away during a stay that certainly lasted too long after that."""
    for at_ns in left_ns:
        due_ns = np.array([at_ns + stays.wait_ns], dtype=np.int64)
        if entered.seen_ns > at_ns - MARGIN_NS:
            continue
        # Nothing from before that time has a later position.
        until = int(room.last_before(due_ns)[0])
        lasts = until >= entered.position and (NEVER if end is None else end.position) > until
        if lasts and room.events.complete(room.conv, entered.position, until):
            return at_ns
    return None


def _witness(
    history: History, key: Key, entered: RoomEntry, end: RoomEntry | None, left_ns: int
) -> Witness:
    conv, user = key
    name, room = history.names.user(user), history.names.conv(conv)
    at = format_s((left_ns - history.events.zero_ns) / NS_PER_S)
    what = (
        f"the room has their end only at position {end.position}"
        if end
        else ("the room has no event `exited` of them")
    )
    return Witness(
        f"{name} entered {room} at position {entered.position} and closed their last connection at "
        f"{at}; {what}, although the grace period had ended long before.",
        (),
        user,
        (entered.record,) if end is None else (entered.record, end.record),
        at_ns=left_ns,
    )
