"""When violations happened, in words, with the fault that was near."""

from collections.abc import Sequence

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S, format_s
from gauntlet.reports.history.arrays import NEVER, Ints
from gauntlet.reports.history.events import Events, FaultTimes

# What happened this long before a fault, or after its heal, is reported together with the fault.
BEFORE_NS = 2 * NS_PER_S
AFTER_NS = 5 * NS_PER_S


def near_faults(events: Events, t_ns: int) -> list[FaultTimes]:
    """Return the faults that acted at a time or near it; those that acted come first."""
    distances = [(_distance_ns(fault, t_ns), fault) for fault in events.faults]
    near = [(distance, fault) for distance, fault in distances if distance != NEVER]
    return [fault for _, fault in sorted(near, key=lambda each: each[0])]


def acting(events: Events, t_ns: int) -> list[str]:
    """Return the ids of the faults that acted at a time."""
    return [fault.id for fault in events.faults if _distance_ns(fault, t_ns) == 0]


def describe(events: Events, times_ns: Ints, verb: str) -> str:
    """Return a sentence on when violations happened: empty if their times are not known.

    For example: "All 90 were acknowledged in the 0.3 s before fault messages-killed (12.1 s)."
    """
    times_ns = np.sort(times_ns[(times_ns > 0) & (times_ns != NEVER)])
    if times_ns.size == 0:
        return ""
    first, last = int(times_ns[0]), int(times_ns[-1])
    subject = "It" if times_ns.size == 1 else f"All {times_ns.size:,}"
    return f"{subject} {_inflect(verb, times_ns.size)} {_relation(events, first, last)}."


def _inflect(verb: str, count: int) -> str:
    return verb.replace("were ", "was ", 1) if count == 1 else verb


def _relation(events: Events, first: int, last: int) -> str:
    """Return when a span was: during a fault, shortly before one, shortly after one, or where."""
    span = f"at {_at(events, first)}"
    if _at(events, first) != _at(events, last):
        span = f"from {_at(events, first)} to {_at(events, last)}"
    for fault in events.faults:
        begin, end = _interval(fault)
        if begin <= first and last <= end:
            return f"{span}, while fault {fault.id} acted"
    before = [fault for fault in events.faults if last <= _interval(fault)[0] <= first + BEFORE_NS]
    if before:
        fault = min(before, key=lambda each: _interval(each)[0])
        begin = _interval(fault)[0]
        how = _distance(begin - first, "before", several=first != last)
        return f"{how} fault {fault.id} took effect at {_at(events, begin)}"
    after = [fault for fault in events.faults if last - AFTER_NS <= _interval(fault)[1] <= first]
    if after:
        fault = max(after, key=lambda each: _interval(each)[1])
        end = _interval(fault)[1]
        how = _distance(last - end, "after", several=first != last)
        return f"{how} fault {fault.id} was healed at {_at(events, end)}"
    return span


def _distance(span_ns: int, side: str, *, several: bool) -> str:
    """Return "0.3 s before" for one time, "in the 0.3 s before" for several ones."""
    took = format_s(max(span_ns, NS_PER_MS) / NS_PER_S)
    return f"in the {took} {side}" if several else f"{took} {side}"


def _at(events: Events, t_ns: int) -> str:
    return f"{(t_ns - events.zero_ns) / NS_PER_S:.1f} s"


def _interval(fault: FaultTimes) -> tuple[int, int]:
    """Return from when until when a fault acted; (NEVER, NEVER) if it did not."""
    if fault.effective_ns is None:
        return NEVER, NEVER
    return fault.effective_ns, NEVER if fault.healed_ns is None else fault.healed_ns


def _distance_ns(fault: FaultTimes, t_ns: int) -> int:
    """Return how far a time is from a fault: 0 while it acted, NEVER if it is not near."""
    begin, end = _interval(fault)
    if not begin - BEFORE_NS <= t_ns <= min(end, NEVER - AFTER_NS) + AFTER_NS:
        return NEVER
    return max(begin - t_ns, t_ns - end, 0)


def spans(faults: Sequence[FaultTimes]) -> list[tuple[FaultTimes, int, int]]:
    """Return each fault that took effect with its begin and its end."""
    return [(fault, *_interval(fault)) for fault in faults if _interval(fault)[0] != NEVER]
