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
from typing import Any

import numpy as np

from gauntlet.reports.history.arrays import NEVER, Ints, stable_order
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.samples import Samples, Selection, collect

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def sends(history: History) -> Ints:
    """Return every op, in the order of intended times: the samples of three kinds need it."""
    return history.once(_sends)


def _sends(history: History) -> Ints:
    ops = np.flatnonzero(history.messages.sent)
    return ops.take(stable_order(history.messages.intended_ns.take(ops)))


def ack(history: History) -> Samples:
    """Return intended → acknowledged, for every op and every arrival missed by a full backlog."""
    return history.once(ack_samples)


def ack_samples(history: History) -> Samples:
    """Return the samples of `ack`."""
    messages, missed = history.messages, history.missed
    ops, stopped = sends(history), np.flatnonzero(missed.backlog_full)
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
    counted = np.flatnonzero(~expected.own & (returned_ns != NEVER))
    intended_ns = intended_ns.take(counted)
    # Every client listened until the audit, which follows the quiesce.
    audit_ns = history.events.phases.get("audit", NEVER)
    return _samples(
        intended_ns,
        expected.presented_ns.take(counted),
        np.maximum(intended_ns, returned_ns.take(counted)),
        np.full(counted.size, audit_ns, dtype=np.int64),
        shared=True,
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
    return history.once(lag_samples)


def lag_samples(history: History) -> Samples:
    """Return the samples of `lag`."""
    messages = history.messages
    ops = sends(history)
    return _samples(messages.intended_ns[ops], messages.handed_ns[ops])


def service(history: History) -> Samples:
    """Return handed to the session → acknowledged, for every op: without the generator's lag.

    The first attempt may wait for a connection; that is time of the system.
    """
    return history.once(service_samples)


def service_samples(history: History) -> Samples:
    """Return the samples of `service`."""
    messages = history.messages
    ops = sends(history)
    return _samples(
        messages.intended_ns[ops],
        messages.acked_ns[ops],
        start_ns=messages.handed_ns[ops],
        waited_until_ns=messages.unanswered_ns[ops],
    )


def samples_min(quantile: float) -> int:
    """Return how many samples a percentile needs: 100 for p99, so that one lies beyond it.

    With fewer, the nearest-rank percentile is the maximum. The maximum itself needs one sample.
    """
    # Rounded, because 1 / (1 - 0.9) is a little more than 10.
    return 1 if quantile >= 1 else math.ceil(round(1 / (1 - quantile), 6))


def percentile_table(samples: Selection) -> dict[str, Any]:
    """Return a window's percentiles, maximum and number of samples, as in result.json.

    `at_least` names the values that are lower bounds; `censored` counts the censored samples.
    """
    quantiles = {**QUANTILES, "max": 1.0}
    found = dict(zip(quantiles, samples.bounds([*quantiles.values()]), strict=True))
    return {
        **{name: None if bounds is None else bounds.lower for name, bounds in found.items()},
        "samples": samples.size,
        "censored": samples.censored,
        "at_least": [name for name, bounds in found.items() if bounds and not bounds.exact],
    }


def _samples(
    intended_ns: Ints,
    happened_ns: Ints,
    start_ns: Ints | None = None,
    waited_until_ns: Ints | None = None,
    *,
    shared: bool = False,
) -> Samples:
    """Return samples that count from `start_ns`, by default the intended time.

    What had not happened by `waited_until_ns` is censored. With `shared`, samples of one message
    follow each other.
    """
    begun_ns = intended_ns if start_ns is None else start_ns
    took_ns = np.where(happened_ns == NEVER, NEVER, np.maximum(happened_ns - begun_ns, 0))
    age_ns = None
    if waited_until_ns is not None:
        waited_ns = np.maximum(waited_until_ns - begun_ns, 0)
        age_ns = np.where(
            happened_ns != NEVER, took_ns, np.where(waited_until_ns == NEVER, NEVER, waited_ns)
        )
    return collect(intended_ns, took_ns, age_ns, shared=shared)
