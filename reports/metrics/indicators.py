"""The indicators that objectives compare: one number over one window, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Channel
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import NEVER, Bools
from gauntlet.reports.metrics import availability, latency
from gauntlet.reports.metrics.latency import Samples
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.metrics.windows import Window, arrivals

CLIENTS_A_BIN = 20  # below this many reconnects a second, a peak is chance


@dataclass(frozen=True)
class Value:
    """A measured value and the number of samples behind it, or why there is none.

    Where `most` is given, `value` is a lower bound, and `most` the upper one (often infinite).
    """

    value: float | None
    samples: int
    unknown: str = ""
    most: float | None = None


@dataclass(frozen=True)
class Facts:
    """What indicators are computed from; the latency samples are prepared when first asked for."""

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


Indicator = Callable[[Facts, Window], Value]


def _percentile(lane: str, quantile: float, facts: Facts, window: Window) -> Value:
    samples: Samples = getattr(facts, lane)
    inside = window.holds(samples.intended_ns)
    found = latency.bounds(samples.ms[inside], samples.least_ms[inside], quantile)
    if found is None:
        return Value(None, 0)
    return Value(found.least, int(inside.sum()), most=None if found.exact else found.most)


def _send_errors(facts: Facts, window: Window) -> Value:
    messages = facts.history.messages
    ops = messages.sent & window.holds(messages.intended_ns)
    return _ratio(ops & ~messages.acked, ops)


def _missed_count(facts: Facts, window: Window) -> Value:
    missed, intended = _arrivals(facts, window)
    return Value(missed, intended) if intended else Value(None, 0)


def _missed_ratio(facts: Facts, window: Window) -> Value:
    missed, intended = _arrivals(facts, window)
    return Value(missed / intended, intended) if intended else Value(None, 0)


def _arrivals(facts: Facts, window: Window) -> tuple[int, int]:
    """(missed, intended) sends of a window; every arrival is an op or is missed."""
    messages = facts.history.messages
    missed = int(window.holds(facts.history.missed.intended_ns).sum())
    return missed, missed + int((messages.sent & window.holds(messages.intended_ns)).sum())


def _live_missed(facts: Facts, window: Window) -> Value:
    """Re-synced of presented; a receiver who was away on purpose has to re-sync.

    What was under way when a fault took effect is that fault's doing, not steady load's.
    """
    expected, messages = facts.history.expected, facts.history.messages
    intended_ns = messages.intended_ns[expected.message]
    back_ns = facts.history.sessions.back_ns(expected.session, intended_ns, expected.presented_ns)
    judged = window.holds(intended_ns) & ~expected.missing & (back_ns == 0)
    for fault in facts.history.events.faults:
        if window.name == "steady" and fault.effective_ns is not None:
            hit = (intended_ns < fault.effective_ns) & (expected.presented_ns > fault.effective_ns)
            judged &= ~hit
    return _ratio(judged & (expected.channel != Channel.LIVE), judged)


def _recovery(facts: Facts, window: Window) -> Value:
    """The longest recovery of the window's fault, or of all faults in `steady` and `run`."""
    _, _, bound = window.name.partition(":")
    times = []
    for fault in facts.history.events.faults:
        if bound not in ("", fault.id):
            continue
        recovery = facts.recoveries[fault.id]
        took_ms = recovery.took_ms(fault)
        if took_ms is None:
            return Value(None, 0, f"{fault.id}: {recovery.unknown}")
        times.append(took_ms)
    if not times:
        return Value(None, 0, "there was no fault")
    return Value(max(times), len(times))


def _forced_closes(facts: Facts, window: Window) -> Value:
    """Old connections that ended otherwise than by their client's own close, of all that moved."""
    drain = _drain(facts, window)
    if drain is None:
        return Value(None, 0, "no cutover drained connections in this window")
    start_ns, _, end_ns = drain
    known = facts.history.sessions.connections
    moved = (known.up_ns < start_ns) & (known.down_ns >= start_ns) & (known.down_ns < end_ns)
    return _ratio(moved & (known.close_code != availability.NORMAL_CLOSE), moved)


def _reconnect_peak(facts: Facts, window: Window) -> Value:
    """Connections made in the busiest second of the drain over the mean of its whole seconds."""
    drain = _drain(facts, window)
    if drain is None:
        return Value(None, 0, "no cutover drained connections in this window")
    start_ns, end_ns, _ = drain
    seconds = (end_ns - start_ns) // NS_PER_S
    made = (facts.history.sessions.connections.up_ns - start_ns) // NS_PER_S
    counts = np.bincount(made[(made >= 0) & (made < seconds)], minlength=max(1, int(seconds)))
    if counts.mean() < CLIENTS_A_BIN:
        few = f"{counts.mean():.1f} reconnects a second are too few: {CLIENTS_A_BIN} are needed"
        return Value(None, int(counts.sum()), few)
    return Value(float(counts.max() / counts.mean()), int(counts.sum()))


def _drain(facts: Facts, window: Window) -> tuple[int, int, int] | None:
    """(begun, all told, all gone) of the cutover in the window; None if there was none."""
    # By name and not by time: the fault counts as effective a moment after the drain has begun.
    _, _, bound = window.name.partition(":")
    for cutover in facts.history.events.cutovers:
        begun = cutover.entered("drain")
        if begun is None or bound not in ("", cutover.id):
            continue
        told = cutover.entered("monitor") or cutover.steps[-1][1]
        return begun, told, cutover.entered("close") or cutover.steps[-1][1]
    return None


def _of_connections(
    measure: Callable[[History, Window], tuple[float, int]], facts: Facts, window: Window
) -> Value:
    """Connections are at a fault's mercy from its request on, before it is known to act."""
    history, (kind, _, bound) = facts.history, window.name.partition(":")
    requests = (it.requested_ns for it in history.events.faults if it.id == bound)
    begun_ns = next((t_ns for t_ns in requests if t_ns is not None), None)
    if kind == "fault" and begun_ns is not None:
        window = replace(window, start_ns=begun_ns)
    return Value(*measure(history, window))


def _acked_rate(facts: Facts, window: Window) -> Value:
    """Acknowledgements by the time that they came, over the window's length."""
    acked_ns = facts.history.messages.acked_ns
    count = int((window.holds(acked_ns) & (acked_ns != NEVER)).sum())
    length_s = window.length_s(arrivals(facts.history.events))
    return Value(count / length_s, count) if length_s > 0 else Value(None, 0)


def _ratio(some: Bools, of: Bools) -> Value:
    whole = int(of.sum())
    if whole == 0:
        return Value(None, 0)
    return Value(int(some.sum()) / whole, whole)


INDICATORS: dict[str, Indicator] = {
    **{
        f"{lane}_{name}_ms": partial(_percentile, lane, quantile)
        for lane in ("ack", "delivery")
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
    "lost_connections_count": partial(_of_connections, availability.lost),
    "unconnected_max_ms": partial(_of_connections, availability.unconnected_ms),
    "spurious_exits_count": partial(_of_connections, availability.spurious_exits),
    "acked_per_s": _acked_rate,
    "slow_closes_count": partial(_of_connections, availability.slow_closes),
    "lag_p99_ms": partial(_percentile, "lag", latency.QUANTILES["p99"]),
}

# What a late generator falsifies, latencies and capacity; ratios and recoveries it does not.
NEED_PUNCTUAL_SENDS = frozenset(
    name for name in INDICATORS if name.startswith(("ack_", "delivery_", "acked_per_s"))
)
