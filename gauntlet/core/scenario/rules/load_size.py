"""Whether a load and its schedules are of a size that a run can plan, store and send."""

import math
from collections.abc import Iterator

import msgspec

from gauntlet.core import clock
from gauntlet.core.scenario import rate_profiles
from gauntlet.core.scenario.model import (
    REMOVALS_PER_S,
    ConstantProfile,
    DiurnalProfile,
    Fault,
    Load,
    RecordedProfile,
    Scenario,
    WorkloadShare,
)
from gauntlet.core.scenario.moments import AfterEvent, Progress
from gauntlet.core.scenario.rules import fault_schedule

# Of the effective schedule, and as many objectives: written with all of their keys, as storms and
# gates write them, they must not exceed what a file may contain.
FAULTS_MAX = 500
EXITS_MAX_PER_S = 10.0  # and removals, of each member
CHANGES_MAX = 10_000_000  # exits, removals and absences, which a run plans when it starts
_DEVIATIONS = 6.0
_PERIODS_MAX = 1_000  # of a diurnal profile; each consists of many lines

# The path of a problem, what is there, and what is allowed.
Found = tuple[tuple[str | int, ...], str, str]


def problems(scenario: Scenario) -> Iterator[Found]:
    """Yield what is too large, in a scenario whose single values are possible."""
    yield from _faults_problems(scenario)
    yield from _objectives_problems(scenario)
    if (found := diurnal_problem(scenario.load)) is not None:
        yield found
        return
    for name, share in scenario.load.shares().items():
        for key, count in _changes(name, share, scenario.load):
            if count > CHANGES_MAX:
                allowed = f"so rare that there are at most {CHANGES_MAX} of all users in the load"
                yield ("load", "workload", name, key), f"about {count:.3g}", allowed
    yield from _rate_problems(scenario)
    yield from _progress_problems(scenario)


def diurnal_problem(load: Load) -> Found | None:
    """Return what is wrong with the period of a diurnal profile, before it is computed."""
    profile = load.profile
    if not isinstance(profile, DiurnalProfile):
        return None
    least_s = max(1.0, load.steady / _PERIODS_MAX)
    if profile.period >= least_s:
        return None
    allowed = f"{clock.format_s(least_s)} or more"
    return ("load", "profile", "period"), clock.format_s(profile.period), allowed


def _faults_problems(scenario: Scenario) -> Iterator[Found]:
    count = 0
    for index, fault in enumerate(scenario.faults):
        count += len(fault_schedule.fault_ids(fault))
        if count > FAULTS_MAX:
            allowed = f"at most {FAULTS_MAX} faults, repetitions included"
            yield ("faults", index), f"{count} up to {fault.id}", allowed
            return


def _objectives_problems(scenario: Scenario) -> Iterator[Found]:
    count = 0
    for index, objective in enumerate(scenario.sla):
        count += len(fault_schedule.objective_ids(objective, scenario.faults))
        if count > FAULTS_MAX:
            allowed = f"at most {FAULTS_MAX} objectives, those of each repetition included"
            yield ("sla", index), f"{count} up to {objective.id}", allowed
            return


def _changes(name: str, share: WorkloadShare, load: Load) -> Iterator[tuple[str, float]]:
    """Yield how many changes of each kind a workload plans at most, by the key they follow from."""
    default_per_s = REMOVALS_PER_S if name == "member_changes" else None
    for key, rate in (("exits", share.exits), ("removals", share.removals or default_per_s)):
        if rate:
            rate_per_s = min(rate, EXITS_MAX_PER_S)  # a higher one is reported elsewhere
            yield key, load.users * load.steady / (1 / rate_per_s + share.offline)
    yield "at", load.users * len(share.at)


def _rate_problems(scenario: Scenario) -> Iterator[Found]:
    most = clock.RATE_MAX_PER_S
    peak = max((each.peak_per_s for each in _pieces(scenario.load)), default=0.0)
    if peak > most:
        yield ("load", "profile"), f"a peak of {peak:.3g}/s", f"at most {most:.0f}/s at its peak"
        return
    surges = [
        (index, fault) for index, fault in enumerate(scenario.faults) if fault.kind == "surge"
    ]
    for index, surge in surges:
        product = peak
        for _, other in surges:
            if _overlap(surge, other):
                product *= _factor(other)
        if product > most:
            allowed = f"such that all surges together send at most {most:.0f}/s"
            yield ("faults", index, "params", "factor"), f"a peak of {product:.3g}/s", allowed
            return


def _pieces(load: Load) -> Iterator[rate_profiles.Piece]:
    """Yield the pieces of a load whose rates are known and possible; none of others.

    The loader reads traces: this module opens no files.
    """
    if load.model == "closed" or load.steady <= 0 or isinstance(load.profile, RecordedProfile):
        return
    own = msgspec.structs.replace(load, rate=None)
    if isinstance(load.profile, ConstantProfile) or rate_profiles.total(rate_profiles.pieces(own)):
        yield from rate_profiles.pieces(load)


def _progress_problems(scenario: Scenario) -> Iterator[Found]:
    """Yield faults that wait for more acknowledgements than there will be messages."""
    sends = rate_profiles.total(_pieces(scenario.load))
    if not sends:
        return
    for fault in scenario.faults:
        sends *= _factor(fault) if fault.kind == "surge" else 1
    most = sends + _DEVIATIONS * math.sqrt(sends)  # arrivals may be a Poisson process
    for index, fault in enumerate(scenario.faults):
        event = fault.at.event if isinstance(fault.at, AfterEvent) else None
        if isinstance(event, Progress) and event.of == "acks" and event.number > most:
            allowed = f"after fewer acks, because the load sends about {sends:.0f} messages"
            yield ("faults", index, "at"), f"after {event}", allowed


def _overlap(one: Fault, other: Fault) -> bool:
    return one is other or (one.begins_s < other.ends_s and other.begins_s < one.ends_s)


def _factor(surge: Fault) -> float:
    factor = surge.params.get("factor", 2)
    return float(factor) if isinstance(factor, int | float) else 1.0  # reported elsewhere
