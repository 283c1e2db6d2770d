"""How long users had no connection, and whether users were wrongly reported to have left."""

from collections import defaultdict

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.history import RECORDED, Kind, RoomEvent
from gauntlet.core.scenario.secrets import Secret
from gauntlet.reports.history.arrays import NEVER, Bools, Ints, Records, equal, ints
from gauntlet.reports.history.connections import Connections
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.windows import Window, arrivals_span

SLOW_CONSUMER_CLOSE = 4008  # by the server, at the limit of what it buffers for one client
SILENCE_CLOSE = 4009  # by either end: it heard nothing for longer than the heartbeats allow
AWAY_NS = NS_PER_S // 10  # an absence is recorded at most this long after its disconnect
GRACE_MS = 10_000  # the reference server's default `grace_ms`
# The two ends of a connection notice its end at different times.
DETECTION_MS = 1_000


def lost_connections(history: History, window: Window) -> tuple[int, int]:
    """Return (connections that were lost in the window, connections alive in the window)."""
    return _count_ended(history, window, lost(history))


def surely_lost_connections(history: History, window: Window) -> int:
    """Return how many lost connections a machine at its limit cannot explain.

    Where clients or servers get no CPU, both take the other one for dead. The reference server and
    its clients say so by the close code; how others end a silent connection is not known.
    """
    if history.scenario.target.adapter != "reference":
        return 0
    code = history.sessions.connections.close_code
    return _count_ended(history, window, lost(history) & (code != SILENCE_CLOSE))[0]


def moved_connections(history: History, window: Window) -> tuple[int, int]:
    """Return (connections replaced in the window by new ones, connections alive in the window).

    A client replaces a connection when the server asks it to.
    """
    return _count_ended(history, window, history.sessions.connections.moved)


def connection_minutes(history: History, window: Window) -> float:
    """Return for how long connections were open in the window, added up."""
    known = history.sessions.connections
    end_ns = history.events.phases.get("audit", int(known.up_ns.max(initial=0)))
    open_ns = 0
    for from_ns, to_ns in window.spans((0, end_ns)):
        begun_ns, ended_ns = np.maximum(known.up_ns, from_ns), np.minimum(known.down_ns, to_ns)
        open_ns += int(np.maximum(ended_ns - begun_ns, 0).sum())
    return open_ns / (60 * NS_PER_S)


def lost(history: History) -> Bools:
    """Return which connections ended, but not by their client, of users who were not away.

    Every end of an imported history counts as an absence, because messages are due only when the
    user returns. Here it is what the clients report that it is.
    """
    known = history.sessions.connections
    if history.scenario.target.adapter == RECORDED:
        return _ended(known)
    return unwanted_ends(history)


def unwanted_ends(history: History) -> Bools:
    """Return the lost connections whose users were not away, also of an imported history."""
    known = history.sessions.connections
    returned = history.sessions.returned_ns(known.session, known.down_ns, known.down_ns + AWAY_NS)
    found: Bools = _ended(known) & (returned == 0)
    return found


def _ended(known: Connections) -> Bools:
    found: Bools = (known.down_ns != NEVER) & ~known.left
    return found


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
