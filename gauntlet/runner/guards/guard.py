"""Decides when one guard stops the load, from the live rows. Pure.

A guard is active from the first arrival on, `delay` later, except while it is suspended. When it
becomes active again it starts from zero: what happened before does not count.
"""

import operator
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario import guards
from gauntlet.core.scenario.model import Guard
from gauntlet.runner.guards.measures import MEASURES, Row

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SHORTEST_NS = NS_PER_S  # a live row comes once a second
# With several workers, rows arrive between those seconds; one guard keeps at most so many.
_POINTS_MAX = 4_096


class Point(NamedTuple):
    """The figures of a measure at one time."""

    t_ns: int
    value: float | None
    samples: float


class Fired(NamedTuple):
    """A guard whose condition holds: since when it was true, its value, and a sentence."""

    t_ns: int
    value: float
    text: str


class WatchedGuard:
    """The state of one guard; `update` takes each new live row."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._measure = MEASURES[guard.name]
        self._for_ns = int(guard.for_ * NS_PER_S)
        self._older_than_s = guards.older_than_s(guard)
        self._always_active = guards.suspended_in(guard) == "never" and not guard.delay
        self._points: deque[Point] = deque(maxlen=_POINTS_MAX)
        # Levels, ages and counts: since when the condition holds, and the point before.
        self._since: Point | None = None

    def update(self, row: Row, active_ns: int | None) -> Fired | None:
        """Take a live row; return how the guard has fired, or None.

        `active_ns` is the time since which the guard is active, None while it is not. The first row
        from then on only shows where the counters begin.
        """
        point = Point(row["t_ns"], self._measure.value(row), self._measure.samples(row))
        if active_ns is None or point.t_ns < active_ns:
            self._points.clear()
            self._since = None
            return None
        if not self._points:
            counts_all = self._measure.kind == "count" and self._always_active
            self._points.append(Point(active_ns, 0, 0) if counts_all else point)
            if not counts_all:
                return None
        match self._measure.kind:
            case "ratio" | "rate":
                return self._over_window(point)
            case "level":
                return self._holding(point, point.value)
            case "age":
                watched_s = (point.t_ns - active_ns) / NS_PER_S
                age_s = None if point.value is None else min(point.value, watched_s)
                return self._holding(point, 0.0 if age_s is None else age_s)
            case "count":
                return self._holding(point, (point.value or 0) - (self._points[0].value or 0))

    def _over_window(self, point: Point) -> Fired | None:
        """Compare the difference between now and the last point that is `for` ago."""
        window_ns = max(self._for_ns, _SHORTEST_NS)
        points = self._points
        points.append(point)
        while len(points) > 1 and points[1].t_ns <= point.t_ns - window_ns:
            points.popleft()
        begin = points[0]
        length_ns = point.t_ns - begin.t_ns
        samples = point.samples - begin.samples
        if length_ns < window_ns or samples < self.guard.min_samples:
            return None
        difference = (point.value or 0) - (begin.value or 0)
        value = difference / (samples if self._measure.kind == "ratio" else length_ns / NS_PER_S)
        return self._fired(point, value, samples) if self._holds(value) else None

    def _holding(self, point: Point, value: float | None) -> Fired | None:
        """Fire when the condition has held for `for`, without a row that contradicts it."""
        if value is None:  # no message in this second: it shows nothing
            return None
        before = self._points[-1]
        if self._measure.kind != "count":
            self._points[-1] = point
        if not self._holds(value):
            self._since = None
            return None
        if self._since is None:
            self._since = Point(point.t_ns, value, before.samples)
        samples = point.samples - self._since.samples
        if point.t_ns - self._since.t_ns < self._for_ns:
            return None
        if self.guard.indicator is not None and samples < self.guard.min_samples:
            return None
        return self._fired(point, value, samples)

    def _holds(self, value: float) -> bool:
        if self.guard.indicator is not None and self.guard.value is not None:
            return _OPERATORS[self.guard.op](value, self.guard.value)
        return value > (self._older_than_s if self._measure.kind == "age" else 0)

    def _fired(self, point: Point, value: float, samples: float) -> Fired:
        return Fired(point.t_ns, value, self._measure.text.format(value=value, samples=samples))
