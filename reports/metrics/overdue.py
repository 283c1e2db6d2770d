"""What took longer than is normal: when it was due, and when it came.

The time of a delivery to a user who was away counts from their return, which the samples of
latencies do not know. So the few deliveries that took long after a return are kept apart.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.reports.history.arrays import NEVER, Floats, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.windows import Span

LIMIT_MIN_MS = 250.0  # what took less time is never overdue
_EVER = (-NEVER, NEVER)


class Overdue(NamedTuple):
    """Parallel arrays with one entry for each event that took longer than a limit."""

    due_ns: Ints
    done_ns: Ints


@dataclass(frozen=True)
class SlowReturns:
    """Parallel arrays of the deliveries that took `LIMIT_MIN_MS` after their receiver's return."""

    intended_ns: Ints
    returned_ns: Ints
    took_ns: Ints


def slow_returns(history: History) -> SlowReturns:
    """Return the slow deliveries to users who were away when the message was intended."""
    expected = history.expected
    intended_ns = history.messages.intended_ns[expected.message]
    returned_ns = history.once(latency.returned_before_delivery)
    away = ~expected.own & ~expected.missing & (returned_ns > intended_ns) & (returned_ns != NEVER)
    at = np.flatnonzero(away)
    took_ns = expected.presented_ns[at] - returned_ns[at]
    slow = took_ns > LIMIT_MIN_MS * NS_PER_MS
    return SlowReturns(intended_ns[at][slow], returned_ns[at][slow], took_ns[slow])


def acks(history: History, limit_ms: float, within: Span = _EVER) -> Overdue:
    """Return the acknowledgements of messages intended in a span that took longer than a limit."""
    return _overdue(*latency.ack(history).slower(limit_ms, within), limit_ms)


def deliveries(history: History, limit_ms: float, within: Span = _EVER) -> Overdue:
    """Return the deliveries of messages intended in a span that took longer than a limit."""
    intended_ns, took_ms = latency.delivery(history).slower(limit_ms, within)
    returns = history.once(slow_returns)
    returns_ms = returns.took_ns / NS_PER_MS
    slow = (returns.intended_ns >= within[0]) & (returns.intended_ns < within[1])
    slow &= returns_ms > limit_ms
    # Together, the two numbers belong to one sample, because the time is exact to a nanosecond.
    known = np.isin(intended_ns, returns.intended_ns[slow]) & np.isin(took_ms, returns_ms[slow])
    return _overdue(
        np.concatenate([intended_ns[~known], returns.returned_ns[slow]]),
        np.concatenate([took_ms[~known], returns_ms[slow]]),
        limit_ms,
    )


def _overdue(begun_ns: Ints, took_ms: Floats, limit_ms: float) -> Overdue:
    return Overdue(
        begun_ns + int(limit_ms * NS_PER_MS), begun_ns + (took_ms * NS_PER_MS).astype(np.int64)
    )
