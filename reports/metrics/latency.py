"""Latencies in milliseconds, from the intended time, and their percentiles.

Every op and every expected delivery counts, so that losing messages cannot improve a percentile.
What had not happened when nobody waited for it any more is a right-censored sample: it took its age
at least, and perhaps for ever. So is an arrival that a full backlog kept out, or a small backlog
would make a fast system. What was refused takes for ever. So a percentile is a range, from
all ages being whole latencies to all being infinite; where its ends differ, the lower one is told
as a bound ("≥") and objectives have to hold for both. An author's own echo is not counted.
Percentiles are nearest-rank (the smallest value with at least q of all values at or below it),
which is exact, defined for infinite values, and monotone in every sample: hence the range.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import NEVER, Floats, Ints

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True)
class Samples:
    """Latencies beside the intended times of their messages, ordered by these.

    `ms` is infinite for what never happened; `least_ms` is its age then, unless it was refused.
    """

    intended_ns: Ints
    ms: Floats
    least_ms: Floats


@dataclass(frozen=True)
class Bounds:
    """Where a percentile lies: exactly known if both ends are one."""

    least: float
    most: float

    @property
    def exact(self) -> bool:
        return self.least == self.most


def ack(history: History) -> Samples:
    """Intended → acknowledged, of every op, and of every arrival that a full backlog kept out."""
    messages, missed = history.messages, history.missed
    ops, out = np.flatnonzero(messages.sent), np.flatnonzero(missed.crowded_out)
    return _samples(
        np.concatenate([messages.intended_ns[ops], missed.intended_ns[out]]),
        np.concatenate([messages.acked_ns[ops], np.full(out.size, NEVER, dtype=np.int64)]),
        seen_ns=np.concatenate([messages.unanswered_ns[ops], missed.missed_ns[out]]),
    )


def delivery(history: History) -> Samples:
    """Intended → presented, of every expected delivery to somebody else.

    For a receiver who was away on purpose it counts from his return, or from when the load called
    everybody back. A run that did not get so far owes nothing to one who did not come back.
    """
    expected = history.expected
    intended_ns = history.messages.intended_ns[expected.message]
    back_ns = history.sessions.back_ns(expected.session, intended_ns, expected.presented_ns)
    owed = ~expected.own & (back_ns != NEVER)
    start_ns = np.maximum(intended_ns, back_ns)
    # Until then every client listened: the audit follows the quiesce.
    seen_ns = np.full(int(owed.sum()), history.events.phases.get("audit", NEVER), dtype=np.int64)
    return _samples(intended_ns[owed], expected.presented_ns[owed], start_ns[owed], seen_ns)


def lag(history: History) -> Samples:
    """Intended → handed to the session, of every op: the generator's own lateness."""
    messages = history.messages
    ops = np.flatnonzero(messages.sent)
    return _samples(messages.intended_ns[ops], messages.handed_ns[ops])


def percentile(values: Floats, quantile: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    if values.size == 0:
        return None
    rank = max(0, math.ceil(quantile * values.size) - 1)
    return float(np.partition(values, rank)[rank])


def bounds(values: Floats, least: Floats, quantile: float) -> Bounds | None:
    """The range of a percentile of samples of which some are censored; None of nothing."""
    lower, upper = percentile(least, quantile), percentile(values, quantile)
    return None if lower is None or upper is None else Bounds(lower, upper)


def maximum(values: Floats) -> float | None:
    """The largest value; None of nothing."""
    return float(values.max()) if values.size else None


def table(values: Floats, least: Floats) -> dict[str, Any]:
    """A window's percentiles, maximum and number of samples.

    `at_least` names those that are lower bounds; `censored` counts the samples that are.
    """
    found = {name: bounds(values, least, q) for name, q in {**QUANTILES, "max": 1.0}.items()}
    return {
        **{name: None if one is None else one.least for name, one in found.items()},
        "samples": values.size,
        "censored": int((values != least).sum()),
        "at_least": [name for name, one in found.items() if one and not one.exact],
    }


def _samples(
    intended_ns: Ints,
    happened_ns: Ints,
    start_ns: Ints | None = None,
    seen_ns: Ints | None = None,
) -> Samples:
    """Samples from `start_ns` (or intended) on; what had not happened by `seen_ns` is censored."""
    begun_ns = intended_ns if start_ns is None else start_ns
    never = happened_ns == NEVER
    until_ns = happened_ns if seen_ns is None else np.where(never, seen_ns, happened_ns)
    took_ms = np.maximum(until_ns - begun_ns, 0) / NS_PER_MS
    least_ms = np.where(until_ns == NEVER, math.inf, took_ms)
    ms = np.where(never, math.inf, least_ms)
    order = np.argsort(intended_ns, kind="stable")
    return Samples(intended_ns[order], ms[order], least_ms[order])
