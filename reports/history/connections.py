"""When users were connected, when they were away on purpose, and when they were cut off."""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Kind
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.records import NEVER, Ints, Records, find, ints, pair


@dataclass(frozen=True)
class Connections:
    """One entry a connection, by session and time; `down_ns` is NEVER while it lasts."""

    link: Ints
    user: Ints
    session: Ints
    up_ns: Ints
    down_ns: Ints
    close_code: Ints


class Sessions:
    """Connections, and the spans in which a session was away by its user's choice.

    The load calls everybody back at `called_back_ns`: whoever is still not let in is not away.
    """

    def __init__(self, records: Records, names: Names, called_back_ns: int = NEVER) -> None:
        self.connections = _connections(records, names)
        self.watching = np.unique(self.connections.user)
        # (user, session) keys of all that ever connected
        self.seats = np.unique(pair(self.connections.user, self.connections.session))
        self._origin = int(records["t_ns"].min()) if records.size else 0
        self._away, self._away_from, back_ns = _away(records, names)
        unended = back_ns == NEVER
        self._never_back = np.unique(self._away[unended & (self._away >= 0)])
        self._called_back_ns = called_back_ns
        called_ns = np.maximum(called_back_ns, self._away_from)
        self._away_to = np.where(unended, called_ns, back_ns)
        self._away_keys = pair(self._away, self._ms(self._away_from))

    def back_ns(self, session: Ints, from_ns: Ints, to_ns: Ints) -> Ints:
        """When a session came back from an absence that overlaps `from..to`, 1 ms exact.

        0 if there was none, NEVER if it stayed away and was not called back. The time before its
        first connection counts as an absence.
        """
        if self._away.size == 0:
            return np.zeros(session.shape, dtype=np.int64)
        at = np.searchsorted(self._away_keys, pair(session, self._ms(to_ns)), side="right") - 1
        back = self._away_to[at]
        overlaps = (at >= 0) & (self._away[at] == session) & (back >= from_ns)
        return np.where(overlaps, back, 0)

    def cut_off(self, until_ns: int) -> list[tuple[int, int]]:
        """The spans in which a session had no connection though its user was not away."""
        spans = []
        known = self.connections
        last = np.append(known.session[1:] != known.session[:-1], True)[: known.session.size]
        reach = 0
        for at in range(known.session.size):
            reach = max(reach, int(known.down_ns[at]))
            following = until_ns if last[at] else int(known.up_ns[at + 1])
            if reach < following:
                spans.append((int(known.session[at]), reach, min(following, until_ns)))
            if last[at]:
                reach = 0
        trimmed = (self._until_away(*span) for span in spans)
        return [(start, end) for start, end in trimmed if start < end]

    def kept_out(self, until_ns: int) -> list[tuple[int, int]]:
        """The spans in which a session that was called back had no connection: it never got one."""
        known = self.connections
        reach = np.zeros(int(self._away.max(initial=0)) + 1, dtype=np.int64)
        np.maximum.at(reach, known.session, known.down_ns)
        # Whoever only did not read may still have the connection that he left with.
        starts = np.maximum(self._called_back_ns, reach[self._never_back]).tolist()
        return [(start, until_ns) for start in starts if start < until_ns]

    def _until_away(self, session: int, start: int, end: int) -> tuple[int, int]:
        mine = slice(*np.searchsorted(self._away, [session, session + 1]))
        for gone, back in zip(self._away_from[mine], self._away_to[mine], strict=True):
            if gone < end and back > start:
                end = max(start, int(gone))
        return start, end

    def _ms(self, t_ns: Ints) -> Ints:
        return np.clip((t_ns - self._origin) // NS_PER_MS, 0, 2**32 - 1)


def _connections(records: Records, names: Names) -> Connections:
    ups = records[records["kind"] == Kind.CONNECT]
    downs = records[records["kind"] == Kind.DISCONNECT]
    downs = downs[np.argsort(downs["link"], kind="stable")]
    ended = find(ints(downs["link"]), ints(ups["link"]))
    down_ns = np.append(ints(downs["t_ns"]), NEVER)[ended]
    close_code = np.append(ints(downs["spare"]), 0)[ended]
    session = names.session_of(ints(ups["link"]))
    order = np.lexsort((ups["t_ns"], session))
    return Connections(
        link=ints(ups["link"])[order],
        user=ints(ups["peer"])[order],
        session=session[order],
        up_ns=ints(ups["t_ns"])[order],
        down_ns=down_ns[order],
        close_code=close_code[order],
    )


def _away(records: Records, names: Names) -> tuple[Ints, Ints, Ints]:
    """(session, from, to) of every absence, sorted; each session's first lasts till it connects."""
    comings = records[records["kind"] == Kind.CONNECT]
    came = names.session_of(ints(comings["link"]))
    left, left_ns = _leavings(records, names)
    known = np.unique(came)
    session = np.concatenate([known, left])
    start = np.concatenate([np.zeros_like(known), left_ns])
    # An absence ends with the session's next connection: sort both kinds of moments together.
    moments = np.concatenate([start, ints(comings["t_ns"])])
    who = np.concatenate([session, came])
    coming = np.arange(moments.size) >= start.size
    order = np.lexsort((moments, who))
    back = np.full(moments.size + 1, NEVER, dtype=np.int64)
    for at in range(order.size - 1, -1, -1):
        here, after = order[at], order[at + 1] if at + 1 < order.size else None
        if coming[here]:
            back[here] = moments[here]
        elif after is not None and who[after] == who[here]:
            back[here] = back[after]
    absences = order[~coming[order]]
    return who[absences], moments[absences], back[absences]


def _leavings(records: Records, names: Names) -> tuple[Ints, Ints]:
    """(session, when) of everybody who went away by choice.

    Older runs name the user alone, who then had one device.
    """
    rows = records[records["kind"] == Kind.OFFLINE]
    of_user = {user: at for at, (user, _) in enumerate(names.sessions)}
    by_user = np.array([of_user.get(int(user), -1) for user in rows["peer"]], dtype=np.int64)
    session = np.where(rows["link"] > 0, names.session_of(ints(rows["link"])), by_user)
    return session, ints(rows["t_ns"])
