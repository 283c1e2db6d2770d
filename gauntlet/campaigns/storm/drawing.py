"""Draws the faults of a storm from a seed: a random subset of kinds, with random overlaps. Pure.

Two faults overlap wherever both can act. A fault on a process excludes, for its time, every other
fault that needs that process: a link whose server is down proves nothing. The end of the load stays
quiet, so that the system has time to recover before it is judged.
"""

import math
import random
from collections.abc import Sequence

from gauntlet.campaigns.storm.menu import Disturbance
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.core.scenario.rules import load_size
from gauntlet.core.scenario.validation import role_of

CALM_S = 3.0  # between the end of the ramp and the first fault
QUIET_S = 25.0  # more than the recovery window of 20 s
SHORTEST_S = CALM_S + QUIET_S + 12.0

# One fault for so many seconds of the time in which faults may act: few, or many that overlap.
_SECONDS_PER_FAULT = (3.0, 12.0)
_PLACEMENTS_MAX = 50

# The only faults on one link that leave each other's proof alone: what a cut needs is that bytes
# arrive, and what a delay needs is that connections are answered.
_SIDE_BY_SIDE = frozenset({"disconnect", "latency"})
# These change which components run, so they exclude every other fault on a process.
_MOVING_KINDS = frozenset({"cutover"})


def draw(
    menu: Sequence[Disturbance], seed: int, ramp_s: float, steady_s: float
) -> tuple[Fault, ...]:
    """Return the faults of a storm in the order of their times; the same for the same arguments.

    `steady_s` must be at least `SHORTEST_S`.
    """
    stream = random.Random(f"{seed}/storm")
    begin_s, end_s = ramp_s + CALM_S, ramp_s + steady_s - QUIET_S
    low, high = (
        min(load_size.FAULTS_MAX, math.ceil((end_s - begin_s) / share))
        for share in reversed(_SECONDS_PER_FAULT)
    )
    kinds = stream.sample(menu, stream.randint(2, len(menu)))
    placed: list[tuple[Fault, Disturbance]] = []
    for _ in range(stream.randint(max(2, low), max(2, high))):
        entry = stream.choice(kinds)
        for _ in range(_PLACEMENTS_MAX):
            fault = _random_fault(entry, stream, begin_s, end_s)
            if not any(_exclude((fault, entry), other) for other in placed):
                placed.append((fault, entry))
                break
    ordered = sorted((fault for fault, _ in placed), key=lambda fault: fault.begins_s)
    return tuple(_named(fault, number) for number, fault in enumerate(ordered, 1))


def _random_fault(entry: Disturbance, stream: random.Random, begin_s: float, end_s: float) -> Fault:
    lasts_s = round(stream.uniform(*entry.lasts_s), 1)
    return Fault(
        id=entry.kind,
        kind=entry.kind,
        target=entry.target,
        at=FixedTime(round(stream.uniform(begin_s, end_s - lasts_s), 1)),
        for_=Duration(lasts_s),
        params={name: stream.choice(values) for name, values in entry.params.items()},
    )


def _named(fault: Fault, number: int) -> Fault:
    return Fault(
        id=f"f{number}-{fault.kind}",
        kind=fault.kind,
        target=fault.target,
        at=fault.at,
        for_=fault.for_,
        params=fault.params,
    )


def _exclude(first: tuple[Fault, Disturbance], second: tuple[Fault, Disturbance]) -> bool:
    """Whether two faults can not be active at the same time, and would be."""
    (a, of_a), (b, of_b) = first, second
    apart = a.begins_s > b.ends_s + of_b.settles_s or b.begins_s > a.ends_s + of_a.settles_s
    if apart:
        return False
    if catalog.FAULTS[a.kind].needs_link and catalog.FAULTS[b.kind].needs_link:
        return a.target == b.target and {a.kind, b.kind} != _SIDE_BY_SIDE
    if {a.kind, b.kind} & _MOVING_KINDS:
        return True
    return bool(_roles(of_a) & _roles(of_b))


def _roles(entry: Disturbance) -> set[str]:
    """Return the roles of the processes that must run for a fault to act, or that it holds."""
    source, _, component = entry.target.rpartition(">")
    return {entry.host or role_of(component), source} - {"client", ""}
