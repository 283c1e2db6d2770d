"""exit: the report that a user has left a room is missing, repeated, or wrong.

Each stay of a user in a room ends with at most one `exited`. A violation is an `exited`

- of a user who was not in the room: a second one for the same stay, or one without any stay;
- of a user who had not left: no request to exit, and no time without a connection as long as the
  grace period, precedes it. Each departure explains one exit. `_departures.py` says what counts as
  a departure in case of doubt;
- that is missing: a user who was seen in the room asked to leave on all of their connections, these
  lasted, and the room has no `exited` although no fault acted and the audit came later; or a user
  is reported to enter a room in which they are, so that their first stay has no end, or to be
  added to a room of which they are a member; or a user closed their last connection, and the
  grace period, two leases and 5 s later they were still in the room;
- that a member was shown as the exit of another user;
- that a member was never shown, although their connection lasted from before it until the audit;
- that is a `removed` for which the load made no request.

A fault that lasts as long as a lease may separate an edge from the registry: after that time the
server cannot know who is connected, and exits are not examined.
"""

from collections.abc import Iterator

import numpy as np

from gauntlet.core.history import RECORDED, RoomEvent
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario import leftovers
from gauntlet.core.scenario.capabilities import ROOMS, SERVER_SEQ
from gauntlet.reports.checks import _misnamed_exits as misnamed_exits
from gauntlet.reports.checks import _missing_exits as missing_exits
from gauntlet.reports.checks import _repeated_entries as repeated_entries
from gauntlet.reports.checks import _unnoticed_absences as unnoticed_absences
from gauntlet.reports.checks import _unrequested_removals as unrequested_removals
from gauntlet.reports.checks import _unseen_exits as unseen_exits
from gauntlet.reports.checks._departures import Departures
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import Key, RoomEntry, RoomEvents, collect_room_events

KIND = CheckKind(
    "exit",
    "the report that a user left a room is missing, repeated, or wrong",
    aspect="attendance",
    required=True,
    needs=(ROOMS, SERVER_SEQ),
    # Rooms may be small, and each stay in one can end wrongly.
    examined_min=1,
)


def check(history: History) -> Finding:
    if history.scenario.target.adapter == RECORDED:
        return _finding(0, [], "A recorded history does not say who asked to leave a room.")
    events = collect_room_events(history.records)
    seen = [entry.event for known in events.by_member.values() for entry in known]
    stays = seen.count(RoomEvent.ENTERED)
    changes = [
        *unrequested_removals.find(history, events),
        *repeated_entries.find_additions(history, events),
    ]
    if not stays and RoomEvent.EXITED not in seen and not changes:
        return _finding(0, [], "No user was seen to enter a room.")
    departures = Departures(history)
    witnesses = [
        witness
        for key, known in events.by_member.items()
        for witness in (
            *_out_of_turn(history, events, key, known),
            *_without_a_cause(history, departures, key, known),
            *_without_an_end(history, events, departures, key),
        )
    ]
    witnesses += unnoticed_absences.find(history, events, departures)
    witnesses += [*misnamed_exits.find(history), *unseen_exits.find(history, events), *changes]
    return _finding(stays, witnesses, "")


def _finding(stays: int, witnesses: list[Witness], not_applicable: str) -> Finding:
    return Finding(
        examined=stays,
        subject="stays in rooms",
        subject_of_one="stay in a room",
        statement="{count} {reports} of exits {are} missing or wrong{among}.",
        count=len(witnesses),
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        not_applicable=not_applicable,
        times_ns=np.array([witness.at_ns for witness in witnesses], dtype=np.int64),
    )


def _without_an_end(
    history: History, events: RoomEvents, departures: Departures, key: Key
) -> Iterator[Witness]:
    """Yield each stay that the user ended, or that another one follows, although it has no end."""
    named: set[int] = set()
    for witness in missing_exits.find(history, events, departures, key):
        named.update(witness.records)
        yield witness
    yield from repeated_entries.find(history, events, key, named)


def _out_of_turn(
    history: History, events: RoomEvents, key: Key, known: list[RoomEntry]
) -> Iterator[Witness]:
    """Yield each exit of a user who was not in the room."""
    conv, _ = key
    # Where earlier runs may have used the room, the events of the user may have begun before.
    begun = leftovers.are_possible(history.scenario, history.capabilities)
    present, before, last_exit = begun, 0, 0
    for entry in known:
        if entry.event == RoomEvent.EXITED:
            if not present and events.complete(conv, before, entry.position):
                earlier = f" The exit before it is position {last_exit}." if last_exit else ""
                text = "of {user}, who was not in the room." + earlier
                yield _witness(history, key, entry, text)
            last_exit = entry.position
        before = entry.position
        present = entry.event == RoomEvent.ENTERED or (present and entry.event == RoomEvent.ADDED)


def _without_a_cause(
    history: History, departures: Departures, key: Key, known: list[RoomEntry]
) -> Iterator[Witness]:
    """Yield each exit of a user in the room that no departure explains."""
    causes_ns = departures.causes_ns(*key)
    present = False
    for entry in known:
        if entry.event == RoomEvent.EXITED and present:
            if causes_ns and causes_ns[0] <= entry.seen_ns:
                del causes_ns[0]
            elif not _is_uncertain(history, departures, entry.seen_ns):
                yield _witness(history, key, entry, "of {user}, who had not left.")
        present = entry.event == RoomEvent.ENTERED or (present and entry.event == RoomEvent.ADDED)


def _is_uncertain(history: History, departures: Departures, t_ns: int) -> bool:
    """Return whether a fault has acted for so long that leases may have expired."""
    for fault in history.events.faults:
        if fault.effective_ns is not None:
            lasted_until_ns = min(t_ns, fault.healed_ns or NEVER)
            if lasted_until_ns - fault.effective_ns >= departures.lease_ns * 9 // 10:
                return True
    return False


def _witness(history: History, key: Key, entry: RoomEntry, text: str) -> Witness:
    conv, user = key
    return Witness(
        f"Position {entry.position} of {history.names.conv(conv)} reports the exit "
        + text.format(user=history.names.user(user)),
        (),
        user,
        (entry.record,),
        at_ns=entry.seen_ns,
    )
