"""Waits for the moment at which a fault begins: a time, or an event of the run."""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from gauntlet.chaos.faults.context import LiveMetrics
from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario import moments
from gauntlet.core.scenario.moments import AfterEvent, FixedTime, Moment, Progress

_POLL_S = 0.05

# The counters of a row of live metrics, which the load writes once per second.
_COUNTERS = {
    "sends": "sent",
    "acks": "acked",
    "deliveries": "delivered",
    "reconnects": "reconnects",
}


class Steps:
    """Which steps the faults of a run have reached, shared by the threads of all of them."""

    def __init__(self) -> None:
        self._reached: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def reach(self, fault: str, step: str, t_ns: int) -> None:
        """Note that a fault has reached a step at a monotonic time."""
        with self._lock:
            self._reached.setdefault((fault, step), t_ns)

    def at_ns(self, fault: str, step: str) -> int | None:
        """Return when the fault reached the step; None if it has not."""
        with self._lock:
            return self._reached.get((fault, step))


class Awaited(NamedTuple):
    """How the wait for a moment ended: `due_ns` is None if the fault must not begin.

    `why` says what was awaited and what has happened instead; it is empty after a stop of the run.
    `seen` is what the journal states of the event.
    """

    due_ns: int | None
    why: str = ""
    seen: Mapping[str, Any] = {}


def wait_for(
    moment: Moment, t0_ns: int, live: LiveMetrics, steps: Steps, stop: threading.Event
) -> Awaited:
    """Wait until the moment has come, until it cannot come any more, or until `stop` is set.

    `t0_ns` is the start of the ramp on the monotonic clock, from which the times of a scenario
    count. Counters of the load are as old as the newest row of live metrics: up to a second.
    """
    if isinstance(moment, AfterEvent):
        return _wait_for_event(moment, t0_ns, live, steps, stop)
    if not isinstance(moment, FixedTime):
        raise TypeError(f"this moment was not resolved: {moments.text(moment)}")
    due_ns = t0_ns + round(moment * NS_PER_S)
    return Awaited(None if _stopped_before(due_ns, stop) else due_ns)


def _wait_for_event(
    moment: AfterEvent, t0_ns: int, live: LiveMetrics, steps: Steps, stop: threading.Event
) -> Awaited:
    assert moment.by_s is not None, "fault_schedule.resolve states the latest time"
    last_ns = t0_ns + round(moment.by_s * NS_PER_S)
    while True:
        happened_ns, seen = _event(moment, live, steps)
        if happened_ns is not None:
            break
        if clock.now_ns() >= last_ns:
            found = ", ".join(f"{key} {value}" for key, value in seen.items()) or "not yet"
            by = clock.format_s(moment.by_s)
            return Awaited(None, f"{moment.event} was awaited until {by}; got {found}")
        if stop.wait(_POLL_S):
            return Awaited(None)
    # An event is known only after its proof, and the fault must not lose that part of its length.
    due_ns = max(happened_ns + round(moment.plus_s * NS_PER_S), clock.now_ns())
    if due_ns > last_ns:
        late = f"{moment.event} came so late that {clock.format_s(moment.by_s)} is past"
        return Awaited(None, late)
    return Awaited(None if _stopped_before(due_ns, stop) else due_ns, seen=seen)


def _event(
    moment: AfterEvent, live: LiveMetrics, steps: Steps
) -> tuple[int | None, Mapping[str, Any]]:
    """Return when the event was seen, or None, and what there is to say of it."""
    event = moment.event
    if isinstance(event, Progress):
        counted = (live() or {}).get(_COUNTERS[event.of], 0)
        return (clock.now_ns() if counted >= event.number else None), {event.of: counted}
    return steps.at_ns(event.fault, event.step), {}


def _stopped_before(t_ns: int, stop: threading.Event) -> bool:
    return stop.wait(max(0.0, (t_ns - clock.now_ns()) / NS_PER_S))
