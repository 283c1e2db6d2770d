"""The windows that objectives are judged over: steady, run, and each fault's and recovery's own."""

from dataclasses import dataclass

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.records import NEVER, Bools, Ints

Span = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A named part of the timeline. A message belongs to it by its intended time.

    `unknown` says why a window cannot be judged (its fault has no proof, or was not healed).
    """

    name: str
    start_ns: int
    end_ns: int
    without: tuple[Span, ...] = ()
    unknown: str = ""

    def holds(self, intended_ns: Ints) -> Bools:
        """Which of these moments lie in the window: start included, end not."""
        inside: Bools = (intended_ns >= self.start_ns) & (intended_ns < self.end_ns)
        for start_ns, end_ns in self.without:
            inside &= (intended_ns < start_ns) | (intended_ns >= end_ns)
        return inside

    def length_s(self, within: Span) -> float:
        """How many seconds of `within` lie in the window."""
        left = [(max(self.start_ns, within[0]), min(self.end_ns, within[1]))]
        for start_ns, end_ns in self.without:
            cuts = [((a, min(b, start_ns)), (max(a, end_ns), b)) for a, b in left]
            left = [span for pair in cuts for span in pair if span[0] < span[1]]
        return sum(max(0, end_ns - start_ns) for start_ns, end_ns in left) / NS_PER_S


def arrivals(events: Events) -> Span:
    """When messages were sent: the end of the ramp to the beginning of the quiesce."""
    start_ns = events.phases.get("steady", NEVER)
    return start_ns, events.phases.get("quiesce", NEVER)


def baseline(events: Events, recovery_window_s: float) -> Window:
    """What a fault's aftermath is compared with: arrivals far from any fault.

    Before the first fault, and outside every fault and its whole recovery window after that.
    """
    start_ns, end_ns = arrivals(events)
    margin_ns = int(recovery_window_s * NS_PER_S)
    faults = [
        (fault.effective_ns, NEVER if fault.healed_ns is None else fault.healed_ns + margin_ns)
        for fault in events.faults
        if fault.effective_ns is not None
    ]
    return Window("baseline", start_ns, end_ns, tuple(faults))


def windows(events: Events, over_ns: dict[str, int]) -> dict[str, Window]:
    """Every window that an objective may name, by name; `over_ns` ends each fault's recovery."""
    start_ns, end_ns = arrivals(events)
    disturbed: list[Span] = []
    bound: list[Window] = []
    for fault in events.faults:
        unknown = "" if fault.proven else f"there is no proof that {fault.id} acted"
        begun = NEVER if fault.effective_ns is None else fault.effective_ns
        healed = NEVER if fault.healed_ns is None else fault.healed_ns
        over = max(healed, over_ns[fault.id])
        bound.append(Window(f"fault:{fault.id}", begun, healed, unknown=unknown))
        bound.append(Window(f"recovery:{fault.id}", healed, over, unknown=unknown))
        # From the request on: messages under way when the fault began to act suffer from it too.
        disturbed.append((NEVER if fault.requested_ns is None else fault.requested_ns, over))
    steady = Window("steady", start_ns, end_ns, tuple(disturbed))
    run = Window("run", min(start_ns, end_ns), NEVER)
    return {window.name: window for window in (steady, run, *bound)}
