"""Exits at the end of a room that a member was never shown.

A hole before something that the member was shown is the concern of `wire-order` and `history-gap`.
Where messages are missing as well, the member is shown nothing any more: `undelivered` says so.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from gauntlet.core.history import Kind, RoomEvent
from gauntlet.reports.checks._departures import SETTLE_NS
from gauntlet.reports.checks._shared import named_by, only_read
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import Ints, equal, ints, is_any, pair
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import Key, RoomEntry, RoomEvents

Seat = tuple[int, int]  # a session, and since when it has been connected


def find(history: History, events: RoomEvents) -> Iterator[Witness]:
    """Yield each exit that a session was not shown, though connected from before it to the audit.

    After a fault, everybody has twice the time in which the server reports an exit.
    """
    audit_ns = history.events.phases.get("audit", 0)
    acted = [fault for fault in history.events.faults if fault.requested_ns is not None]
    if any(fault.healed_ns is None for fault in acted):
        return
    if max((fault.healed_ns or 0 for fault in acted), default=0) + 2 * SETTLE_NS > audit_ns:
        return
    exited = [
        conv
        for (conv, _), known in events.by_member.items()
        if any(entry.event == RoomEvent.EXITED for entry in known)
    ]
    shown, seats = _last_shown(history, exited), _stable_seats(history, audit_ns)
    missed = _last_missed(history)
    for (conv, subject), known in events.by_member.items():
        members = history.names.convs[conv].members if conv in history.names.convs else ()
        for entry in known:
            if entry.event != RoomEvent.EXITED or entry.seen_ns > audit_ns - SETTLE_NS:
                continue
            for user in members:
                for session, up_ns in seats.get(user, ()):
                    last = shown.get((session, conv), 0)
                    if (
                        up_ns <= entry.seen_ns
                        and missed.get((session, conv), 0) <= last < entry.position
                        and _is_entitled(history, conv, user, entry.position)
                    ):
                        yield _witness(history, (conv, subject), entry, user, session)


def _is_entitled(history: History, conv: int, user: int, position: int) -> bool:
    place: list[Ints] = [np.array([value]) for value in (conv, user, position)]
    return bool(history.membership.entitled(*place)[0])


def _last_shown(history: History, convs: list[int]) -> dict[tuple[int, int], int]:
    """Return the last position that each session was shown in these conversations.

    The keys are (session, conversation).
    """
    records = history.records
    kinds = (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)
    chosen = np.isin(records["conv"], convs) & is_any(records["kind"], kinds)
    chosen &= ~only_read(records)
    at = np.flatnonzero(chosen & (history.session >= 0))
    keys, index = np.unique(pair(history.session[at], records["conv"][at]), return_inverse=True)
    last = np.zeros(keys.size, dtype=np.int64)
    np.maximum.at(last, index, ints(records["seq"][at]))
    pairs = zip(keys.tolist(), last.tolist(), strict=True)
    return {(key >> 32, key & 0xFFFFFFFF): position for key, position in pairs}


def _last_missed(history: History) -> dict[tuple[int, int], int]:
    """Return the last position of a message that each session was not shown, although it should.

    The keys are (session, conversation).
    """
    if not named_by(history, "undelivered"):
        return {}
    expected, messages = history.expected, history.messages
    at = np.flatnonzero(expected.missing & messages.stored[expected.message])
    message, session = expected.message[at], expected.session[at]
    columns = session, messages.conv[message], messages.position[message]
    last: dict[tuple[int, int], int] = {}
    for *key, position in zip(*(column.tolist() for column in columns), strict=True):
        last[key[0], key[1]] = max(position, last.get((key[0], key[1]), 0))
    return last


def _stable_seats(history: History, audit_ns: int) -> dict[int, list[Seat]]:
    """Return the sessions of each user that stay connected until the audit, and since when.

    Users who ever went away on purpose are left out: they may have stopped reading.
    """
    known, records = history.sessions.connections, history.records
    away = set(records["peer"][equal(records["kind"], Kind.OFFLINE)].tolist())
    seats: dict[int, list[Seat]] = defaultdict(list)
    for at in np.flatnonzero(known.down_ns >= audit_ns).tolist():
        user = int(known.user[at])
        if user not in away:
            seats[user].append((int(known.session[at]), int(known.up_ns[at])))
    return seats


def _witness(history: History, key: Key, entry: RoomEntry, user: int, session: int) -> Witness:
    conv, subject = key
    return Witness(
        f"{history.names.user(user)} was never shown position {entry.position} of "
        f"{history.names.conv(conv)}, the exit of {history.names.user(subject)}.",
        (),
        user,
        (entry.record,),
        at_ns=entry.seen_ns,
        session=session,
    )
