"""What took longer than is normal: when it was due, and when it came.

The time of a delivery to a user who was away counts from their return, which the samples of
latencies do not know. So the few deliveries that took long after a return are kept apart. Where the
user had waited for it before they went away, that time counts as well, until they left.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.reports.history.arrays import NEVER, Bools, Floats, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.windows import Span

LIMIT_MIN_MS = 250.0  # what took less time is never overdue
LEAVE_NS = 5 * NS_PER_S  # who leaves a log sooner may have been connected for too short a time
_EVER = (-NEVER, NEVER)


class Overdue(NamedTuple):
    """Parallel arrays with one entry for each event that took longer than a limit."""

    due_ns: Ints
    done_ns: Ints


@dataclass(frozen=True)
class SlowReturns:
    """Parallel arrays of times that users waited for deliveries before or after being away.

    Each begins with the message or a return, and lasts `LIMIT_MIN_MS` at least: until the delivery,
    or until the user left. `took_ns` is NEVER for a delivery that never came. It then begins with
    the return, if the user had not waited for it before they left. `came` says which of these
    times ended with the delivery: they are samples of the latency as well.
    """

    intended_ns: Ints
    begun_ns: Ints
    took_ns: Ints
    came: Bools


def slow_returns(history: History) -> SlowReturns:
    """Return the slow deliveries to users who were away after the message was intended."""
    expected = history.expected
    intended_ns = history.messages.intended_ns[expected.message]
    returned_ns = history.once(latency.returned_before_delivery)
    at = np.flatnonzero(~expected.own & (returned_ns > intended_ns))
    intended_ns, returned_ns, came_ns = intended_ns[at], returned_ns[at], expected.presented_ns[at]
    missing = expected.missing[at]
    row, begun_ns, left_ns = history.sessions.spans_before_absences(
        expected.session[at], intended_ns, came_ns
    )
    long = left_ns - begun_ns > LIMIT_MIN_MS * NS_PER_MS
    row, begun_ns, left_ns = row[long], begun_ns[long], left_ns[long]
    waited_ns = np.zeros(at.size, dtype=np.int64)
    np.maximum.at(waited_ns, row, left_ns - begun_ns)
    # A log ends when its users leave, often while they are still due to receive something.
    for_good = returned_ns == NEVER
    lost = missing & np.where(for_good, waited_ns > LEAVE_NS, waited_ns == 0)
    slow = ~missing & (came_ns - returned_ns > LIMIT_MIN_MS * NS_PER_MS)
    last = np.flatnonzero(lost | slow)
    seen = ~missing[row]
    return SlowReturns(
        np.concatenate([intended_ns[last], intended_ns[row][seen]]),
        np.concatenate([np.where(for_good, intended_ns, returned_ns)[last], begun_ns[seen]]),
        np.concatenate(
            [np.where(missing, NEVER, came_ns - returned_ns)[last], (left_ns - begun_ns)[seen]]
        ),
        np.arange(last.size + int(seen.sum())) < last.size,
    )


def acks(history: History, limit_ms: float, within: Span = _EVER) -> Overdue:
    """Return the acknowledgements of messages intended in a span that took longer than a limit."""
    return _overdue(*latency.ack(history).slower(limit_ms, within), limit_ms)


def deliveries(history: History, limit_ms: float, within: Span = _EVER) -> Overdue:
    """Return the deliveries of messages intended in a span that took longer than a limit."""
    intended_ns, took_ms = latency.delivery(history).slower(limit_ms, within)
    returns = history.once(slow_returns)
    returns_ms = returns.took_ns / NS_PER_MS
    slow = (returns.intended_ns >= within[0]) & (returns.intended_ns < within[1])
    slow &= (returns_ms > limit_ms) & (returns.took_ns != NEVER)
    known = slow & returns.came
    others = _others(intended_ns, took_ms, returns.intended_ns[known], returns_ms[known])
    return _overdue(
        np.concatenate([intended_ns[others], returns.begun_ns[slow]]),
        np.concatenate([took_ms[others], returns_ms[slow]]),
        limit_ms,
    )


def are_lost(history: History, missing: int, within: Span, end_ns: int) -> bool:
    """Return whether a delivery never came for which a user waited before `end_ns`.

    `missing` is how many samples of messages intended in a span never came. They may all be those
    of users who were away from before a delivery was overdue until `end_ns`.
    """
    returns = history.once(slow_returns)
    lost = (returns.intended_ns >= within[0]) & (returns.intended_ns < within[1])
    lost &= returns.took_ns == NEVER
    excused = returns.begun_ns >= end_ns
    return missing > int((lost & excused).sum()) or bool((lost & ~excused).any())


def _others(intended_ns: Ints, took_ms: Floats, known_ns: Ints, known_ms: Floats) -> Bools:
    """Return which samples remain if each known one is taken away once.

    Clocks may be so coarse that several samples have the same numbers.
    """
    times = np.concatenate([known_ns, intended_ns])
    took = np.concatenate([known_ms, took_ms])
    order = np.lexsort((took, times))  # stable: of equal ones, the known come first
    times, took, known = times[order], took[order], order < known_ns.size
    begins = np.append(True, (times[1:] != times[:-1]) | (took[1:] != took[:-1]))[: times.size]
    group = np.cumsum(begins) - 1
    count = np.bincount(group[known], minlength=group.size)
    rank = np.arange(times.size) - np.flatnonzero(begins)[group]
    remain = np.zeros(times.size, dtype=np.bool_)
    remain[order] = rank >= 2 * count[group]
    return remain[known_ns.size :]


def _overdue(begun_ns: Ints, took_ms: Floats, limit_ms: float) -> Overdue:
    return Overdue(
        begun_ns + int(limit_ms * NS_PER_MS), begun_ns + (took_ms * NS_PER_MS).astype(np.int64)
    )
