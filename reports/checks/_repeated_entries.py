"""Users who are reported to enter a room in which they are already.

The events of a room are in one order, so that no time matters: between two stays of a user there is
an `exited` or a `removed` of them, if all positions are known.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from gauntlet.core.history import RoomEvent
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import Key, RoomEntry, RoomEvents

_ENDS = (RoomEvent.EXITED, RoomEvent.REMOVED)


def find(
    history: History, events: RoomEvents, key: Key, named: AbstractSet[int]
) -> Iterator[Witness]:
    """Yield each entry of a user who is in the room, unless the one before is among the `named`.

    These are the records of entries whose missing end was reported. All users whom the load does
    not have share the number 0, so that their events cannot be told apart.
    """
    conv, user = key
    if not user:
        return
    entered: RoomEntry | None = None
    for entry in events.by_member[key]:
        if entry.event == RoomEvent.ENTERED:
            if (
                entered is not None
                and entered.record not in named
                and events.complete(conv, entered.position, entry.position)
            ):
                yield _witness(history, key, entered, entry)
            entered = entry
        elif entry.event in _ENDS:
            entered = None


def _witness(history: History, key: Key, entered: RoomEntry, again: RoomEntry) -> Witness:
    conv, user = key
    return Witness(
        f"Position {again.position} of {history.names.conv(conv)} reports that "
        f"{history.names.user(user)} entered, who was in the room from position "
        f"{entered.position} on.",
        (),
        user,
        (entered.record, again.record),
        at_ns=again.seen_ns,
    )
