"""When the service had recovered after each fault.

The service has recovered at the start of the first three seconds after the heal in which

- the p99 of acknowledgement and of delivery latency is at most max(1.5 × the baseline's, 250 ms),
- at most one in a hundred messages has been outstanding for longer than that limit, and
- every session that should be connected is connected.

If another fault or the end of the arrivals comes before the three seconds are over, the remaining
time suffices as long as it is at least one second. Starts are tried every 100 ms, until the end of
the recovery window, or of the time that the fault's `expect` allows if that is longer.

Without such a start, the service certainly did not recover in time if the load went on, and no
other fault acted, until a second and the limit of latencies after the allowed time: that of
`expect`, or the recovery window.

Where no message was acknowledged, or no delivery of one was expected, recovery is unknown: there
is nothing to see it by. A protocol may have no acknowledgements. The same holds for a log in which
no user sent anything in the allowed time.
"""

import math
from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S, format_s
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency, overdue
from gauntlet.reports.metrics.overdue import LIMIT_MIN_MS, Overdue
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.windows import Window, arrivals_span, baseline, before_faults

CALM_NS = 3 * NS_PER_S
CALM_MIN_NS = NS_PER_S
STEP_NS = 100 * NS_PER_MS
OVERDUE_SHARE_MAX = 0.01
LIMIT_FACTOR = 1.5
SAMPLES_MIN = 100  # before the first fault, for a p99 of its own


@dataclass(frozen=True)
class Recovery:
    """When the service recovered from a fault; `recovered_ns` is None if it was not seen to.

    `unknown` is then a clause with the reason why this proves nothing, or empty if the service
    certainly did not recover; `hindrance` is then a clause with what was not normal at the end of
    the time that was allowed. `until_ns` ends the fault's recovery window: the recovery, or the
    time that was allowed.
    """

    recovered_ns: int | None
    until_ns: int
    unknown: str = ""
    hindrance: str = ""

    def took_ms(self, fault: FaultTimes) -> float | None:
        """Return the time from heal to recovery: infinite without recovery, None if unknown."""
        if self.recovered_ns is not None and fault.healed_ns is not None:
            return (self.recovered_ns - fault.healed_ns) / NS_PER_MS
        return None if self.unknown else math.inf


class _Service:
    """What recovery is judged by, prepared once for all faults."""

    def __init__(self, history: History) -> None:
        self.window_s = float(history.scenario.recovery_window)
        self.end_ns = arrivals_span(history.events)[1]
        self._is_log = history.is_log
        ack_ms, delivery_ms = limits_ms(history)
        # What never came concerns other checks; here it would hide that the rest has recovered.
        self._latencies = [
            _Latency(
                "acknowledgements", latency.ack(history), overdue.acks(history, ack_ms), ack_ms
            ),
            _Latency(
                "deliveries",
                latency.delivery(history),
                overdue.deliveries(history, delivery_ms),
                delivery_ms,
            ),
        ]
        # Unknown and not infinite: latencies that nothing measures would never become normal.
        self.unmeasured = _unmeasured(history)
        spans = history.sessions.disconnected_spans(self.end_ns)
        self._disconnected = np.array(spans, dtype=np.int64).reshape(-1, 2)

    @property
    def limit_ns(self) -> int:
        """The longer of the latencies that still count as normal."""
        return int(max(each.limit_ms for each in self._latencies) * NS_PER_MS)

    def is_calm(self, start_ns: int, horizon_ns: int) -> bool:
        """Return whether the three seconds from `start_ns`, or up to the horizon, were normal."""
        end_ns = min(start_ns + CALM_NS, horizon_ns)
        return (
            end_ns - start_ns >= CALM_MIN_NS
            and not self._is_disconnected(start_ns, end_ns)
            and all(samples.is_calm(start_ns, end_ns, horizon_ns) for samples in self._latencies)
        )

    def is_silent(self, start_ns: int, end_ns: int) -> bool:
        """Return whether a log has no message of that time; a load sends if its users can."""
        return self._is_log and not self._latencies[0].sent_between(start_ns, end_ns)

    def hindrance(self, start_ns: int, horizon_ns: int) -> str:
        """Return a clause on what was not normal from `start_ns` on."""
        end_ns = min(start_ns + CALM_NS, horizon_ns)
        found = [samples.hindrance(start_ns, end_ns, horizon_ns) for samples in self._latencies]
        if self._is_disconnected(start_ns, end_ns):
            found.append("some users were not connected")
        return " and ".join(filter(None, found))

    def _is_disconnected(self, start_ns: int, end_ns: int) -> bool:
        lost_ns, back_ns = self._disconnected[:, 0], self._disconnected[:, 1]
        return bool(((lost_ns < end_ns) & (back_ns > start_ns)).any())


class _Latency:
    """Acknowledgement or delivery latencies, and the limit for them that counts as normal."""

    def __init__(self, name: str, samples: Samples, slow: Overdue, limit_ms: float) -> None:
        self._name = name
        self._samples = samples
        self._slow = slow
        self.limit_ms = limit_ms

    def sent_between(self, start_ns: int, end_ns: int) -> bool:
        """Return whether any message was sent in that time."""
        return self._samples.between(start_ns, end_ns).size > 0

    def is_calm(self, start_ns: int, end_ns: int, horizon_ns: int) -> bool:
        """Return whether latencies and backlog were within the limit."""
        p99_ms, waiting, waiting_max = self._seen(start_ns, end_ns, horizon_ns)
        return p99_ms is not None and p99_ms <= self.limit_ms and waiting <= waiting_max

    def hindrance(self, start_ns: int, end_ns: int, horizon_ns: int) -> str:
        """Return a clause on what was beyond the limit; empty if nothing was."""
        p99_ms, waiting, waiting_max = self._seen(start_ns, end_ns, horizon_ns)
        if p99_ms is not None and math.isinf(p99_ms):
            return f"more than 1 % of the {self._name} never came"
        if p99_ms is not None and p99_ms > self.limit_ms:
            usual = format_s(self.limit_ms / 1000)
            return f"the p99 of {self._name} was {format_s(p99_ms / 1000)}, not {usual} or less"
        if waiting > waiting_max:
            return f"{waiting} {self._name} of earlier messages were overdue"
        return ""

    def _seen(self, start_ns: int, end_ns: int, horizon_ns: int) -> tuple[float | None, int, float]:
        """Return the p99, how many events were overdue at the start, and how many may be."""
        # Messages that are in flight at the horizon may be delayed by the next fault.
        end_ns = min(end_ns, horizon_ns - int(self.limit_ms * NS_PER_MS))
        intended = self._samples.between(start_ns, end_ns)
        waiting = (self._slow.due_ns <= start_ns) & (self._slow.done_ns > start_ns)
        waiting_max = OVERDUE_SHARE_MAX * intended.size
        return intended.percentile(0.99), int(waiting.sum()), waiting_max


def _unmeasured(history: History) -> str:
    """Return why there is nothing to see recovery by; of parts only the samples are known."""
    if not latency.ack(history).between(-NEVER, NEVER).finite:
        return "no message was acknowledged"
    return "" if latency.delivery(history).size else "no delivery to another member was expected"


def limits_ms(history: History) -> tuple[float, float]:
    """Return the longest acknowledgement and the longest delivery that count as normal."""
    return history.once(_limits_ms)


def _limits_ms(history: History) -> tuple[float, float]:
    calm = baseline(history.events, float(history.scenario.recovery_window))
    before = before_faults(history.events)
    acks, deliveries = latency.ack(history), latency.delivery(history)
    return _limit_ms(acks, before, calm), _limit_ms(deliveries, before, calm)


def _limit_ms(samples: Samples, before: Window, calm: Window) -> float:
    # A service that stays slow after a fault must not become its own measure.
    usual = samples.within(before)
    if usual.size < SAMPLES_MIN:
        usual = samples.within(calm)
    usual_ms = usual.percentile(0.99)
    if usual_ms is None or math.isinf(usual_ms):
        usual_ms = 0.0
    return max(LIMIT_MIN_MS, LIMIT_FACTOR * usual_ms)


def find_recoveries(history: History) -> dict[str, Recovery]:
    """Return each fault's recovery, by the fault's id."""
    return history.once(_find_recoveries)


def _find_recoveries(history: History) -> dict[str, Recovery]:
    if not history.events.faults:
        return {}
    service = _Service(history)
    return {
        planned.id: _find_recovery(service, fault, history.events, planned.expect.recover_within)
        for planned, fault in zip(history.scenario.faults, history.events.faults, strict=True)
    }


def _find_recovery(
    service: _Service, fault: FaultTimes, events: Events, allowed_s: float | None
) -> Recovery:
    if not fault.proven:
        return Recovery(None, NEVER, "there is no proof that it took effect")
    if fault.healed_ns is None:
        return Recovery(None, NEVER, "it was not healed")
    if not fault.met_traffic:
        return Recovery(None, fault.healed_ns, "it met no traffic")
    if service.unmeasured:
        return Recovery(None, fault.healed_ns, service.unmeasured)
    limit_ns = fault.healed_ns + int(max(service.window_s, allowed_s or 0.0) * NS_PER_S)
    effects = (other.effective_ns for other in events.faults if other.effective_ns is not None)
    horizon_ns = min([service.end_ns, *(t_ns for t_ns in effects if t_ns > fault.healed_ns)])
    for start_ns in range(fault.healed_ns, limit_ns + 1, STEP_NS):
        if service.is_calm(start_ns, horizon_ns):
            return Recovery(start_ns, start_ns)
    allowed_s = service.window_s if allowed_s is None else allowed_s
    last_ns = fault.healed_ns + int(allowed_s * NS_PER_S)
    if unseen := _why_unseen(service, fault, events, last_ns):
        return Recovery(None, limit_ns, unseen)
    return Recovery(None, limit_ns, hindrance=service.hindrance(last_ns, horizon_ns))


def _why_unseen(service: _Service, fault: FaultTimes, events: Events, last_ns: int) -> str:
    """Return why a service that was not seen to recover by then may have; empty if it has not."""
    healed_ns = fault.healed_ns or 0
    # A recovery that starts at the last allowed moment is seen if a calm second can follow it, and
    # the messages of that second can arrive before what comes next may delay them.
    needed_ns = last_ns + CALM_MIN_NS + service.limit_ns
    if any(_acts_between(other, healed_ns, needed_ns) for other in events.faults):
        return "another fault was active before the service had recovered"
    if service.end_ns < needed_ns:
        return "the load ended before the time allowed for it was over"
    if service.is_silent(healed_ns, last_ns + CALM_MIN_NS):
        return "no user sent a message in the time allowed for it"
    return ""


def _acts_between(fault: FaultTimes, start_ns: int, end_ns: int) -> bool:
    effective_ns = fault.effective_ns
    healed_ns = NEVER if fault.healed_ns is None else fault.healed_ns
    return effective_ns is not None and effective_ns < end_ns and healed_ns > start_ns
