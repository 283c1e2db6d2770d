"""What met each fault: the connections and messages of clients while it acted.

A fault that met no traffic disturbed no user, so the run does not show that the system survives it.
A fault on edges concerns the users who were connected to them; any other fault concerns all users.
"""

from dataclasses import replace

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import RECORDED
from gauntlet.reports.history.arrays import NEVER, Bools, contains
from gauntlet.reports.history.events import Exposure, FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.windows import Span

AFTER_NS = NS_PER_S  # what a fault of a moment does to clients shows afterwards

# An edge that this fault adds has no connections: it concerns the users of the others.
_ADDS_EDGES = "scale-out"


def with_exposures(history: History) -> History:
    """Return the history in which each fault that took effect knows what met it."""
    faults = tuple(
        fault if fault.effective_ns is None else replace(fault, exposure=measure(history, fault))
        for fault in history.events.faults
    )
    return history.with_proofs(faults)


def measure(history: History, fault: FaultTimes) -> Exposure:
    """Return what met a fault from its request until `AFTER_NS` after its heal."""
    span = _acts(fault)
    known = history.sessions.connections
    alive = _alive(history, span, _edges(history, fault))
    changed = alive & ((known.up_ns >= span[0]) | (known.down_ns <= span[1]))
    under_way = history.once(messages_under_way)[fault.id]
    return Exposure(int(alive.sum()), int(changed.sum()), under_way, fault.bytes)


def messages_under_way(history: History) -> dict[str, int]:
    """Return how many messages were under way while each fault acted that took effect, by id."""
    counts = {}
    for fault in history.events.faults:
        if fault.effective_ns is not None:
            span, edges = _acts(fault), _edges(history, fault)
            connected = None if edges is None else _alive(history, span, edges)
            counts[fault.id] = int(_messages(history, span, connected).sum())
    return counts


def _alive(history: History, span: Span, edges: set[str] | None) -> Bools:
    """Return which connections, to these edges (None: to all), were open in a span."""
    known = history.sessions.connections
    alive: Bools = (known.up_ns < span[1]) & (known.down_ns > span[0])
    if edges is not None:
        alive &= np.array(
            [history.names.connections[link].edge in edges for link in known.link.tolist()],
            dtype=np.bool_,
        )
    return alive


def _acts(fault: FaultTimes) -> Span:
    """Return when a fault affects clients; the request may have an effect before the proof."""
    starts = [t_ns for t_ns in (fault.requested_ns, fault.effective_ns) if t_ns is not None]
    return min(starts), NEVER if fault.healed_ns is None else fault.healed_ns + AFTER_NS


def _edges(history: History, fault: FaultTimes) -> set[str] | None:
    """Return the edges on which a fault acts, None if it acts on anything else."""
    if history.scenario.target.adapter == RECORDED:
        return None  # its edges may have other names than its faults
    names = {name.rpartition(">")[2] for name in fault.acts_on or (fault.target,)}
    only_edges = all(name in history.names.edges or name.startswith("edge-") for name in names)
    return names if only_edges and fault.kind != _ADDS_EDGES else None


def _messages(history: History, span: Span, connected: Bools | None) -> Bools:
    """Return which messages were under way, from or to the users of `connected` (None: all)."""
    messages, expected, start_ns, end_ns = history.messages, history.expected, *span
    under_way = messages.sent & (messages.intended_ns < end_ns) & (messages.ended_ns > start_ns)
    arriving = ~expected.missing & (expected.presented_ns > start_ns)
    arriving &= messages.intended_ns[expected.message] < end_ns
    if connected is not None:
        users = np.unique(history.sessions.connections.user[connected])
        under_way &= contains(users, messages.author)
        arriving &= contains(users, expected.user)
    under_way[expected.message[arriving]] = True
    return under_way
