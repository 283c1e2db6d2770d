"""Latencies in milliseconds from the intended time, and their percentiles.

Every op and every expected delivery is a sample, so that losing messages cannot improve a
percentile. An event that had not happened when the clients stopped waiting is a right-censored
sample: it took its age at least, and perhaps forever. So is an arrival that was missed because a
backlog was full; otherwise a small backlog would make the system look fast. A refused send took
forever. An author's own echo is not a sample.

A percentile is therefore a range: from the case in which all ages are whole latencies to the case
in which all are infinite. Where its ends differ, the lower end is shown as a bound ("≥"), and an
objective must hold for both ends. Percentiles are nearest-rank (the smallest value with at least
the share q of all values at or below it). This definition is exact, works with infinite values, and
is monotone in every sample, which makes the range valid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.reports.history.arrays import NEVER, Floats, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.windows import Window

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True)
class Samples:
    """Latencies and the intended times of their messages, sorted by these.

    `ms` is infinite for an event that never happened; `lower_bound_ms` is then its age, or infinite
    if it was refused.
    """

    intended_ns: Ints
    ms: Floats
    lower_bound_ms: Floats

    def within(self, window: Window) -> tuple[Floats, Floats]:
        """Return `ms` and `lower_bound_ms` of the messages of a window.

        They are one array if no sample is censored.
        """
        inside = window.contains(self.intended_ns)
        ms = self.ms[inside]
        return ms, ms if self.lower_bound_ms is self.ms else self.lower_bound_ms[inside]


@dataclass(frozen=True)
class Bounds:
    """The range of a percentile."""

    lower: float
    upper: float

    @property
    def exact(self) -> bool:
        """Whether the percentile is known exactly."""
        return self.lower == self.upper


def ack(history: History) -> Samples:
    """Return intended → acknowledged, for every op and every arrival missed by a full backlog."""
    return history.once(_ack)


def _ack(history: History) -> Samples:
    messages, missed = history.messages, history.missed
    ops, stopped = np.flatnonzero(messages.sent), np.flatnonzero(missed.backlog_full)
    return _samples(
        np.concatenate([messages.intended_ns[ops], missed.intended_ns[stopped]]),
        np.concatenate([messages.acked_ns[ops], np.full(stopped.size, NEVER, dtype=np.int64)]),
        waited_until_ns=np.concatenate([messages.unanswered_ns[ops], missed.missed_ns[stopped]]),
    )


def delivery(history: History) -> Samples:
    """Return intended → presented, for every expected delivery except the author's own echo.

    For a receiver who was away on purpose the time counts from the return, or from the start of the
    quiesce, when the load reconnects all users. In a run that was cut short before that, deliveries
    to receivers who did not return are not samples.
    """
    return history.once(delivery_samples)


def delivery_samples(history: History) -> Samples:
    """Return the samples of `delivery`."""
    expected = history.expected
    intended_ns = history.messages.intended_ns[expected.message]
    returned_ns = history.once(returned_before_delivery)
    counted = ~expected.own & (returned_ns != NEVER)
    start_ns = np.maximum(intended_ns, returned_ns)
    # Every client listened until the audit, which follows the quiesce.
    audit_ns = history.events.phases.get("audit", NEVER)
    waited_until_ns = np.full(int(counted.sum()), audit_ns, dtype=np.int64)
    return _samples(
        intended_ns[counted], expected.presented_ns[counted], start_ns[counted], waited_until_ns
    )


def returned_before_delivery(history: History) -> Ints:
    """Return when the receiver of each expected delivery came back; see `Sessions.returned_ns`.

    It counts if the receiver was away between the intended time and the presentation.
    """
    expected = history.expected
    intended_ns = history.messages.intended_ns[expected.message]
    return history.sessions.returned_ns(expected.session, intended_ns, expected.presented_ns)


def lag(history: History) -> Samples:
    """Return intended → handed to the session, for every op: the lateness of the generator."""
    return history.once(_lag)


def _lag(history: History) -> Samples:
    messages = history.messages
    ops = np.flatnonzero(messages.sent)
    return _samples(messages.intended_ns[ops], messages.handed_ns[ops])


def service(history: History) -> Samples:
    """Return handed to the session → acknowledged, for every op: without the generator's lag.

    The first attempt may wait for a connection; that is time of the system.
    """
    return history.once(_service)


def _service(history: History) -> Samples:
    messages = history.messages
    ops = np.flatnonzero(messages.sent)
    return _samples(
        messages.intended_ns[ops],
        messages.acked_ns[ops],
        start_ns=messages.handed_ns[ops],
        waited_until_ns=messages.unanswered_ns[ops],
    )


def percentile(values: Floats, quantile: float) -> float | None:
    """Return the nearest-rank percentile, None without values."""
    return percentiles(values, (quantile,))[0]


def percentiles(values: Floats, quantiles: Sequence[float]) -> list[float | None]:
    """Return several nearest-rank percentiles, for which the values are sorted only once."""
    if values.size == 0:
        return [None] * len(quantiles)
    ranks = [max(0, math.ceil(quantile * values.size) - 1) for quantile in quantiles]
    ordered = np.partition(values, sorted(set(ranks)))
    return [float(ordered[rank]) for rank in ranks]


def second_largest(values: Floats) -> float | None:
    """Return the value that two values reach, None with less than two values."""
    return (
        float(np.partition(values, values.size - 2)[values.size - 2]) if values.size > 1 else None
    )


def samples_min(quantile: float) -> int:
    """Return how many samples a percentile needs: 100 for p99, so that one lies beyond it.

    With fewer, the nearest-rank percentile is the maximum. The maximum itself needs one sample.
    """
    # Rounded, because 1 / (1 - 0.9) is a little more than 10.
    return 1 if quantile >= 1 else math.ceil(round(1 / (1 - quantile), 6))


def percentile_bounds(
    values: Floats, lower_bounds: Floats, quantiles: Sequence[float]
) -> list[Bounds | None]:
    """Return the ranges of percentiles of samples of which some are censored, None without any."""
    lower = percentiles(lower_bounds, quantiles)
    upper = lower if values is lower_bounds else percentiles(values, quantiles)
    return [
        None if low is None or high is None else Bounds(low, high)
        for low, high in zip(lower, upper, strict=True)
    ]


def percentile_table(values: Floats, lower_bounds: Floats) -> dict[str, Any]:
    """Return a window's percentiles, maximum and number of samples, as in result.json.

    `at_least` names the values that are lower bounds; `censored` counts the censored samples.
    """
    quantiles = {**QUANTILES, "max": 1.0}
    bounds_of = percentile_bounds(values, lower_bounds, [*quantiles.values()])
    found = dict(zip(quantiles, bounds_of, strict=True))
    return {
        **{name: None if bounds is None else bounds.lower for name, bounds in found.items()},
        "samples": values.size,
        "censored": 0 if values is lower_bounds else int((values != lower_bounds).sum()),
        "at_least": [name for name, bounds in found.items() if bounds and not bounds.exact],
    }


def _samples(
    intended_ns: Ints,
    happened_ns: Ints,
    start_ns: Ints | None = None,
    waited_until_ns: Ints | None = None,
) -> Samples:
    """Return samples that count from `start_ns`, by default the intended time.

    What had not happened by `waited_until_ns` is censored.
    """
    begun_ns = intended_ns if start_ns is None else start_ns
    never = happened_ns == NEVER
    until_ns = (
        happened_ns if waited_until_ns is None else np.where(never, waited_until_ns, happened_ns)
    )
    took_ms = np.maximum(until_ns - begun_ns, 0) / NS_PER_MS
    lower_bound_ms = np.where(until_ns == NEVER, math.inf, took_ms)
    order = np.argsort(intended_ns, kind="stable")
    bounds_ms = lower_bound_ms[order]
    # Most runs have no censored sample, and then one column is both.
    ms = np.where(never[order], math.inf, bounds_ms) if never.any() else bounds_ms
    return Samples(intended_ns[order], ms, bounds_ms)
