"""Connections and attendance that users lost against their will, and connections they replaced."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gauntlet.core.plugins import IndicatorKind
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import availability
from gauntlet.reports.metrics.indicators import connection_ends
from gauntlet.reports.metrics.indicators.base import Indicator, IndicatorInput, Measurement
from gauntlet.reports.metrics.windows import Window


def _of_connections(
    measure: Callable[[History, Window], tuple[float, int]], run: IndicatorInput, window: Window
) -> Measurement:
    """Return a measurement whose window begins at the request of the window's fault.

    The fault may affect connections before its effect is proven.
    """
    return Measurement(*measure(run.history, _from_request(run.history, window)))


def _from_request(history: History, window: Window) -> Window:
    """Return the window of a fault from the request of the fault on, any other as it is."""
    kind, _, fault_id = window.name.partition(":")
    requests_ns = (fault.requested_ns for fault in history.events.faults if fault.id == fault_id)
    requested_ns = next((t_ns for t_ns in requests_ns if t_ns is not None), None)
    if kind == "fault" and requested_ns is not None:
        return replace(window, start_ns=requested_ns)
    return window


def _lost(run: IndicatorInput, window: Window) -> Measurement:
    """Return how many connections were lost."""
    history, window = run.history, _from_request(run.history, window)
    count, alive = availability.lost_connections(history, window)
    surely = availability.surely_lost_connections(history, window)
    detail = connection_ends.describe(history, window)
    return Measurement(count, alive, surely=surely, detail=detail)


def _lost_per_1000_min(run: IndicatorInput, window: Window) -> Measurement:
    """Return how many connections were lost for every 1,000 minutes that one was open."""
    lost, window = _lost(run, window), _from_request(run.history, window)
    minutes = availability.connection_minutes(run.history, window)
    if not minutes or lost.value is None or lost.surely is None:
        return Measurement(None, 0)
    factor = connection_ends.PER_MINUTES / minutes
    return replace(lost, value=factor * lost.value, surely=factor * lost.surely)


INDICATORS = (
    Indicator(
        IndicatorKind(
            "lost_connections_count", "connections that did not end by their client's own close"
        ),
        _lost,
    ),
    Indicator(
        IndicatorKind(
            "lost_connections_per_1000_min",
            "the same, for every 1,000 minutes that a connection was open",
        ),
        _lost_per_1000_min,
    ),
    Indicator(
        IndicatorKind(
            "moved_connections_count",
            "connections that a new one replaced, because the server asked for it",
        ),
        partial(_of_connections, availability.moved_connections),
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
