"""The measured costs of all records, by tier. Pure, except for reading the files."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gauntlet.campaigns.capacity import record
from gauntlet.campaigns.capacity.record import (
    Capacity,
    Estimate,
    Regressor,
    Resource,
    Sustainable,
    UnitCost,
)
from gauntlet.campaigns.plan.figures import Interval
from gauntlet.core.errors import ConfigError

_RECORDS_MAX = 100
_NAME_MAX = 120


class Cost(NamedTuple):
    """What one component costs of one resource: fixed for each instance, and per unit of load.

    `reach` is the highest measured load of one of the `instances`.
    """

    component: str
    resource: Resource
    fixed: Interval
    per: dict[Regressor, Interval]
    reach: dict[Regressor, float]
    instances: int
    levels: int
    residual: float


class Source(NamedTuple):
    """A record with the name and the hash of its file."""

    name: str
    sha256: str
    capacity: Capacity


class Measured(NamedTuple):
    """What all records say together."""

    sources: tuple[Source, ...]
    tiers: dict[str, tuple[Cost, ...]]

    @property
    def on_nodes(self) -> dict[str, tuple[Cost, ...]]:
        """The tiers that need nodes; of others, such as a file of SQLite, only growth is known."""
        return {
            name: costs
            for name, costs in self.tiers.items()
            if any(cost.resource in ("cpu_s", "memory_bytes") for cost in costs)
        }

    @property
    def first(self) -> Capacity:
        """The record whose system and machine stand for all."""
        return self.sources[0].capacity

    def sustainable(self, what: str, during: str) -> Sustainable | None:
        """Return the result of a search; the lowest if several records have one."""
        found = [
            each
            for source in self.sources
            for each in source.capacity.sustainable
            if each.what == what and each.during == during and each.low is not None
        ]
        return min(found, key=lambda each: each.low or 0.0, default=None)


def read(files: Sequence[Path]) -> Measured:
    """Return the costs of records of one system; ConfigError if they cannot be planned with."""
    if not files:
        raise ConfigError("plan must have a RECORD, which `gauntlet capacity` writes, or --from")
    if len(files) > _RECORDS_MAX:
        raise ConfigError(f"plan must have at most {_RECORDS_MAX} records; got {len(files)}")
    sources = tuple(_source(file) for file in files)
    systems = {(each.capacity.system.adapter, each.capacity.system.stack) for each in sources}
    if len(systems) > 1:
        named = ", ".join(f"{adapter} on {stack}" for adapter, stack in sorted(systems))
        raise ConfigError(f"all records must be of one system; got {named:.200}")
    return merge(sources)


def _source(file: Path) -> Source:
    capacity = record.read(file)
    return Source(file.name, hashlib.sha256(file.read_bytes()).hexdigest(), capacity)


def merge(sources: Sequence[Source]) -> Measured:
    """Return the costs by tier; the interval of a cost that was measured twice spans both."""
    found: dict[tuple[str, str, Resource], list[Cost]] = {}
    for source in sources:
        for unit in source.capacity.unit_costs:
            key = (_named(unit.tier, source.name), _named(unit.component, source.name))
            found.setdefault((*key, unit.resource), []).append(_cost(unit, source.name))
    tiers: dict[str, list[Cost]] = {}
    for (tier, _, _), costs in sorted(found.items()):
        tiers.setdefault(tier, []).append(_together(costs))
    if not any(cost.resource == "cpu_s" for costs in tiers.values() for cost in costs):
        names = ", ".join(source.name for source in sources)
        raise ConfigError(
            f"{names:.200}: no record has a unit cost of cpu_s, without which no number of nodes "
            "can be planned. Run `gauntlet capacity` without --no-unit-costs; `not_measured` of "
            "the record says why it has none"
        )
    return Measured(tuple(sources), {tier: tuple(costs) for tier, costs in tiers.items()})


def _named(name: str, file: str) -> str:
    if not 1 <= len(name) <= _NAME_MAX or not name.isprintable():
        raise ConfigError(
            f"{file}: names of tiers and components must have 1 to {_NAME_MAX} printable "
            f"characters; got {name!r:.60}"
        )
    return name


def _cost(unit: UnitCost, file: str) -> Cost:
    where = f"{file}: the unit cost {unit.resource} of {unit.component!r:.60}"
    if unit.levels < 2:
        raise ConfigError(f"{where} must come from at least 2 levels; got {unit.levels}")
    if unit.instances < 1:
        raise ConfigError(f"{where} must have at least one instance; got {unit.instances}")
    if not (math.isfinite(unit.residual) and unit.residual >= 0):
        raise ConfigError(f"{where} must have a residual of zero or more; got {unit.residual}")
    reach = {}
    for name in unit.per:
        low, high = unit.measured_range.get(name, (math.nan, math.nan))
        if not 0 <= low <= high < math.inf:
            raise ConfigError(f"{where} must have a measured_range of {name}; got {low} to {high}")
        reach[name] = high / unit.instances
    return Cost(
        component=unit.component,
        resource=unit.resource,
        fixed=_interval(unit.fixed, where, unit.instances),
        per={name: _interval(each, where, 1) for name, each in unit.per.items()},
        reach=reach,
        instances=unit.instances,
        levels=unit.levels,
        residual=unit.residual,
    )


def _interval(estimate: Estimate, where: str, instances: int) -> Interval:
    """Return an estimate for one instance; a cost cannot be negative, whatever a fit says."""
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    if not (math.isfinite(estimate.value) and low <= estimate.value <= high):
        raise ConfigError(
            f"{where} must have a value between its bounds; got {estimate.value} between {low} "
            f"and {high}"
        )
    known = estimate.low is not None and estimate.high is not None
    value, low, high = (max(0.0, each / instances) for each in (estimate.value, low, high))
    return Interval(value, low, high, known)


def _together(costs: Sequence[Cost]) -> Cost:
    """Return the cost from most levels, with intervals that span those of all records."""
    best = max(costs, key=lambda cost: cost.levels)
    if len(costs) == 1:
        return best
    per = {
        name: _hull(best.per.get(name), [cost.per[name] for cost in costs if name in cost.per])
        for name in sorted({name for cost in costs for name in cost.per})
    }
    return best._replace(
        fixed=_hull(best.fixed, [cost.fixed for cost in costs]),
        per=per,
        reach={name: max(cost.reach.get(name, 0.0) for cost in costs) for name in per},
        residual=max(cost.residual for cost in costs),
    )


def _hull(best: Interval | None, found: Sequence[Interval]) -> Interval:
    return Interval(
        (best or found[0]).value,
        min(each.low for each in found),
        max(each.high for each in found),
        known=all(each.known for each in found),
    )
