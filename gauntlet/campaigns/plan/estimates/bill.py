"""What the nodes, the storage and the egress cost in the last month of a plan. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gauntlet.campaigns.plan.estimates import demand as demands
from gauntlet.campaigns.plan.estimates import sizing
from gauntlet.campaigns.plan.estimates.sizing import Tier
from gauntlet.campaigns.plan.figures import End
from gauntlet.campaigns.plan.inputs import HOURS_IN_MONTH, Inputs
from gauntlet.campaigns.plan.sources.costs import Cost
from gauntlet.campaigns.plan.sources.prices import Prices

_GB = 1e9
# Of the most memory that a connection takes in any tier; what takes less only knows of it.
_FRONT_SHARE = 0.25


class Bill(NamedTuple):
    """Amounts of money for a month, and what they are for; None if that was not measured."""

    nodes: dict[str, float]
    storage_gb: float | None
    storage: float | None
    egress_gb: float | None
    egress: float | None

    @property
    def total(self) -> float:
        """The sum of what is known."""
        return sum(self.nodes.values()) + (self.storage or 0.0) + (self.egress or 0.0)


def bill(
    tiers: Sequence[Tier],
    costs: Sequence[Cost],
    nodes: Mapping[str, int | float],
    inputs: Inputs,
    prices: Prices,
    end: End,
) -> Bill:
    """Return what the last month of the plan costs.

    `costs` are those of all components, because what grows can belong to none that needs a node.
    """
    storage_gb = _storage_gb(costs, inputs, end)
    egress_gb = _egress_gb(tiers, inputs, end)
    return Bill(
        nodes={
            tier.name: nodes[tier.name] * prices.per_hour[prices.tiers[tier.name]] * HOURS_IN_MONTH
            for tier in tiers
        },
        storage_gb=storage_gb,
        storage=_price(storage_gb, prices.storage_gb_month),
        egress_gb=egress_gb,
        egress=_price(egress_gb, prices.egress_gb),
    )


def front(tiers: Sequence[Tier]) -> list[Tier]:
    """Return the tiers that hold connections, those that hold them with most memory first.

    A record has the memory of a connection in every tier, also in those where it is only noise.
    """
    held = {tier.name: _connection_bytes(tier) for tier in tiers}
    least = _FRONT_SHARE * max(held.values(), default=0.0)
    found = [tier for tier in tiers if held[tier.name] > 0 and held[tier.name] >= least]
    return sorted(found, key=lambda tier: -held[tier.name])


def _connection_bytes(tier: Tier) -> float:
    """Return the memory of one connection in a tier, 0 if it may be that there is none."""
    costs = [
        cost.per["connection"]
        for cost in tier.costs
        if cost.resource == "memory_bytes" and "connection" in cost.per
    ]
    return sum(cost.value for cost in costs if cost.low > 0)


def _price(amount: float | None, price: float | None) -> float | None:
    return None if amount is None or price is None else amount * price


def _storage_gb(costs: Sequence[Cost], inputs: Inputs, end: End) -> float | None:
    """Return what the messages of the kept months occupy at the end of the plan."""
    if not any(cost.resource == "database_bytes" and cost.per for cost in costs):
        return None
    per_s = sizing.used(costs, "database_bytes", demands.mean(inputs), end)
    months = range(inputs.months)
    if inputs.retention_months is not None:
        months = months[-inputs.retention_months :]
    kept = sum(demands.grown(inputs, month) for month in months)
    return per_s * demands.month_s() * kept / _GB


def _egress_gb(tiers: Sequence[Tier], inputs: Inputs, end: End) -> float | None:
    """Return what the tiers that hold connections send in the last month, or more."""
    edges = front(tiers)
    if not any(c.resource == "network_bytes" and c.per for tier in edges for c in tier.costs):
        return None
    last = demands.mean(inputs).times(demands.grown(inputs, max(0, inputs.months - 1)))
    per_s = sum(sizing.used(tier.costs, "network_bytes", last, end) for tier in edges)
    return per_s * demands.month_s() / _GB
