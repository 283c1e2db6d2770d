"""Connections and attendance that users lost against their will."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import availability
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement
from gauntlet.reports.metrics.windows import Window


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


INDICATORS = (
    Indicator(
        IndicatorKind(
            "lost_connections_count", "connections that did not end by their client's own close"
        ),
        partial(_of_connections, availability.lost_connections),
    ),
    Indicator(
        IndicatorKind(
            "unconnected_max_ms",
            "the longest time for which a user who wanted a connection had none",
        ),
        partial(_of_connections, availability.longest_disconnection_ms),
    ),
    Indicator(
        IndicatorKind(
            "spurious_exits_count",
            "exits from a room of users who were not away for the grace period",
        ),
        partial(_of_connections, availability.spurious_exits),
    ),
    Indicator(
        IndicatorKind(
            "slow_closes_count", "connections closed because their client did not read (4008)"
        ),
        partial(_of_connections, availability.slow_consumer_closes),
    ),
)
