"""The indicators that objectives compare: one number over one window, or why there is none.

To add one: a function here, a line in `INDICATORS`, a line in
`gauntlet.core.scenario.catalog.INDICATORS` and a row in `docs/reference/indicators.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Channel
from gauntlet.reports.history.arrays import NEVER, Bools
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import availability, latency
from gauntlet.reports.metrics.latency import Samples
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.metrics.windows import Window, arrivals_span

RECONNECTS_PER_S_MIN = 20  # below this mean, the busiest second is a matter of chance
NO_DRAIN = "no cutover drained connections in this window"


@dataclass(frozen=True)
class Measurement:
    """A measured value and the number of samples behind it.

    `value` is None if there is none; `unknown` is then a clause with the reason, empty if it is
    the lack of samples. Where `upper_bound` is given, `value` is a lower bound.
    """

    value: float | None
    samples: int
    unknown: str = ""
    upper_bound: float | None = None


@dataclass(frozen=True)
class IndicatorInput:
    """What indicators are computed from; latency samples are prepared when first used."""

    history: History
    windows: dict[str, Window]
    recoveries: dict[str, Recovery]

    @cached_property
    def ack(self) -> Samples:
        return latency.ack(self.history)

    @cached_property
    def delivery(self) -> Samples:
        return latency.delivery(self.history)

    @cached_property
    def lag(self) -> Samples:
        return latency.lag(self.history)


Indicator = Callable[[IndicatorInput, Window], Measurement]


def _percentile(name: str, quantile: float, run: IndicatorInput, window: Window) -> Measurement:
    samples: Samples = getattr(run, name)
    inside = window.contains(samples.intended_ns)
    bounds = latency.percentile_bounds(samples.ms[inside], samples.lower_bound_ms[inside], quantile)
    if bounds is None:
        return Measurement(None, 0)
    upper_bound = None if bounds.exact else bounds.upper
    return Measurement(bounds.lower, int(inside.sum()), upper_bound=upper_bound)


def _send_errors(run: IndicatorInput, window: Window) -> Measurement:
    messages = run.history.messages
    ops = messages.sent & window.contains(messages.intended_ns)
    return _ratio(ops & ~messages.acked, ops)


def _missed_count(run: IndicatorInput, window: Window) -> Measurement:
    missed, intended = _arrivals(run, window)
    return Measurement(missed, intended) if intended else Measurement(None, 0)


def _missed_ratio(run: IndicatorInput, window: Window) -> Measurement:
    missed, intended = _arrivals(run, window)
    return Measurement(missed / intended, intended) if intended else Measurement(None, 0)


def _arrivals(run: IndicatorInput, window: Window) -> tuple[int, int]:
    """Return (missed, intended) sends of a window; every arrival is an op or is missed."""
    messages = run.history.messages
    missed = int(window.contains(run.history.missed.intended_ns).sum())
    return missed, missed + int((messages.sent & window.contains(messages.intended_ns)).sum())


def _live_missed(run: IndicatorInput, window: Window) -> Measurement:
    """Return the share of deliveries that came otherwise than by a push.

    Receivers who were away on purpose have to re-sync, so they do not count. In `steady`, messages
    that were in flight when a fault took effect do not count either: the fault delayed them.
    """
    expected, messages = run.history.expected, run.history.messages
    intended_ns = messages.intended_ns[expected.message]
    returned_ns = run.history.sessions.returned_ns(
        expected.session, intended_ns, expected.presented_ns
    )
    counted = window.contains(intended_ns) & ~expected.missing & (returned_ns == 0)
    for fault in run.history.events.faults:
        if window.name == "steady" and fault.effective_ns is not None:
            in_flight = (intended_ns < fault.effective_ns) & (
                expected.presented_ns > fault.effective_ns
            )
            counted &= ~in_flight
    return _ratio(counted & (expected.channel != Channel.LIVE), counted)


def _recovery(run: IndicatorInput, window: Window) -> Measurement:
    """Return the longest recovery of the window's fault, or of all faults in `steady` and `run`."""
    _, _, fault_id = window.name.partition(":")
    times_ms = []
    for fault in run.history.events.faults:
        if fault_id not in ("", fault.id):
            continue
        recovery = run.recoveries[fault.id]
        took_ms = recovery.took_ms(fault)
        if took_ms is None:
            return Measurement(
                None, 0, f"the recovery from fault {fault.id} is unknown ({recovery.unknown})"
            )
        times_ms.append(took_ms)
    if not times_ms:
        return Measurement(None, 0, "there was no fault")
    return Measurement(max(times_ms), len(times_ms))


def _forced_closes(run: IndicatorInput, window: Window) -> Measurement:
    """Return the share of the old connections that did not end by their client's own close."""
    drain = _drain(run, window)
    if drain is None:
        return Measurement(None, 0, NO_DRAIN)
    start_ns, _, end_ns = drain
    known = run.history.sessions.connections
    moved = (known.up_ns < start_ns) & (known.down_ns >= start_ns) & (known.down_ns < end_ns)
    return _ratio(moved & (known.close_code != availability.NORMAL_CLOSE), moved)


def _reconnect_peak(run: IndicatorInput, window: Window) -> Measurement:
    """Return connections made in the busiest second of the drain over the mean of its seconds."""
    drain = _drain(run, window)
    if drain is None:
        return Measurement(None, 0, NO_DRAIN)
    start_ns, end_ns, _ = drain
    seconds = (end_ns - start_ns) // NS_PER_S
    second = (run.history.sessions.connections.up_ns - start_ns) // NS_PER_S
    inside = second[(second >= 0) & (second < seconds)]
    counts = np.bincount(inside, minlength=max(1, int(seconds)))
    if counts.mean() < RECONNECTS_PER_S_MIN:
        unknown = (
            f"there were {counts.mean():.1f} reconnects per second, "
            f"and at least {RECONNECTS_PER_S_MIN} are needed"
        )
        return Measurement(None, int(counts.sum()), unknown)
    return Measurement(float(counts.max() / counts.mean()), int(counts.sum()))


def _drain(run: IndicatorInput, window: Window) -> tuple[int, int, int] | None:
    """Return when the window's cutover began to drain, had asked all clients, and had ended.

    None if there was no cutover. It is found by its id and not by time, because the fault counts as
    effective a moment after the drain has begun.
    """
    _, _, fault_id = window.name.partition(":")
    for cutover in run.history.events.cutovers:
        begun_ns = cutover.entered("drain")
        if begun_ns is None or fault_id not in ("", cutover.id):
            continue
        last_ns = cutover.steps[-1][1]
        return begun_ns, cutover.entered("monitor") or last_ns, cutover.entered("close") or last_ns
    return None


def _of_connections(
    measure: Callable[[History, Window], tuple[float, int]], run: IndicatorInput, window: Window
) -> Measurement:
    """Return a measurement whose window begins at the request of the window's fault.

    The fault may affect connections before its effect is proven.
    """
    history, (kind, _, fault_id) = run.history, window.name.partition(":")
    requests_ns = (fault.requested_ns for fault in history.events.faults if fault.id == fault_id)
    requested_ns = next((t_ns for t_ns in requests_ns if t_ns is not None), None)
    if kind == "fault" and requested_ns is not None:
        window = replace(window, start_ns=requested_ns)
    return Measurement(*measure(history, window))


def _acked_rate(run: IndicatorInput, window: Window) -> Measurement:
    """Return acknowledgements by the time of their arrival, over the window's length."""
    acked_ns = run.history.messages.acked_ns
    count = int((window.contains(acked_ns) & (acked_ns != NEVER)).sum())
    length_s = window.length_s(arrivals_span(run.history.events))
    return Measurement(count / length_s, count) if length_s > 0 else Measurement(None, 0)


def _ratio(part: Bools, whole: Bools) -> Measurement:
    total = int(whole.sum())
    if total == 0:
        return Measurement(None, 0)
    return Measurement(int(part.sum()) / total, total)


INDICATORS: dict[str, Indicator] = {
    **{
        f"{samples}_{name}_ms": partial(_percentile, samples, quantile)
        for samples in ("ack", "delivery")
        for name, quantile in latency.QUANTILES.items()
    },
    "delivery_max_ms": partial(_percentile, "delivery", 1.0),
    "send_errors_ratio": _send_errors,
    "missed_arrivals_count": _missed_count,
    "missed_arrivals_ratio": _missed_ratio,
    "live_missed_ratio": _live_missed,
    "recovery_ms": _recovery,
    "forced_closes_ratio": _forced_closes,
    "reconnect_peak_to_mean": _reconnect_peak,
    "lost_connections_count": partial(_of_connections, availability.lost_connections),
    "unconnected_max_ms": partial(_of_connections, availability.longest_disconnection_ms),
    "spurious_exits_count": partial(_of_connections, availability.spurious_exits),
    "acked_per_s": _acked_rate,
    "slow_closes_count": partial(_of_connections, availability.slow_consumer_closes),
    "lag_p99_ms": partial(_percentile, "lag", latency.QUANTILES["p99"]),
}

# A late generator falsifies latencies and capacity, but neither ratios nor recoveries.
NEED_PUNCTUAL_SENDS = frozenset(
    name for name in INDICATORS if name.startswith(("ack_", "delivery_", "acked_per_s"))
)
