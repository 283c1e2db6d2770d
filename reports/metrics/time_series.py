"""The state of the run in each second of the timeline: the data behind the charts."""

import math

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import RECORDED
from gauntlet.reports.history.arrays import NEVER, Ints, ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.samples import Samples

Column = list[float | int | None]
# A log may span years, in most of whose seconds nothing happens.
LOG_SECONDS_MAX = 7 * 86_400

# The percentiles of each second.
_SHOWN = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def per_second(history: History) -> dict[str, Column]:
    """Return `series` of result.json: columns of equal length, from the zero to the audit.

    An event counts in the second in which it happened; a percentile is over the messages intended
    for that second, None without samples, infinite if it falls among messages that never arrived.
    An imported history of more than LOG_SECONDS_MAX has none.
    """
    zero_ns, seconds = history.events.zero_ns, _seconds(history)
    if not seconds:
        return {}
    sent, acked = history.once(sends_per_second)

    def count(t_ns: Ints) -> Column:
        counted: Column = _count(t_ns, zero_ns, seconds).tolist()
        return counted

    columns: dict[str, Column] = {
        "second": list(range(seconds)),
        "sent": sent.tolist(),
        "missed": count(history.missed.intended_ns),
        "acked": acked.tolist(),
        "delivered": history.once(presentations_per_second).tolist(),
        "connections": _open_connections(history, zero_ns, seconds),
        "connects": count(history.sessions.connections.up_ns),
    }
    for name, samples in (("ack", latency.ack(history)), ("delivery", latency.delivery(history))):
        columns |= _percentiles(name, samples, zero_ns, seconds)
    return columns


def is_too_long(history: History) -> bool:
    """Return whether a history is an imported one that is too long for a series."""
    return not _seconds(history)


def sends_per_second(history: History) -> Ints:
    """Return how many ops were intended, and how many were acknowledged, in each second."""
    zero_ns, messages, seconds = history.events.zero_ns, history.messages, _seconds(history)
    sent = messages.sent
    return np.array(
        [
            _count(messages.intended_ns[sent], zero_ns, seconds),
            _count(messages.acked_ns[sent], zero_ns, seconds),
        ]
    )


def presentations_per_second(history: History) -> Ints:
    """Return how many messages were presented in each second of the timeline."""
    presented_ns = ints(history.records["t_ns"][history.presentations.record])
    return _count(presented_ns, history.events.zero_ns, _seconds(history))


def _seconds(history: History) -> int:
    """Return the length of the timeline; 0 if an imported history is too long for a series."""
    zero_ns = history.events.zero_ns
    end_ns = history.events.phases.get("audit", max(history.span_ns[1], zero_ns))
    seconds = max(1, math.ceil((end_ns - zero_ns) / NS_PER_S))
    is_recorded = history.scenario.target.adapter == RECORDED
    return 0 if is_recorded and seconds > LOG_SECONDS_MAX else seconds


def _count(t_ns: Ints, zero_ns: int, seconds: int) -> Ints:
    second = (t_ns.compress(t_ns != NEVER) - zero_ns) // NS_PER_S
    inside = second.compress((second >= 0) & (second < seconds))
    return np.bincount(inside, minlength=seconds)


def _open_connections(history: History, zero_ns: int, seconds: int) -> Column:
    """Return how many connections were open at the end of each second."""
    ends = zero_ns + (np.arange(seconds, dtype=np.int64) + 1) * NS_PER_S
    known = history.sessions.connections
    up = np.searchsorted(np.sort(known.up_ns), ends, side="right")
    down = np.searchsorted(np.sort(known.down_ns), ends, side="right")
    counted: Column = (up - down).tolist()
    return counted


def _percentiles(name: str, samples: Samples, zero_ns: int, seconds: int) -> dict[str, Column]:
    begins = [zero_ns + second * NS_PER_S for second in range(seconds)]
    found = [
        samples.between(begin, begin + NS_PER_S).percentiles([*_SHOWN.values()]) for begin in begins
    ]
    columns = zip(*found, strict=True)
    return {
        f"{name}_{which}_ms": list(column) for which, column in zip(_SHOWN, columns, strict=True)
    }
