"""The effective schedule of a scenario's faults: repetitions and random times are resolved.

A fault `r` with `repeat` becomes the faults `r-1`, `r-2`, and so on. An objective that applies to
its window applies to the window of each of them. What remains open until the load runs are moments
that follow an event (`at: {after: 500 acks}`).
"""

import random
from collections.abc import Iterator

import msgspec

from gauntlet.core import clock
from gauntlet.core.scenario import moments
from gauntlet.core.scenario.model import Fault, Objective, Repeat, Scenario
from gauntlet.core.scenario.moments import AfterEvent, FixedTime, RandomTime, StepOfFault

REPETITIONS_MAX = 100

Found = tuple[tuple[str, ...], str, str]  # the key of a problem, what it has, what is allowed


def resolve(scenario: Scenario) -> Scenario:
    """Return the scenario as it runs, with one fault for each occurrence; idempotent.

    Random times come from a stream of the scenario's seed for each fault, so that another fault
    more or less does not change them.
    """
    times = {fault.id: fault.repeat.times for fault in scenario.faults if fault.repeat}
    faults = [
        _with_limit(_with_references(occurrence, times), scenario.load.duration_s)
        for fault in scenario.faults
        for occurrence in _occurrences(_with_time(fault, scenario.seed))
    ]
    objectives = [each for objective in scenario.sla for each in _objectives(objective, times)]
    return msgspec.structs.replace(scenario, faults=faults, sla=objectives)


def fault_ids(fault: Fault) -> list[str]:
    """Return the ids of a fault in the effective schedule, one for each occurrence."""
    if fault.repeat is None:
        return [fault.id]
    return [f"{fault.id}-{number + 1}" for number in range(_times(fault.repeat))]


def objective_ids(objective: Objective, faults: list[Fault]) -> list[str]:
    """Return the ids of an objective in the effective schedule."""
    times = {fault.id: _times(fault.repeat) for fault in faults if fault.repeat}
    return [each.id for each in _objectives(objective, times)]


def _times(repeat: Repeat) -> int:
    """Return how often a fault occurs; more than the most is reported, not counted."""
    return min(repeat.times, REPETITIONS_MAX)


def _with_time(fault: Fault, seed: int) -> Fault:
    """Return the fault with a random time drawn, to the millisecond."""
    if not isinstance(fault.at, RandomTime):
        return fault
    stream = random.Random(f"{seed}/fault/{fault.id}")
    time_s = round(stream.uniform(*fault.at.between_s), 3)
    return msgspec.structs.replace(fault, at=FixedTime(time_s))


def _occurrences(fault: Fault) -> Iterator[Fault]:
    if fault.repeat is None:
        yield fault
        return
    first = f"{fault.id}-1"
    for number in range(fault.repeat.times):
        shift_s = number * fault.repeat.every
        at = fault.at
        if isinstance(at, FixedTime):
            at = FixedTime(round(at + shift_s, 3))
        elif number:
            at = AfterEvent(str(StepOfFault(first, "effective")), shift_s)
        yield msgspec.structs.replace(fault, id=f"{fault.id}-{number + 1}", at=at, repeat=None)


def _with_references(fault: Fault, times: dict[str, int]) -> Fault:
    """Let a fault that follows a repeated one follow its first begin or its last end."""
    if not isinstance(fault.at, AfterEvent) or not isinstance(fault.at.event, StepOfFault):
        return fault
    event = fault.at.event
    if event.fault not in times:
        return fault
    number = times[event.fault] if event.step == "healed" else 1
    text = str(StepOfFault(f"{event.fault}-{number}", event.step))
    return msgspec.structs.replace(fault, at=msgspec.structs.replace(fault.at, text=text))


def _with_limit(fault: Fault, duration_s: float) -> Fault:
    """State the latest begin of a fault that waits for an event: it must end within the load."""
    if not isinstance(fault.at, AfterEvent) or fault.at.by_s is not None:
        return fault
    at = msgspec.structs.replace(fault.at, by_s=round(duration_s - fault.for_, 3))
    return msgspec.structs.replace(fault, at=at)


def _objectives(objective: Objective, times: dict[str, int]) -> Iterator[Objective]:
    part, _, fault = objective.window.partition(":")
    if fault not in times:
        yield objective
        return
    for number in range(1, times[fault] + 1):
        yield msgspec.structs.replace(
            objective, id=f"{objective.id}-{number}", window=f"{part}:{fault}-{number}"
        )


def problems(fault: Fault, scenario: Scenario) -> Iterator[Found]:
    """Yield the impossible times of a fault."""
    duration_s = scenario.load.duration_s
    ends_s = fault.ends_s + _last_shift_s(fault)
    if ends_s > duration_s:
        allowed = f"early enough to end (at + for) within the {clock.format_s(duration_s)} of load"
        yield ("at",), f"an end at {clock.format_s(ends_s)}", allowed
    if fault.repeat is not None:
        yield from _repeat_problems(fault)
    if isinstance(fault.at, AfterEvent):
        yield from _event_problems(fault, fault.at, scenario)


def _last_shift_s(fault: Fault) -> float:
    return (fault.repeat.times - 1) * fault.repeat.every if fault.repeat else 0.0


def _repeat_problems(fault: Fault) -> Iterator[Found]:
    assert fault.repeat is not None
    times, every_s = fault.repeat.times, fault.repeat.every
    if not 2 <= times <= REPETITIONS_MAX:
        yield ("repeat", "times"), str(times), f"between 2 and {REPETITIONS_MAX}"
    if every_s <= fault.for_:
        allowed = f"longer than the fault itself (for: {clock.format_s(fault.for_)})"
        yield ("repeat", "every"), clock.format_s(every_s), allowed


def _event_problems(fault: Fault, at: AfterEvent, scenario: Scenario) -> Iterator[Found]:
    if fault.kind == "surge":
        allowed = "a time, because the rate of the load is planned before it starts"
        yield ("at",), moments.text(at), allowed
    if at.by_s is not None and at.by_s < at.plus_s:
        allowed = f"at least plus ({clock.format_s(at.plus_s)})"
        yield ("at", "by"), clock.format_s(at.by_s), allowed
    if not isinstance(at.event, StepOfFault):
        return
    known = {each.id: each for each in scenario.faults}
    seen, event = {fault.id}, at.event
    while True:
        if event.fault in seen:
            allowed = f"after a fault that does not wait for {fault.id} itself"
            yield ("at",), moments.text(at), allowed
            return
        if event.fault not in known:
            yield ("at",), moments.text(at), f"after one of the faults: {', '.join(known)}"
            return
        seen.add(event.fault)
        following = known[event.fault].at
        if not isinstance(following, AfterEvent) or not isinstance(following.event, StepOfFault):
            return
        event = following.event
