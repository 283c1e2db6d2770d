"""How many deliveries did not come by a push."""

from gauntlet.core.history import Channel
from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement, ratio
from gauntlet.reports.metrics.windows import Window


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
    return ratio(counted & (expected.channel != Channel.LIVE), counted)


INDICATORS = (
    Indicator(
        IndicatorKind(
            "live_missed_ratio",
            "deliveries that came by re-sync instead of a push, as a share of all deliveries",
        ),
        _live_missed,
    ),
)
