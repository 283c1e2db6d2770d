"""The unit costs of each tier, from the trials of a campaign."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gauntlet.campaigns.capacity import regression
from gauntlet.campaigns.capacity.record import Estimate, Regressor, Resource, Trial, UnitCost

# What can explain the use of a resource, the more important first: where two of them cannot be told
# apart, the later one is left out.
REGRESSORS: dict[Resource, tuple[Regressor, ...]] = {
    "cpu_s": ("message", "connection", "handshake", "delivery"),
    "memory_bytes": ("connection",),
    "network_bytes": ("message", "connection", "handshake", "delivery"),
    "database_bytes": ("message",),
}


class Costs(NamedTuple):
    """The unit costs, and what could not be measured, in sentences."""

    unit_costs: tuple[UnitCost, ...]
    not_measured: tuple[str, ...]


def usable(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials that show what undisturbed load costs.

    An overloaded system retries and repairs, so trials of a search count only if they held. A
    refused trial shows what a busy machine costs.
    """
    return [
        each
        for each in trials
        if each.during == "steady"
        and each.measured
        and not each.violated
        and (each.outcome == "held" or (each.step and each.outcome == "failed"))
    ]


def fit(trials: Iterable[Trial], source: str = "run directory") -> Costs:
    """Return the unit costs of each tier and resource that the trials have enough levels for."""
    chosen = usable(trials)
    found, missing = list[UnitCost](), dict[str, None]()  # a set that keeps its order
    tiers = _tiers(chosen)
    for resource, regressors in REGRESSORS.items():
        measured_tiers = [tier for tier in tiers if any(_use(t, tier, resource) for t in chosen)]
        if not measured_tiers:
            missing[f"{_NAMES[resource]} of any component: no run recorded it."] = None
        for tier in measured_tiers:
            rows = [each for each in chosen if _use(each, tier, resource)]
            cost, reasons = _fitted(rows, tier, resource, regressors, source)
            if cost is not None:
                found.append(cost)
            missing |= dict.fromkeys(reasons)
    return Costs(tuple(found), tuple(missing))


_NAMES: dict[Resource, str] = {
    "cpu_s": "The CPU time",
    "memory_bytes": "The memory",
    "network_bytes": "The network traffic",
    "database_bytes": "The growth of the database",
}


def _fitted(
    rows: Sequence[Trial],
    tier: str,
    resource: Resource,
    regressors: tuple[Regressor, ...],
    source: str,
) -> tuple[UnitCost | None, list[str]]:
    every = {
        str(name): [each.measured.get(name, 0.0) for each in rows] for name in REGRESSORS["cpu_s"]
    }
    counts = {str(name): every[name] for name in regressors}
    used = [sum(_use(each, tier, resource).values()) for each in rows]
    found = regression.fit(counts, used)
    if found is None or regression.distinct(every) < regression.LEVELS_MIN:
        text = f"{_NAMES[resource]} of {tier}: fewer than {regression.LEVELS_MIN} levels."
        return None, [text]
    per: dict[Regressor, Estimate] = {
        name: _estimate(found.per[name]) for name in regressors if name in found.per
    }
    left_out = [
        f"{_NAMES[resource]} of each {name}: {reason}." for name, reason in found.left_out.items()
    ]
    cost = UnitCost(
        component=tier,
        tier=tier,
        resource=resource,
        fixed=_estimate(found.fixed),
        per=per,
        instances=max(len(_use(each, tier, resource)) for each in rows),
        levels=found.levels,
        measured_range={name: (min(counts[name]), max(counts[name])) for name in per},
        residual=round(found.residual, 4),
        source=source,
    )
    return cost, left_out


def _estimate(interval: regression.Interval) -> Estimate:
    return Estimate(value=interval.value, low=interval.low, high=interval.high)


def _tiers(trials: Iterable[Trial]) -> list[str]:
    """Return all tiers, in the order in which the trials name them."""
    found = {_tier(trial, key.rpartition("/")[0]): None for trial in trials for key in trial.use}
    return list(found)


def _use(trial: Trial, tier: str, resource: Resource) -> dict[str, float]:
    """Return what each component of a tier used of a resource."""
    found = {}
    for key, value in trial.use.items():
        component, _, used = key.rpartition("/")
        if used == resource and _tier(trial, component) == tier:
            found[component] = value
    return found


def _tier(trial: Trial, component: str) -> str:
    return trial.tiers.get(component, component)
