"""Whether users were connected, and whether anybody was said to have left who had not."""

from collections import defaultdict

import numpy as np

from gauntlet.kernel.clock import NS_PER_MS
from gauntlet.kernel.history import Kind, RoomEvent
from reports.columns import Ints, Records, ints
from reports.model import History
from reports.windows import Span, arrivals

NORMAL_CLOSE = 1000  # by the client itself: it moves, leaves on purpose, or the run is over
SLOW_CLOSE = 4008  # by the server, at the cap of what it holds for one client
GRACE_MS = 10_000  # the reference server's `grace_ms`
# The two ends of a connection learn of its end at different moments.
NOTICED_MS = 1_000


def lost(history: History, span: Span) -> tuple[int, int]:
    """(connections that ended in the span otherwise than by their client, of how many alive)."""
    known = history.sessions.connections
    alive = (known.up_ns < span[1]) & (known.down_ns >= span[0])
    ended = alive & (known.down_ns < span[1]) & (known.close_code != NORMAL_CLOSE)
    return int(ended.sum()), int(alive.sum())


def slow_closes(history: History, span: Span) -> tuple[int, int]:
    """(connections that ended in the span because their client did not read, of how many alive)."""
    known = history.sessions.connections
    alive = (known.up_ns < span[1]) & (known.down_ns >= span[0])
    ended = alive & (known.down_ns < span[1]) & (known.close_code == SLOW_CLOSE)
    return int(ended.sum()), int(alive.sum())


def unconnected_ms(history: History, span: Span) -> tuple[float, int]:
    """(the longest time without a connection that began in the span, of how many users).

    Planned absences do not count, nor what comes after the arrivals.
    """
    cut_off = history.sessions.cut_off(arrivals(history.events)[1])
    waits_ns = [end_ns - start_ns for start_ns, end_ns in cut_off if _within(start_ns, span)]
    return max(waits_ns, default=0) / NS_PER_MS, int(history.sessions.watching.size)


def spurious_exits(history: History, span: Span) -> tuple[int, int]:
    """(exits told in the span of users who had not been away for the grace, of all room events).

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
        for event in unasked
        if _within(int(event["t_ns"]), span)
        and _away_ms(history, int(event["peer"]), int(event["t_ns"])) < grace_ms
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


def _within(t_ns: int, span: Span) -> bool:
    return span[0] <= t_ns < span[1]
