"""Whether users were connected, and whether anybody was said to have left who had not."""

from collections import defaultdict

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Kind, RoomEvent
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Bools, Ints, Records, ints
from gauntlet.reports.metrics.windows import Window, arrivals

NORMAL_CLOSE = 1000  # by the client itself: it moves, leaves on purpose, or the run is over
SLOW_CLOSE = 4008  # by the server, at the cap of what it holds for one client
GRACE_MS = 10_000  # the reference server's `grace_ms`
# The two ends of a connection learn of its end at different moments.
NOTICED_MS = 1_000


def lost(history: History, window: Window) -> tuple[int, int]:
    """(connections that ended in the window not by their client's will, of how many alive)."""
    code = history.sessions.connections.close_code
    return _ended(history, window, code != NORMAL_CLOSE)


def slow_closes(history: History, window: Window) -> tuple[int, int]:
    """(connections that ended in the window for their client did not read, of how many alive)."""
    code = history.sessions.connections.close_code
    return _ended(history, window, code == SLOW_CLOSE)


def _ended(history: History, window: Window, so: Bools) -> tuple[int, int]:
    """(connections that ended in the window, and so; of how many that lived in it)."""
    known = history.sessions.connections
    alive = (known.up_ns < window.end_ns) & (known.down_ns >= window.start_ns)
    for start_ns, end_ns in window.without:
        alive &= (known.up_ns < start_ns) | (known.down_ns >= end_ns)
    return int((window.holds(known.down_ns) & so).sum()), int(alive.sum())


def unconnected_ms(history: History, window: Window) -> tuple[float, int]:
    """(the longest time without a connection that began in the window, of how many users).

    Planned absences do not count, nor what comes after the arrivals; but that somebody who was away
    was not let in again, though he was called back, is told by the wait until the audit.
    """
    end_ns = arrivals(history.events)[1]
    cut_off = history.sessions.cut_off(end_ns)
    kept_out = history.sessions.kept_out(history.events.phases.get("audit", 0))
    spans_ns = np.array(cut_off + kept_out, dtype=np.int64).reshape(-1, 2)
    # Whoever was called back when the arrivals ended was due at their last moment.
    begun_ns = np.minimum(spans_ns[:, 0], end_ns - 1)
    waits_ns = (spans_ns[:, 1] - spans_ns[:, 0])[window.holds(begun_ns)]
    return float(waits_ns.max(initial=0)) / NS_PER_MS, int(history.sessions.watching.size)


def spurious_exits(history: History, window: Window) -> tuple[int, int]:
    """(exits told in the window of users who were not away for the grace, of all room events).

    An exit is told to many: the first to hear of it counts. What a user asked for is not spurious.
    """
    records = history.records[history.records["kind"] == Kind.ROOM]
    records = records[np.argsort(records["t_ns"], kind="stable")]
    exits = records[records["sseq"] == RoomEvent.EXITED]
    places = np.stack([ints(exits["conv"]), ints(exits["seq"])], axis=1)
    first = exits[np.unique(places, axis=0, return_index=True)[1]] if exits.size else exits
    grace_ms = float(history.scenario.target.server.get("grace_ms", GRACE_MS)) - NOTICED_MS
    unasked = _unasked(history, first)
    spurious = [
        event
        for event in unasked[window.holds(ints(unasked["t_ns"]))]
        if _away_ms(history, int(event["peer"]), int(event["t_ns"])) < grace_ms
    ]
    return len(spurious), int(records.size)


def _unasked(history: History, exits: Records) -> Records:
    """The exits without those that users asked for, each of which explains one told after it."""
    records = history.records
    wishes = records[(records["kind"] == Kind.ATTEND) & (records["sseq"] == RoomEvent.EXITED)]
    asked: dict[tuple[int, int], list[int]] = defaultdict(list)
    for wish in np.sort(wishes, order="t_ns"):
        asked[int(wish["conv"]), int(wish["peer"])].append(int(wish["t_ns"]))
    kept = []
    for at in np.argsort(exits["t_ns"], kind="stable"):
        mine = asked[int(exits["conv"][at]), int(exits["peer"][at])]
        if mine and mine[0] <= exits["t_ns"][at]:
            del mine[0]
        else:
            kept.append(at)
    return exits[kept]


def _away_ms(history: History, user: int, until_ns: int) -> float:
    """The longest time that a user had been without any connection, for whatever reason."""
    known = history.sessions.connections
    mine = (known.user == user) & (known.up_ns < until_ns)
    order = np.argsort(known.up_ns[mine])
    up_ns, down_ns = known.up_ns[mine][order], known.down_ns[mine][order]
    reach: Ints = np.minimum(np.maximum.accumulate(down_ns), until_ns)
    gaps_ns = np.append(up_ns[1:], until_ns) - reach
    return float(gaps_ns.max(initial=0)) / NS_PER_MS
