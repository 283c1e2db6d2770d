"""When users were connected, when they were away on purpose, and when they were disconnected."""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import ClosedBy, Kind
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    distinct,
    equal,
    find,
    ints,
    pair,
    stable_order,
)
from gauntlet.reports.history.directory import Names

_NORMAL_CLOSE = 1000


@dataclass(frozen=True)
class Connections:
    """One entry for each connection, by session and time; `down_ns` is NEVER while it lasts.

    `closed_by` is a ClosedBy, and 0 where the run does not say who ended the connection.
    """

    link: Ints
    user: Ints
    session: Ints
    up_ns: Ints
    down_ns: Ints
    close_code: Ints
    closed_by: Ints

    @property
    def left(self) -> Bools:
        """Which connections their clients closed: they move, leave, or the run is over.

        A server can also close with the code of a normal end. Its client did not want that.
        """
        closed: Bools = (self.close_code == _NORMAL_CLOSE) & (self.closed_by != ClosedBy.SERVER)
        return closed

    @property
    def moved(self) -> Bools:
        """Which connections were replaced: their client had a new one before it closed them."""
        following = self.session[1:] == self.session[:-1]
        replaced = np.append(following & (self.up_ns[1:] <= self.down_ns[:-1]), False)
        found: Bools = self.left & replaced[: self.link.size]
        return found


class Sessions:
    """Connections, and the spans in which a session was away because its user chose so.

    At the start of the quiesce the load reconnects all users who are away. A session that the
    system does not admit from then on counts as refused, not as away.
    """

    def __init__(
        self,
        records: Records,
        names: Names,
        quiesce_started_ns: int = NEVER,
        origin_ns: int = 0,
    ) -> None:
        self.connections = _connections(records, names)
        self.connected_users = distinct(self.connections.user)  # at least once
        # Sorted keys (user, session) of all sessions that ever connected.
        self.user_sessions = distinct(pair(self.connections.user, self.connections.session))
        self._origin = origin_ns
        self._away, self._away_from, returned_ns = _absences(records, names)
        unended = self._unended = returned_ns == NEVER
        self._never_returned = np.unique(self._away[unended & (self._away >= 0)])
        self._quiesce_started_ns = quiesce_started_ns
        self._away_to = np.where(
            unended, np.maximum(quiesce_started_ns, self._away_from), returned_ns
        )
        self._away_keys = pair(self._away, self._ms(self._away_from))

    def returned_ns(self, session: Ints, from_ns: Ints, to_ns: Ints) -> Ints:
        """Return when each session came back from an absence that overlaps `from_ns..to_ns`.

        It is exact to 1 ms; 0 if there was no absence, NEVER if the session stayed away and the
        run had no quiesce. The time before a session's first connection counts as an absence.
        """
        if self._away.size == 0:
            return np.zeros(session.shape, dtype=np.int64)
        at = np.searchsorted(self._away_keys, pair(session, self._ms(to_ns)), side="right") - 1
        away_to = self._away_to[at]
        overlaps = (at >= 0) & (self._away[at] == session) & (away_to >= from_ns)
        return np.where(overlaps, away_to, 0)

    def spans_before_absences(
        self, session: Ints, from_ns: Ints, to_ns: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """Return the spans after `from_ns` that ended when a session went away before `to_ns`.

        These are (index of the session, begin, end). In each span, the user wanted a connection.
        The time after the last absence belongs to no span. `to_ns` is exact to 1 ms, and may be the
        end of a span. The sessions must have connected at least once.
        """
        spans = [np.empty((3, 0), dtype=np.int64)]
        row = np.arange(session.size if self._away.size else 0)
        at = np.searchsorted(self._away_keys, pair(session, self._ms(to_ns)), side="right") - 1
        while row.size:
            # The absence before the first connection of a session began at 0, before `from_ns`.
            row = row[self._away_from[at[row]] > from_ns[row]]
            last = at[row]
            begun_ns = np.maximum(from_ns[row], self._away_to[last - 1])
            spans.append(np.stack([row, begun_ns, self._away_from[last]]))
            at[row] -= 1
        rows, begins, ends = np.concatenate(spans, axis=1)
        wanted = begins < ends
        return rows[wanted], begins[wanted], ends[wanted]

    def left_ns(self, session: Ints) -> Ints:
        """Return when each session went away without ever coming back, NEVER if it did not."""
        away = self._away[self._unended]
        gone = distinct(away)
        last = np.searchsorted(away, gone, side="right") - 1
        # -1, a session that came back each time, finds the appended last entry.
        left_ns = np.append(self._away_from[self._unended][last], NEVER)
        return ints(left_ns[find(gone, session)])

    def disconnected_spans(self, until_ns: int) -> list[tuple[int, int]]:
        """Return the spans in which a session had no connection although its user wanted one."""
        return [(start, end) for _, start, end in self.disconnections(until_ns)]

    def disconnections(self, until_ns: int) -> list[tuple[int, int, int]]:
        """Return the spans of `disconnected_spans`, each with its session."""
        spans = []
        known = self.connections
        last = np.append(known.session[1:] != known.session[:-1], True)[: known.session.size]
        connected_to = 0
        for at in range(known.session.size):
            connected_to = max(connected_to, int(known.down_ns[at]))
            following = until_ns if last[at] else int(known.up_ns[at + 1])
            if connected_to < following:
                spans.append((int(known.session[at]), connected_to, min(following, until_ns)))
            if last[at]:
                connected_to = 0
        trimmed = ((span[0], *self._until_away(*span)) for span in spans)
        return [(session, start, end) for session, start, end in trimmed if start < end]

    def users_of(self, sessions: Ints) -> Ints:
        """Return the users of sessions that were connected at least once."""
        known = self.connections
        first = np.searchsorted(known.session, sessions)
        users: Ints = known.user[first]
        return users

    def refused_spans(self, until_ns: int) -> list[tuple[int, int]]:
        """Return the spans in which a session was refused when the load reconnected it."""
        known = self.connections
        connected_to = np.zeros(int(self._away.max(initial=0)) + 1, dtype=np.int64)
        np.maximum.at(connected_to, known.session, known.down_ns)
        # A user who only stopped reading may still have the connection from before the absence.
        starts = np.maximum(self._quiesce_started_ns, connected_to[self._never_returned]).tolist()
        return [(start, until_ns) for start in starts if start < until_ns]

    def _until_away(self, session: int, start: int, end: int) -> tuple[int, int]:
        own = slice(*np.searchsorted(self._away, [session, session + 1]))
        for away_from, away_to in zip(self._away_from[own], self._away_to[own], strict=True):
            if away_from < end and away_to > start:
                end = max(start, int(away_from))
        return start, end

    def _ms(self, t_ns: Ints) -> Ints:
        return np.clip((t_ns - self._origin) // NS_PER_MS, 0, 2**32 - 1)


def _connections(records: Records, names: Names) -> Connections:
    ups = records[equal(records["kind"], Kind.CONNECT)]
    downs = records[equal(records["kind"], Kind.DISCONNECT)]
    downs = downs[stable_order(downs["link"])]
    ended = find(ints(downs["link"]), ints(ups["link"]))
    # -1, a connection without an end, finds the appended last entry.
    down_ns = np.append(ints(downs["t_ns"]), NEVER)[ended]
    close_code = np.append(ints(downs["spare"]), 0)[ended]
    closed_by = np.append(ints(downs["sseq"]), 0)[ended]
    session = names.session_of(ints(ups["link"]))
    order = stable_order(session, ups["t_ns"])
    return Connections(
        link=ints(ups["link"])[order],
        user=ints(ups["peer"])[order],
        session=session[order],
        up_ns=ints(ups["t_ns"])[order],
        down_ns=down_ns[order],
        close_code=close_code[order],
        closed_by=closed_by[order],
    )


def _absences(records: Records, names: Names) -> tuple[Ints, Ints, Ints]:
    """Return (session, from, to) of every absence, sorted.

    The first absence of each session lasts from time 0 until its first connection.
    """
    connects = records[equal(records["kind"], Kind.CONNECT)]
    connect_session = names.session_of(ints(connects["link"]))
    left_session, left_ns = _departures(records, names)
    known = distinct(connect_session)
    absent_session = np.concatenate([known, left_session])
    start_ns = np.concatenate([np.zeros_like(known), left_ns])
    # An absence ends with the session's next connection: sort both kinds of moments together.
    moments = np.concatenate([start_ns, ints(connects["t_ns"])])
    sessions = np.concatenate([absent_session, connect_session])
    is_connect = np.arange(moments.size) >= start_ns.size
    order = stable_order(sessions, moments)
    end_ns = np.full(moments.size, NEVER, dtype=np.int64)
    for at in range(order.size - 1, -1, -1):
        current, following = order[at], order[at + 1] if at + 1 < order.size else None
        if is_connect[current]:
            end_ns[current] = moments[current]
        elif following is not None and sessions[following] == sessions[current]:
            end_ns[current] = end_ns[following]
    absences = order[~is_connect[order]]
    return sessions[absences], moments[absences], end_ns[absences]


def _departures(records: Records, names: Names) -> tuple[Ints, Ints]:
    """Return (session, time) of each time that a user went away on purpose.

    Records of older runs name only the user, who then had one device.
    """
    rows = records[equal(records["kind"], Kind.OFFLINE)]
    if not rows.size:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    by_user = np.array([names.last_session.get(int(user), -1) for user in rows["peer"]])
    session = np.where(rows["link"] > 0, names.session_of(ints(rows["link"])), by_user)
    return session, ints(rows["t_ns"])
