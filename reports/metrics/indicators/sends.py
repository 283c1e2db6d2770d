"""What became of the intended sends: errors, missed arrivals, and the rate of acknowledgements."""

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.history.arrays import Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement
from gauntlet.reports.metrics.windows import Window, arrivals_span


def _send_errors(run: IndicatorInput, window: Window) -> Measurement:
    chosen = run.ack.within(window)
    ops = chosen.size - _stopped(run, window)
    return Measurement((ops - chosen.finite) / ops, ops) if ops else Measurement(None, 0)


def _missed_count(run: IndicatorInput, window: Window) -> Measurement:
    missed, intended = _arrivals(run, window)
    return Measurement(missed, intended) if intended else Measurement(None, 0)


def _missed_ratio(run: IndicatorInput, window: Window) -> Measurement:
    missed, intended = _arrivals(run, window)
    return Measurement(missed / intended, intended) if intended else Measurement(None, 0)


def _arrivals(run: IndicatorInput, window: Window) -> tuple[int, int]:
    """Return (missed, intended) sends of a window; every arrival is an op or is missed."""
    missed = int(window.contains(run.history.missed.intended_ns).sum())
    return missed, missed + run.ack.within(window).size - _stopped(run, window)


def _stopped(run: IndicatorInput, window: Window) -> int:
    """Return how many samples of acknowledgements are of arrivals that did not become ops."""
    missed = run.history.missed
    return int(window.contains(missed.intended_ns[missed.backlog_full]).sum())


def acked_times(history: History) -> Ints:
    """Return when messages were acknowledged."""
    acked_ns: Ints = history.messages.acked_ns[history.messages.acked]
    return acked_ns


def _acked_rate(run: IndicatorInput, window: Window) -> Measurement:
    """Return acknowledgements by the time of their arrival, over the window's length."""
    count = int(window.contains(run.history.once(acked_times)).sum())
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
