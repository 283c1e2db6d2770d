"""What a blue-green cutover did to the connections it moved."""

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement, ratio
from gauntlet.reports.metrics.windows import Window

RECONNECTS_PER_S_MIN = 20  # below this mean, the busiest second is a matter of chance
NO_DRAIN = "no cutover drained connections in this window"


def _forced_closes(run: IndicatorInput, window: Window) -> Measurement:
    """Return the share of the old connections that did not end by their client's own close."""
    drain = _drain(run, window)
    if drain is None:
        return Measurement(None, 0, NO_DRAIN)
    start_ns, _, end_ns = drain
    known = run.history.sessions.connections
    moved = (known.up_ns < start_ns) & (known.down_ns >= start_ns) & (known.down_ns < end_ns)
    return ratio(moved & ~known.left, moved)


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


INDICATORS = (
    Indicator(
        IndicatorKind(
            "forced_closes_ratio",
            "connections that a cutover moved and their client did not close, as a share of all",
        ),
        _forced_closes,
    ),
    Indicator(
        IndicatorKind(
            "reconnect_peak_to_mean", "peak over mean of the reconnects per second during a cutover"
        ),
        _reconnect_peak,
    ),
)
