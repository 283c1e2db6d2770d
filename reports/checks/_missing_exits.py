"""Exits that were requested and that the room does not have."""

from collections.abc import Iterator

from gauntlet.core.history import Kind, RoomEvent
from gauntlet.reports.checks._departures import SETTLE_NS, Departures, Request
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import NEVER, equal
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import Key, RoomEntry, RoomEvents


def find(
    history: History, events: RoomEvents, departures: Departures, key: Key
) -> Iterator[Witness]:
    """Yield each stay of a member that has no end, although the user asked for it."""
    known = events.by_member[key]
    requests = departures.requests.get(key, [])
    for at, entry in enumerate(known if requests else ()):
        following = known[at + 1] if at + 1 < len(known) else None
        ended = following and following.event in (RoomEvent.EXITED, RoomEvent.REMOVED)
        if entry.event != RoomEvent.ENTERED or ended:
            continue
        until_ns = following.seen_ns if following else NEVER
        asked = [each for each in requests if entry.seen_ns < each.t_ns < until_ns]
        if asked and _must_have_ended(history, events, departures, key, entry, following, asked):
            yield _witness(history, key, entry, asked[-1].t_ns)


def _must_have_ended(
    history: History,
    events: RoomEvents,
    departures: Departures,
    key: Key,
    entered: RoomEntry,
    following: RoomEntry | None,
    asked: list[Request],
) -> bool:
    """Return whether the user surely left, and everything that follows in the room is known."""
    conv, user = key
    if not _all_asked(departures, user, asked):
        return False
    until_ns = _settled_ns(history, asked)
    if not _undisturbed(departures, user, asked, until_ns):
        return False
    end = following.position if following else _head(history, conv, until_ns)
    return bool(end) and events.complete(conv, entered.position, end)


def _all_asked(departures: Departures, user: int, asked: list[Request]) -> bool:
    """Return whether the user asked on every connection that they had at the last request."""
    last_ns = asked[-1].t_ns
    alive = {
        link.number
        for link in departures.links.get(user, ())
        if link.up_ns <= last_ns < link.down_ns
    }
    return bool(alive) and alive <= {request.link for request in asked}


def _settled_ns(history: History, asked: list[Request]) -> int:
    """Return when the server must have reported the exit: some time after any fault has ended."""
    until_ns = asked[-1].t_ns + SETTLE_NS
    starts = [fault for fault in history.events.faults if fault.effective_ns is not None]
    for fault in sorted(starts, key=lambda fault: fault.effective_ns or 0):
        ended_ns = NEVER if fault.healed_ns is None else fault.healed_ns + 2 * SETTLE_NS
        if (fault.requested_ns or 0) <= until_ns:
            until_ns = max(until_ns, ended_ns)
    return until_ns


def _undisturbed(departures: Departures, user: int, asked: list[Request], until_ns: int) -> bool:
    """Return whether the user lost no connection that may have held the stay, or the request.

    A connection that was lost holds a stay until its lease and the grace period are over. One on
    which the user asked, and which they closed themselves afterwards, brought the request.
    """
    from_ns = asked[0].t_ns - departures.lease_ns - departures.grace_ns - SETTLE_NS
    asked_ns = {request.link: request.t_ns for request in asked}
    lost = [
        link
        for link in departures.links.get(user, ())
        if link.number not in departures.closed or link.down_ns < asked_ns.get(link.number, NEVER)
    ]
    return not any(from_ns <= link.down_ns <= until_ns for link in lost)


def _head(history: History, conv: int, after_ns: int) -> int:
    """Return the head of a conversation that the audit read after a time, 0 if it did not."""
    heads = history.records[equal(history.records["kind"], Kind.HEAD)]
    read = (heads["conv"] == conv) & (heads["t_ns"] >= after_ns)
    return int(heads["seq"][read].max(initial=0))


def _witness(history: History, key: Key, entered: RoomEntry, at_ns: int) -> Witness:
    conv, user = key
    return Witness(
        f"{history.names.user(user)} exited {history.names.conv(conv)}, which they had entered at "
        f"position {entered.position}; the room has no event `exited` of them.",
        (),
        user,
        (entered.record,),
        at_ns=at_ns,
    )
