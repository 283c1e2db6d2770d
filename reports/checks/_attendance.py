"""Which answers about who is in a room are due, as far as that is certain.

An event happened before it was first seen, and after the first attempt at any message with an
earlier position. Until the first position that certainly follows an answer, all positions must be
known: otherwise one of them may hold an event that makes the answer right. Positions are those at
which a message was received or stored: an acknowledgement may state a wrong one.

A user whose first event comes later had not entered before, if all positions from the first one on
are known. This is certain only in a room that reports who enters it.

Where the clocks of the users may differ, the margins are wider. Sends and requests were moved back
already when the history was imported.
"""

from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Attendance, Kind, ProbeResult, RoomEvent
from gauntlet.reports.checks._departures import Departures
from gauntlet.reports.checks._shared import found_positions
from gauntlet.reports.history.arrays import NEVER, Bools, Ints, equal
from gauntlet.reports.history.history import History
from gauntlet.reports.history.room_events import RoomEntry, RoomEvents

MARGIN_NS = 5 * NS_PER_S
LEAVING_NS = NS_PER_S  # from the decision to go away until the connection is closed
_STATES = (RoomEvent.ENTERED, RoomEvent.EXITED, RoomEvent.REMOVED)
OUTSIDE = 0  # in place of a RoomEvent: the user had not entered yet
_CONNECT_ERRORS = "connect"  # of the load's error log: a connection could not be opened


class Observed(NamedTuple):
    """When the list was requested, and when it was answered."""

    asked_ns: Ints
    answered_ns: Ints


class Expected(NamedTuple):
    """What is due in each answer about one member: `state` is an Attendance, 0 where unknown.

    `last` is the index in `entries` of the event that decides; the first entry stands for the time
    before all events (OUTSIDE). `settled` is where something is due if no unknown position holds
    another event of the user, and `gone` where the user had no connection any more.
    """

    state: Ints
    entries: list[RoomEntry]
    last: Ints
    settled: Bools
    gone: Bools


class Room:
    """A room: its events, and from which position on everything follows a moment."""

    def __init__(self, history: History, events: RoomEvents, conv: int) -> None:
        self.conv = conv
        self.events = events
        messages, records = history.messages, history.records
        position = found_positions(history)
        sent = (messages.conv == conv) & messages.sent & (position > 0)
        sent &= messages.first_attempt_ns < NEVER
        at = np.flatnonzero(sent)
        at = at[np.argsort(position[at], kind="stable")]
        self._positions = position[at]
        self._sent_ns = np.maximum.accumulate(messages.first_attempt_ns[at])
        heads = records[equal(records["kind"], Kind.HEAD) & (records["conv"] == conv)]
        self._head = int(heads["seq"].max(initial=0))
        self._head_ns = int(heads["t_ns"].max(initial=0)) - history.events.clock_error_ns
        self.tells_who_enters = any(
            entry.event == RoomEvent.ENTERED
            for (room, _), known in events.by_member.items()
            if room == conv
            for entry in known
        )

    def last_before(self, t_ns: Ints) -> Ints:
        """Return the last position that may hold something from before a time, -1 if unknown."""
        following = np.searchsorted(self._sent_ns, t_ns, side="right")
        head = np.where(self._head_ns >= t_ns, self._head, -1)
        before = np.append(self._positions - 1, 0)[following]
        return np.where(following < self._positions.size, before, head)


class Stays:
    """The stays of all users in rooms, and what they did that may end one."""

    def __init__(self, history: History, departures: Departures) -> None:
        self._departures = departures
        self._clock_error_ns = history.events.clock_error_ns
        records = history.records
        self._faults_ns = sorted(
            (fault.requested_ns, NEVER if fault.healed_ns is None else fault.healed_ns)
            for fault in history.events.faults
            if fault.requested_ns is not None
        )
        failed = sorted(
            period
            for errors in history.events.errors
            if errors.concerns == _CONNECT_ERRORS
            for period in errors.periods()
        )
        self._failed_dials = np.array(failed, dtype=np.int64).reshape(-1, 2)
        self._removals = records[
            equal(records["kind"], Kind.MEMBERSHIP) & (records["sseq"] == RoomEvent.REMOVED)
        ]
        connects = records[equal(records["kind"], Kind.CONNECT)]
        self._dialled_ns = dict(
            zip(connects["link"].tolist(), connects["ref_ns"].tolist(), strict=True)
        )
        self._offline = records[equal(records["kind"], Kind.OFFLINE)]
        known = history.sessions.connections
        self._normal = set(known.link[known.left].tolist())

    def expect(self, room: Room, user: int, observed: Observed) -> Expected:
        """Return what answers about a user had to say."""
        known = room.events.by_member.get((room.conv, user), [])
        states = (entry for entry in known if entry.event in _STATES)
        entries = [RoomEntry(0, OUTSIDE, 0, -1), *states]
        last = np.zeros(observed.asked_ns.size, dtype=np.int64)
        for number, entry in enumerate(entries):
            last[entry.seen_ns < observed.asked_ns - MARGIN_NS] = number
        position = np.array([entry.position for entry in entries], dtype=np.int64)
        following = np.array([*(entry.position for entry in entries[1:]), NEVER])
        until = room.last_before(observed.answered_ns + MARGIN_NS)
        settled = (until >= 0) & (following[last] > until)
        until = np.maximum(until, position[last])
        gapless = room.events.gapless(room.conv, position[last], until)
        # Nothing needs to be examined about users who did not enter.
        settled &= (last > 0) | (gapless & room.tells_who_enters)
        entered = np.array([entry.event == RoomEvent.ENTERED for entry in entries])[last]
        gone = settled & entered & self.gone(user, observed)
        since_ns = np.array([entry.seen_ns for entry in entries])[last] - MARGIN_NS
        undisturbed = self._undisturbed(room.conv, user, since_ns, observed)
        stays = settled & entered & ~gone & undisturbed
        state = np.where(stays, Attendance.PRESENT, 0)
        state = np.where(gone | (settled & ~entered), Attendance.ABSENT, state)
        return Expected(np.where(gapless, state, 0), entries, last, state > 0, gone)

    def _undisturbed(self, conv: int, user: int, since_ns: Ints, observed: Observed) -> Bools:
        """Return when the user was connected, and neither asked to leave nor was removed.

        `since_ns` is just before they entered. A connection that was lost matters until its lease
        and the grace period are over, also while another one holds the stay.
        """
        from_ns = observed.asked_ns - MARGIN_NS
        until_ns = observed.answered_ns + MARGIN_NS + self._clock_error_ns
        known = self._departures
        connected = np.zeros(from_ns.size, dtype=np.bool_)
        disturbed = np.zeros(from_ns.size, dtype=np.bool_)
        settled_ns = from_ns - known.grace_ns - 2 * known.lease_ns if known.grace_ns else since_ns
        settled_ns = settled_ns - self._clock_error_ns
        for link in known.links.get(user, ()):
            connected |= (link.up_ns <= from_ns) & (link.alive_ns >= until_ns)
            disturbed |= (link.alive_ns < until_ns) & (link.down_ns >= settled_ns)
        for request in known.requests.get((conv, user), ()):
            disturbed |= (request.t_ns >= since_ns) & (request.t_ns <= until_ns)
        removals = self._removals
        for removal in removals[(removals["conv"] == conv) & (removals["peer"] == user)]:
            answered = removal["spare"] != ProbeResult.UNKNOWN
            lasts_ns = int(removal["t_ns"]) if answered else NEVER
            disturbed |= (lasts_ns >= since_ns) & (int(removal["ref_ns"]) <= until_ns)
        undisturbed: Bools = connected & ~disturbed
        return undisturbed

    @property
    def wait_ns(self) -> int:
        """How long after the end of a connection the server must know that its user is gone."""
        return self._departures.grace_ns + 2 * self._departures.lease_ns + MARGIN_NS

    def departures_ns(self, user: int) -> list[int]:
        """Return the ends of all connections of a user that ended because the user went away."""
        ends = (
            link.down_ns
            for link in self._departures.links.get(user, ())
            if self._left_on_purpose(user, link.number, link.down_ns)
        )
        return sorted(ends)

    def gone(self, user: int, observed: Observed) -> Bools:
        """Return when the user was away on purpose, for so long that the server must know it.

        A server that has just started, or had lost sight of its connections, waits for leases. It
        may also count a user as back whose connection it accepted, and the client could not use.
        """
        known = self._departures
        gone = np.zeros(observed.asked_ns.size, dtype=np.bool_)
        if not known.grace_ns:
            return gone
        down_ns = np.zeros(gone.size, dtype=np.int64)
        ends = (
            (self._left_on_purpose(user, link.number, link.down_ns), link.number, link.down_ns)
            for link in known.links.get(user, ())
        )
        # Of connections that ended in the same moment, the first one counts: one that was lost.
        for on_purpose, link, end_ns in sorted(ends):
            last = (self._dialled_ns[link] <= observed.answered_ns) & (end_ns > down_ns)
            down_ns = np.where(last, end_ns, down_ns)
            gone = np.where(last, on_purpose, gone)
        for requested_ns, healed_ns in self._faults_ns:
            acted = requested_ns <= observed.answered_ns
            gone &= ~(acted & (healed_ns >= down_ns - MARGIN_NS))
        # The latest end of all periods with failed dials that had begun, 0 without any.
        begun = np.searchsorted(self._failed_dials[:, 0], observed.answered_ns, side="right")
        ends_ns = np.append(np.maximum.accumulate(self._failed_dials[:, 1]), 0)
        gone &= ends_ns[begun - 1] + NS_PER_S < down_ns
        left_ns = np.where(gone, down_ns, NEVER)
        long_ago: Bools = gone & (left_ns < observed.asked_ns - self.wait_ns)
        return long_ago

    def _left_on_purpose(self, user: int, link: int, down_ns: int) -> bool:
        left_ns = self._offline["t_ns"][self._offline["peer"] == user]
        near = (left_ns <= down_ns) & (left_ns >= down_ns - LEAVING_NS)
        return link in self._normal and bool(near.any())
