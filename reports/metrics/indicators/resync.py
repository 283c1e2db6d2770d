"""How many deliveries did not come by a push."""

from dataclasses import dataclass

from gauntlet.core.history import Channel
from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.history.arrays import Bools, Ints
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement, ratio
from gauntlet.reports.metrics.latency import returned_before_delivery
from gauntlet.reports.metrics.windows import Window


@dataclass(frozen=True)
class Arrivals:
    """The deliveries to receivers who were not away on purpose, and which came by a push."""

    intended_ns: Ints
    presented_ns: Ints
    live: Bools


def arrivals(history: History) -> Arrivals:
    """Return the deliveries that a push could have brought."""
    expected, messages = history.expected, history.messages
    intended_ns = messages.intended_ns[expected.message]
    returned_ns = history.once(returned_before_delivery)
    counted = ~expected.missing & (returned_ns == 0)
    return Arrivals(
        intended_ns[counted],
        expected.presented_ns[counted],
        expected.channel[counted] == Channel.LIVE,
    )


def _live_missed(run: IndicatorInput, window: Window) -> Measurement:
    """Return the share of deliveries that came otherwise than by a push.

    Receivers who were away on purpose have to re-sync, so they do not count. In `steady`, messages
    that were in flight when a fault took effect do not count either: the fault delayed them.
    """
    came = run.history.once(arrivals)
    counted = window.contains(came.intended_ns)
    for fault in run.history.events.faults:
        if window.name == "steady" and fault.effective_ns is not None:
            in_flight = (came.intended_ns < fault.effective_ns) & (
                came.presented_ns > fault.effective_ns
            )
            counted &= ~in_flight
    return ratio(counted & ~came.live, counted)


INDICATORS = (
    Indicator(
        IndicatorKind(
            "live_missed_ratio",
            "deliveries that came by re-sync instead of a push, as a share of all deliveries",
        ),
        _live_missed,
    ),
)
