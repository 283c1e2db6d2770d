"""How long users had no connection, and whether users were wrongly reported to have left."""

from collections import defaultdict

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Kind, RoomEvent
from gauntlet.core.scenario.secrets import Secret
from gauntlet.reports.history.arrays import Bools, Ints, Records, equal, ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.windows import Window, arrivals_span

NORMAL_CLOSE = 1000  # by the client: it moves, leaves on purpose, or the run is over
SLOW_CONSUMER_CLOSE = 4008  # by the server, at the limit of what it buffers for one client
GRACE_MS = 10_000  # the reference server's default `grace_ms`
# The two ends of a connection notice its end at different times.
DETECTION_MS = 1_000


def lost_connections(history: History, window: Window) -> tuple[int, int]:
    """Return (connections that ended in the window, but not by their client's close; all alive)."""
    code = history.sessions.connections.close_code
    return _count_ended(history, window, code != NORMAL_CLOSE)


def slow_consumer_closes(history: History, window: Window) -> tuple[int, int]:
    """Return (connections closed in the window because their client did not read; all alive)."""
    code = history.sessions.connections.close_code
    return _count_ended(history, window, code == SLOW_CONSUMER_CLOSE)


def _count_ended(history: History, window: Window, selected: Bools) -> tuple[int, int]:
    """Return (selected connections that ended in the window, connections alive in the window)."""
    known = history.sessions.connections
    alive = (known.up_ns < window.end_ns) & (known.down_ns >= window.start_ns)
    for start_ns, end_ns in window.excluded:
        alive &= (known.up_ns < start_ns) | (known.down_ns >= end_ns)
    return int((window.contains(known.down_ns) & selected).sum()), int(alive.sum())


def longest_disconnection_ms(history: History, window: Window) -> tuple[float, int]:
    """Return (the longest involuntary time without a connection, the number of users).

    A time counts if it began in the window. Planned absences do not count, nor what follows the
    arrivals, with one exception: for a user who was away and whom the system refused when the load
    reconnected all users, the time until the audit counts.
    """
    end_ns = arrivals_span(history.events)[1]
    disconnected = history.sessions.disconnected_spans(end_ns)
    refused = history.sessions.refused_spans(history.events.phases.get("audit", 0))
    spans_ns = np.array(disconnected + refused, dtype=np.int64).reshape(-1, 2)
    # A user refused at the end of the arrivals was due at their last moment.
    begun_ns = np.minimum(spans_ns[:, 0], end_ns - 1)
    times_ns = (spans_ns[:, 1] - spans_ns[:, 0])[window.contains(begun_ns)]
    longest_ms = float(times_ns.max(initial=0)) / NS_PER_MS
    return longest_ms, int(history.sessions.connected_users.size)


def spurious_exits(history: History, window: Window) -> tuple[int, int]:
    """Return (exits reported of users who were never away for the grace period, all room events).

    An exit is reported to all members: the first report counts, if it is in the window. An exit
    that its user asked for is not spurious.
    """
    records = history.records[equal(history.records["kind"], Kind.ROOM)]
    records = records[np.argsort(records["t_ns"], kind="stable")]
    exits = records[records["sseq"] == RoomEvent.EXITED]
    places = np.stack([ints(exits["conv"]), ints(exits["seq"])], axis=1)
    first = exits[np.unique(places, axis=0, return_index=True)[1]] if exits.size else exits
    grace_ms = _grace_ms(history) - DETECTION_MS
    unrequested = _without_requested(history, first)
    spurious = [
        event
        for event in unrequested[window.contains(ints(unrequested["t_ns"]))]
        if _longest_gap_ms(history, int(event["peer"]), int(event["t_ns"])) < grace_ms
    ]
    return len(spurious), int(records.size)


def _grace_ms(history: History) -> float:
    grace_ms = history.scenario.target.server.get("grace_ms", GRACE_MS)
    return GRACE_MS if isinstance(grace_ms, Secret) else float(grace_ms)


def _without_requested(history: History, exits: Records) -> Records:
    """Return the exits without those that users requested: each request explains one later exit."""
    records = history.records
    requests = records[equal(records["kind"], Kind.ATTEND) & (records["sseq"] == RoomEvent.EXITED)]
    requested_ns: dict[tuple[int, int], list[int]] = defaultdict(list)
    for request in np.sort(requests, order="t_ns"):
        requested_ns[int(request["conv"]), int(request["peer"])].append(int(request["t_ns"]))
    kept = []
    for at in np.argsort(exits["t_ns"], kind="stable"):
        pending_ns = requested_ns[int(exits["conv"][at]), int(exits["peer"][at])]
        if pending_ns and pending_ns[0] <= exits["t_ns"][at]:
            del pending_ns[0]
        else:
            kept.append(at)
    return exits[kept]


def _longest_gap_ms(history: History, user: int, until_ns: int) -> float:
    """Return the longest time that a user was without any connection, for whatever reason."""
    known = history.sessions.connections
    chosen = (known.user == user) & (known.up_ns < until_ns)
    order = np.argsort(known.up_ns[chosen])
    up_ns, down_ns = known.up_ns[chosen][order], known.down_ns[chosen][order]
    connected_to: Ints = np.minimum(np.maximum.accumulate(down_ns), until_ns)
    gaps_ns = np.append(up_ns[1:], until_ns) - connected_to
    return float(gaps_ns.max(initial=0)) / NS_PER_MS
