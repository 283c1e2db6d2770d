"""The windows of objectives: steady, run, and one for each fault and for each recovery."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.history.arrays import NEVER, Bools, Ints
from gauntlet.reports.history.events import Events

Span = tuple[int, int]  # start and end in nanoseconds
UNDER_WAY_NS = 250 * NS_PER_MS  # messages of a healthy system have arrived after this time


@dataclass(frozen=True)
class Window:
    """A named part of the timeline, without the spans `excluded`.

    A message belongs to the window by its intended time. `unknown` is a clause with the reason why
    the window cannot be judged (its fault has no proof), else empty.
    """

    name: str
    start_ns: int
    end_ns: int
    excluded: tuple[Span, ...] = ()
    unknown: str = ""

    def contains(self, t_ns: Ints) -> Bools:
        """Return which of these times are in the window, its start included, its end not."""
        inside: Bools = (t_ns >= self.start_ns) & (t_ns < self.end_ns)
        for start_ns, end_ns in self.excluded:
            inside &= (t_ns < start_ns) | (t_ns >= end_ns)
        return inside

    def avoids_exclusions(self, from_ns: Ints, to_ns: Ints) -> Bools:
        """Return which of these spans begin in the window and overlap no excluded span."""
        apart = self.contains(from_ns)
        for start_ns, end_ns in self.excluded:
            apart &= (to_ns < start_ns) | (from_ns >= end_ns)
        return apart

    def spans(self, within: Span = (-NEVER, NEVER)) -> list[Span]:
        """Return what `contains` contains of a span, as spans in the order of time."""
        remaining = [(max(self.start_ns, within[0]), min(self.end_ns, within[1]))]
        for start_ns, end_ns in self.excluded:
            if start_ns < end_ns:
                halves = [((a, min(b, start_ns)), (max(a, end_ns), b)) for a, b in remaining]
                # Empty spans are left out here, because each would be split again: their number
                # would double with every fault.
                remaining = [span for pair in halves for span in pair if span[0] < span[1]]
        return [span for span in remaining if span[0] < span[1]]

    def length_s(self, within: Span) -> float:
        """Return how many seconds of `within` are in the window."""
        return sum(end_ns - start_ns for start_ns, end_ns in self.spans(within)) / NS_PER_S


def arrivals_span(events: Events) -> Span:
    """Return when messages were sent: from the end of the ramp to the start of the quiesce."""
    return events.phases.get("steady", NEVER), events.phases.get("quiesce", NEVER)


def baseline(events: Events, recovery_window_s: float) -> Window:
    """Return what the time after a fault is compared with: arrivals far from any fault.

    It is the load before the first fault, and later load outside all faults and their recovery
    windows. Messages that were under way when a fault was requested may have met it: a few of them
    among some hundred would already be the p99.
    """
    return _without_faults(events, {fault.id: recovery_window_s for fault in events.faults})


def before_faults(events: Events) -> Window:
    """Return the arrivals before the first fault, which certainly none has slowed down."""
    return _without_faults(events, {fault.id: math.inf for fault in events.faults})


def undisturbed(events: Events, scenario: Scenario) -> Window:
    """Return the arrivals for which no fault is an excuse any more.

    The service has to recover from a fault in the time that the fault allows, or in the recovery
    window if it allows none.
    """
    allowed_s = {fault.id: fault.expect.recover_within for fault in scenario.faults}
    return _without_faults(
        events,
        {
            fault: scenario.recovery_window if own_s is None else own_s
            for fault, own_s in allowed_s.items()
        },
    )


def _without_faults(events: Events, recovery_s: Mapping[str, float]) -> Window:
    start_ns, end_ns = arrivals_span(events)
    faults = [
        (
            (fault.effective_ns if fault.requested_ns is None else fault.requested_ns)
            - UNDER_WAY_NS,
            NEVER
            if fault.healed_ns is None or math.isinf(recovery_s[fault.id])
            else fault.healed_ns + int(recovery_s[fault.id] * NS_PER_S),
        )
        for fault in events.faults
        if fault.effective_ns is not None
    ]
    return Window("baseline", start_ns, end_ns, tuple(faults))


def build_windows(events: Events, recovery_ends_ns: dict[str, int]) -> dict[str, Window]:
    """Return every window that an objective may name; `recovery_ends_ns` is by fault id."""
    start_ns, end_ns = arrivals_span(events)
    disturbed: list[Span] = []
    of_faults: list[Window] = []
    for fault in events.faults:
        unknown = "" if fault.proven else f"there is no proof that fault {fault.id} took effect"
        effective_ns = NEVER if fault.effective_ns is None else fault.effective_ns
        healed_ns = NEVER if fault.healed_ns is None else fault.healed_ns
        recovered_ns = max(healed_ns, recovery_ends_ns[fault.id])
        of_faults += [
            Window(f"fault:{fault.id}", effective_ns, healed_ns, unknown=unknown),
            Window(f"recovery:{fault.id}", healed_ns, recovered_ns, unknown=unknown),
        ]
        # From the request on: the fault may affect messages in flight before its proven effect.
        requested_ns = NEVER if fault.requested_ns is None else fault.requested_ns
        disturbed.append((requested_ns, recovered_ns))
    steady = Window("steady", start_ns, end_ns, tuple(disturbed))
    run = Window("run", min(start_ns, end_ns), NEVER)
    return {window.name: window for window in (steady, run, *of_faults)}
