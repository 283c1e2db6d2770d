"""Latencies in milliseconds, from the intended time, and their percentiles.

Every op and every expected delivery counts. What never happened takes for ever: it is infinite, not
absent, so that losing messages cannot improve a percentile. An author's own echo is not counted.
Percentiles are nearest-rank (the smallest value with at least q of all values at or below it),
which is exact and defined for infinite values.
"""

import math
from dataclasses import dataclass

import numpy as np

from gauntlet.kernel.clock import NS_PER_MS
from reports.columns import NEVER, Floats, Ints
from reports.model import History

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True)
class Samples:
    """Latencies beside the intended times of their messages, ordered by these."""

    intended_ns: Ints
    ms: Floats


def ack(history: History) -> Samples:
    """Intended → acknowledged, of every op; an op that was never acknowledged is infinite."""
    messages = history.messages
    ops = np.flatnonzero(messages.sent)
    return _samples(messages.intended_ns[ops], messages.acked_ns[ops])


def delivery(history: History) -> Samples:
    """Intended → presented, of every expected delivery to somebody else.

    For a receiver who was away on purpose it counts from his return; nothing is owed to one who
    did not come back.
    """
    expected = history.expected
    intended_ns = history.messages.intended_ns[expected.message]
    back_ns = history.sessions.back_ns(expected.user, intended_ns, expected.presented_ns)
    owed = ~expected.own & (back_ns != NEVER)
    start_ns = np.maximum(intended_ns, back_ns)
    return _samples(intended_ns[owed], expected.presented_ns[owed], start_ns[owed])


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


def maximum(values: Floats) -> float | None:
    """The largest value; None of nothing."""
    return float(values.max()) if values.size else None


def table(values: Floats) -> dict[str, float | int | None]:
    """A window's percentiles, maximum and number of samples."""
    row: dict[str, float | int | None] = {
        name: percentile(values, quantile) for name, quantile in QUANTILES.items()
    }
    return {**row, "max": maximum(values), "samples": values.size}


def _samples(intended_ns: Ints, happened_ns: Ints, start_ns: Ints | None = None) -> Samples:
    took_ns = np.maximum(happened_ns - (intended_ns if start_ns is None else start_ns), 0)
    ms = np.where(happened_ns == NEVER, math.inf, took_ns / NS_PER_MS)
    order = np.argsort(intended_ns, kind="stable")
    return Samples(intended_ns[order], ms[order])
