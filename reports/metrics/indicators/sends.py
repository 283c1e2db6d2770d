"""What became of the intended sends: errors, missed arrivals, and the rate of acknowledgements."""

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement, ratio
from gauntlet.reports.metrics.windows import Window, arrivals_span


def _send_errors(run: IndicatorInput, window: Window) -> Measurement:
    messages = run.history.messages
    ops = messages.sent & window.contains(messages.intended_ns)
    return ratio(ops & ~messages.acked, ops)


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


def _acked_rate(run: IndicatorInput, window: Window) -> Measurement:
    """Return acknowledgements by the time of their arrival, over the window's length."""
    acked_ns = run.history.messages.acked_ns
    count = int((window.contains(acked_ns) & (acked_ns != NEVER)).sum())
    length_s = window.length_s(arrivals_span(run.history.events))
    return Measurement(count / length_s, count) if length_s > 0 else Measurement(None, 0)


INDICATORS = (
    Indicator(
        IndicatorKind(
            "send_errors_ratio", "ops that ended refused or unknown, as a share of all ops"
        ),
        _send_errors,
    ),
    Indicator(
        IndicatorKind("missed_arrivals_count", "intended sends that were not made"),
        _missed_count,
    ),
    Indicator(
        IndicatorKind(
            "missed_arrivals_ratio",
            "intended sends that were not made, as a share of all intended sends",
        ),
        _missed_ratio,
    ),
    Indicator(
        IndicatorKind("acked_per_s", "acknowledgements per second", punctual=True),
        _acked_rate,
    ),
)
