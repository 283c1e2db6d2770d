"""Parts of a plan that quote: the inputs, the records, and the answer in one sentence."""

import datetime as dt
import math
from collections.abc import Sequence

import msgspec

from gauntlet.campaigns.capacity.record import Limit, Regressor
from gauntlet.campaigns.plan.figures import TOLERANCE, Basis, Figure, factor
from gauntlet.campaigns.plan.inputs import LABELS, MONTH_DAYS, Inputs
from gauntlet.campaigns.plan.model import Evidence, Held, Input, Plan
from gauntlet.campaigns.plan.outputs.text import EXTRAPOLATED, figure, number, share_of
from gauntlet.campaigns.plan.sources.costs import Measured
from gauntlet.campaigns.plan.sources.prices import PriceFile

_DAYS_MAX = 36_525.0
# A component that was less busy at the highest level that held did not limit the system.
BUSY = 0.5
_FAR_AWAY = "not within 100 years"
_NEVER = "never, without growth"


def inputs_of(inputs: Inputs) -> list[Input]:
    """Return every input, and whether it was given or is a default."""
    return [
        Input(
            name=name,
            label=label,
            value=getattr(inputs, name),
            unit=unit,
            basis=inputs.basis(name),
        )
        for name, (label, unit) in LABELS.items()
    ]


def held(measurements: Measured) -> list[Held]:
    """Return what the searches of all records found."""
    return [
        Held(record=source.name, **msgspec.structs.asdict(each))
        for source in measurements.sources
        for each in source.capacity.sustainable
    ]


def limits_first(measurements: Measured) -> str:
    """Return what was the limit in each record."""
    found = [
        source.capacity.limits_first.sentence
        for source in measurements.sources
        if source.capacity.limits_first is not None
    ]
    return " ".join(found)


def cpu_limit(measurements: Measured, tier: str) -> float:
    """Return the busy share at which a tier was seen to be the limit, or 1."""
    shares = [
        first.share
        for first in _limits(measurements)
        if first.share >= BUSY and _belongs(first.component, tier)
    ]
    return min([1.0, *shares])


def unexplained(measurements: Measured) -> list[str]:
    """Return what is known of limits that no component's CPU explains."""
    return [
        f"What limits the measured system is not known: a level above {first.level:,.0f} failed, "
        f"although {first.component} was the busiest component with {100 * first.share:.0f} % of "
        "its CPU. More nodes may not help."
        for first in _limits(measurements)
        if first.share < BUSY
    ]


def _limits(measurements: Measured) -> list[Limit]:
    """Return the limits by CPU of searches that found a level which failed.

    Without one, something else was the limit, such as the load generator.
    """
    return [
        first
        for source in measurements.sources
        if (first := source.capacity.limits_first) is not None
        and first.resource == "cpu_s"
        and any(
            each.what == first.what and each.low is not None and each.high is not None
            for each in source.capacity.sustainable
        )
    ]


def _belongs(component: str, tier: str) -> bool:
    """Return whether a component is an instance of a tier: `edge-blue-1` of `edge`."""
    return component == tier or component.startswith(f"{tier}-")


def day(factors: Sequence[float], inputs: Inputs, far: float) -> Figure:
    """Return the day on which growth has used up the nodes; the high costs end first."""
    low, value, high = (_day(each, inputs) for each in (factors[2], factors[1], factors[0]))
    # What counts as free ends no headroom, so its end may be earlier than "never".
    ends = low not in (_FAR_AWAY, _NEVER) or (math.isinf(far) and inputs.growth_per_month > 0)
    extrapolated = far > TOLERANCE and ends
    return Figure(
        value=value,
        low=low,
        high=high,
        unit="day",
        basis=Basis.EXTRAPOLATED if extrapolated else Basis.MEASURED,
        beyond=factor(far) if extrapolated else None,
    )


def _day(factor: float, inputs: Inputs) -> str:
    if inputs.growth_per_month <= 0:
        return _NEVER
    if math.isinf(factor):
        return _FAR_AWAY
    days = math.log(factor) / math.log1p(inputs.growth_per_month) * MONTH_DAYS
    if days > _DAYS_MAX or inputs.start.year > 9000:
        return _FAR_AWAY
    return (inputs.start + dt.timedelta(days=math.floor(days))).isoformat()


def evidence(measurements: Measured, prices: PriceFile | None) -> list[Evidence]:
    """Return the files that a plan rests on, with their hashes and those of their runs."""
    found = [
        Evidence(
            file=source.name,
            sha256=source.sha256,
            about=f"capacity of {source.capacity.system.adapter} on "
            f"{source.capacity.system.stack}, scenario {source.capacity.scenario.name}, "
            f"measured {source.capacity.created_utc}",
            runs=[(run.directory, run.sha256) for run in source.capacity.runs],
        )
        for source in measurements.sources
    ]
    if prices is not None:
        found.append(Evidence(file=prices.name, sha256=prices.sha256, about="prices"))
    return found


def counted_as_free(free: Sequence[Regressor]) -> str:
    """Return the sentence about kinds of load without a measured cost; "" if there is none."""
    if not free:
        return ""
    named = " or ".join(f"a {name}" for name in free)
    return f"No cost of {named} was measured; the plan counts it as zero."


def answer(plan: Plan, inputs: Inputs, free: Sequence[Regressor]) -> str:
    """Return what holds, until when, measured up to where, and extrapolated how far."""
    nodes = f"{number(plan.nodes)} nodes"
    where = f"in {plan.zones} zones" if plan.zones > 1 else "in one zone"
    also = ", also while one zone is lost" if plan.zones > 1 else ", but not the loss of it"
    ends = plan.headroom.ends
    mark = f"{EXTRAPOLATED} " if ends.basis is Basis.EXTRAPOLATED else ""
    known = ends.low not in (_FAR_AWAY, _NEVER)
    lasts = f" at least until {mark}{ends.low}" if known else ""
    parts = [f"{nodes} {where} carry {number(inputs.users)} users{lasts}{also}."]
    parts.append(f"Of these, {figure(plan.needed, unit=False)} are needed.")
    if plan.storm.back:
        back = figure(plan.storm.back["99 %"])
        parts.append(f"After the loss of a zone, 99 % of its clients are back within {back}.")
    reached = [
        f"{number(load.measured_to)} {load.label}{' ' + load.unit if load.unit else ''}"
        for load in plan.loads
        if load.measured_to
    ]
    measured_to = " and ".join(reached[:2]) or "no load"
    if plan.needed.basis is Basis.EXTRAPOLATED:
        far = f"{share_of(plan.extrapolated)} times that" if plan.extrapolated else "any load"
        parts.append(f"Measured up to {measured_to}; extrapolated to {far}.")
        parts.append(counted_as_free(free))
    else:
        parts.append(f"This demand is within what was measured: up to {measured_to}.")
    return " ".join(filter(None, parts))
