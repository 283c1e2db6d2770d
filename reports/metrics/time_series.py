"""What happened each second of the timeline: the numbers behind the pictures."""

import math

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import NEVER, Ints
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.latency import Samples

Column = list[float | int | None]


def per_second(history: History) -> dict[str, Column]:
    """Columns of equal length, one entry a second from the timeline's zero to the end of the load.

    Counts are by the second in which it happened; percentiles by the second for which a message
    was intended, null without samples, infinite if some never came.
    """
    zero_ns, messages = history.events.zero_ns, history.messages
    end_ns = history.events.phases.get("audit", int(history.records["t_ns"].max(initial=zero_ns)))
    seconds = max(1, math.ceil((end_ns - zero_ns) / NS_PER_S))

    def count(t_ns: Ints) -> Column:
        at = (t_ns[t_ns != NEVER] - zero_ns) // NS_PER_S
        counted: Column = np.bincount(at[(at >= 0) & (at < seconds)], minlength=seconds).tolist()
        return counted

    shown = history.records["t_ns"][history.presented.record].astype(np.int64)
    columns: dict[str, Column] = {
        "second": list(range(seconds)),
        "sent": count(messages.intended_ns[messages.sent]),
        "missed": count(history.missed.intended_ns),
        "acked": count(messages.acked_ns[messages.sent]),
        "delivered": count(shown),
        "connections": _connections(history, zero_ns, seconds),
        "connects": count(history.sessions.connections.up_ns),
    }
    for name, lane in (("ack", latency.ack(history)), ("delivery", latency.delivery(history))):
        columns |= _percentiles(name, lane, zero_ns, seconds)
    return columns


def _connections(history: History, zero_ns: int, seconds: int) -> Column:
    """How many connections were up at the end of each second."""
    ends = zero_ns + (np.arange(seconds, dtype=np.int64) + 1) * NS_PER_S
    known = history.sessions.connections
    up = np.searchsorted(np.sort(known.up_ns), ends, side="right")
    down = np.searchsorted(np.sort(known.down_ns), ends, side="right")
    counted: Column = (up - down).tolist()
    return counted


def _percentiles(name: str, lane: Samples, zero_ns: int, seconds: int) -> dict[str, Column]:
    edges = zero_ns + np.arange(seconds + 1, dtype=np.int64) * NS_PER_S
    cuts = np.searchsorted(lane.intended_ns, edges)
    slices = [lane.ms[cuts[at] : cuts[at + 1]] for at in range(seconds)]
    return {
        f"{name}_p50_ms": [latency.percentile(values, 0.5) for values in slices],
        f"{name}_p99_ms": [latency.percentile(values, 0.99) for values in slices],
        f"{name}_max_ms": [latency.maximum(values) for values in slices],
    }
