"""Users who are reported to enter a room in which they are already, or to be added to it again.

The events of a room are in one order, so that no time matters. Between two stays of a user there
is an `exited` or a `removed` of them, and between two times of membership there is a `removed`, if
all positions are known. This concerns events that the room has twice. An event that is only pushed
twice has one position: a new connection may push it again, and `wire-order` reports a connection
that pushes it twice.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from gauntlet.core.history import RoomEvent
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import Key, RoomEntry, RoomEvents

_ENDS = {
    RoomEvent.ENTERED: (RoomEvent.EXITED, RoomEvent.REMOVED),
    RoomEvent.ADDED: (RoomEvent.REMOVED,),
}
_STATES = {RoomEvent.ENTERED: "in the room", RoomEvent.ADDED: "a member"}


def find(
    history: History, events: RoomEvents, key: Key, named: AbstractSet[int]
) -> Iterator[Witness]:
    """Yield each entry of a user who is in the room, unless the one before is among the `named`.

    These are the records of entries whose missing end was reported.
    """
    for entered, again in _repeated(events, key, RoomEvent.ENTERED):
        if entered.record not in named:
            yield _witness(history, key, entered, again)


def find_additions(history: History, events: RoomEvents) -> Iterator[Witness]:
    """Yield each event by which a user is added who is a member."""
    for key in events.by_member:
        for added, again in _repeated(events, key, RoomEvent.ADDED):
            yield _witness(history, key, added, again)


def _repeated(
    events: RoomEvents, key: Key, begin: RoomEvent
) -> Iterator[tuple[RoomEntry, RoomEntry]]:
    """Yield two events of a user that follow each other without the end of what began.

    All users whom the load does not have share the number 0, so that their events cannot be told
    apart.
    """
    conv, user = key
    begun: RoomEntry | None = None
    for entry in events.by_member[key] if user else ():
        if entry.event == begin:
            if begun is not None and events.complete(conv, begun.position, entry.position):
                yield begun, entry
            begun = entry
        elif entry.event in _ENDS[begin]:
            begun = None


def _witness(history: History, key: Key, first: RoomEntry, again: RoomEntry) -> Witness:
    conv, user = key
    event = RoomEvent(again.event)
    what = "entered" if event == RoomEvent.ENTERED else "was added"
    return Witness(
        f"Position {again.position} of {history.names.conv(conv)} reports that "
        f"{history.names.user(user)} {what}, who was {_STATES[event]} from position "
        f"{first.position} on.",
        (),
        user,
        (first.record, again.record),
        at_ns=again.seen_ns,
    )
