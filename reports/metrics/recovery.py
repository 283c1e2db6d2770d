"""When the service was itself again after each fault.

Recovered is the start of the first three seconds after the heal in which acknowledgement and
delivery p99 are at most max(1.5 × the baseline's, 250 ms), nothing older than that limit is still
outstanding (but for one in a hundred, as in the p99), and every session that should be connected
is. Where another fault, or the end of the
arrivals, comes sooner, what is left will do if it is a second at least. Starts are tried every
100 ms, until the recovery window (or what the fault expects, if that is longer) is over.
"""

import math
from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import NEVER
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.latency import Samples
from gauntlet.reports.metrics.windows import Window, arrivals, baseline

CALM_NS = 3 * NS_PER_S
CALM_MIN_NS = NS_PER_S
STEP_NS = 100 * NS_PER_MS
OVERDUE_SHARE_MAX = 0.01
FLOOR_MS = 250.0
FACTOR = 1.5


@dataclass(frozen=True)
class Recovery:
    """`recovered_ns` is None if it was not seen; `unknown` says why that proves nothing.

    `until_ns` ends the fault's recovery window: recovered, or the time that was allowed.
    """

    recovered_ns: int | None
    until_ns: int
    unknown: str = ""

    def took_ms(self, fault: FaultTimes) -> float | None:
        """Heal to recovery: infinite if it did not recover, None if that is not known."""
        if self.recovered_ns is not None and fault.healed_ns is not None:
            return (self.recovered_ns - fault.healed_ns) / NS_PER_MS
        return None if self.unknown else math.inf


class _Watch:
    """What recovery is judged by, prepared once for all faults."""

    def __init__(self, history: History) -> None:
        self.window_s = float(history.scenario.recovery_window)
        self.end_ns = arrivals(history.events)[1]
        self._lanes = [
            _Lane(samples, baseline(history.events, self.window_s))
            for samples in (latency.ack(history), latency.delivery(history))
        ]
        self._cut_off = np.array(history.sessions.cut_off(self.end_ns), dtype=np.int64).reshape(
            -1, 2
        )

    def calm(self, start_ns: int, horizon_ns: int) -> bool:
        """Whether the three seconds from `start_ns`, or up to the horizon, were as they should."""
        end_ns = min(start_ns + CALM_NS, horizon_ns)
        missing = (self._cut_off[:, 0] < end_ns) & (self._cut_off[:, 1] > start_ns)
        return (
            end_ns - start_ns >= CALM_MIN_NS
            and not missing.any()
            and all(lane.calm(start_ns, end_ns, horizon_ns) for lane in self._lanes)
        )


class _Lane:
    """Acknowledgements or deliveries, and the latency that they may have."""

    def __init__(self, samples: Samples, calm: Window) -> None:
        usual_ms = latency.percentile(samples.ms[calm.holds(samples.intended_ns)], 0.99)
        if usual_ms is None or math.isinf(usual_ms):
            usual_ms = 0.0
        self._samples = samples
        self._limit_ms = max(FLOOR_MS, FACTOR * usual_ms)
        slow = (samples.ms > self._limit_ms) & np.isfinite(samples.ms)
        intended_ns = samples.intended_ns[slow]
        self._overdue_ns = intended_ns + int(self._limit_ms * NS_PER_MS)
        self._done_ns = intended_ns + (samples.ms[slow] * NS_PER_MS).astype(np.int64)

    def calm(self, start_ns: int, end_ns: int, horizon_ns: int) -> bool:
        # What is still under way at the horizon is the next fault's doing.
        end_ns = min(end_ns, horizon_ns - int(self._limit_ms * NS_PER_MS))
        first, last = np.searchsorted(self._samples.intended_ns, [start_ns, end_ns]).tolist()
        p99_ms = latency.percentile(self._samples.ms[first:last], 0.99)
        # What never came is for other checks; here it would hide that the rest is well again.
        overdue = (self._overdue_ns <= start_ns) & (self._done_ns > start_ns)
        backlog_max = OVERDUE_SHARE_MAX * (last - first)
        return p99_ms is not None and p99_ms <= self._limit_ms and overdue.sum() <= backlog_max


def recoveries(history: History) -> dict[str, Recovery]:
    """Each fault's recovery, by the fault's id."""
    watch = _Watch(history)
    return {
        planned.id: _recovery(watch, fault, history.events, planned.expect.recover_within)
        for planned, fault in zip(history.scenario.faults, history.events.faults, strict=True)
    }


def _recovery(
    watch: _Watch, fault: FaultTimes, events: Events, allowed_s: float | None
) -> Recovery:
    if not fault.proven:
        return Recovery(None, NEVER, "there is no proof that it acted")
    if fault.healed_ns is None:
        return Recovery(None, NEVER, "it was not healed")
    limit_ns = fault.healed_ns + int(max(watch.window_s, allowed_s or 0.0) * NS_PER_S)
    later = (it.effective_ns for it in events.faults if it.effective_ns is not None)
    horizon_ns = min([watch.end_ns, *(t_ns for t_ns in later if t_ns > fault.healed_ns)])
    for start_ns in range(fault.healed_ns, limit_ns + 1, STEP_NS):
        if watch.calm(start_ns, horizon_ns):
            return Recovery(start_ns, start_ns)
    if any(_acts_between(other, fault.healed_ns, limit_ns) for other in events.faults):
        return Recovery(None, limit_ns, "another fault acted before it had recovered")
    if watch.end_ns < limit_ns + CALM_MIN_NS:
        return Recovery(None, limit_ns, "the load ended before its recovery window was over")
    return Recovery(None, limit_ns)


def _acts_between(fault: FaultTimes, start_ns: int, end_ns: int) -> bool:
    begun = fault.effective_ns
    healed = NEVER if fault.healed_ns is None else fault.healed_ns
    return begun is not None and begun < end_ns and healed > start_ns
