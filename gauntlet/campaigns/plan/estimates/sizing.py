"""How many nodes each tier needs. Pure.

A node of c cores that may be busy for the share u has u·c − fixed cores for the load; the load of a
tier needs Σ count × cost cores. Memory is divided in the same way. The nodes of a tier are spread
evenly over Z zones, so that those of Z − 1 zones carry the whole peak:

    nodes = Z · max(⌈normal / Z⌉, ⌈after loss / (Z − 1)⌉)
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gauntlet.campaigns.capacity.record import Regressor, Resource
from gauntlet.campaigns.plan.estimates.demand import Demand
from gauntlet.campaigns.plan.figures import End
from gauntlet.campaigns.plan.inputs import Inputs
from gauntlet.campaigns.plan.sources.costs import Cost

# The rest is for the operating system and its page cache.
MEMORY_SHARE = 0.8


class Node(NamedTuple):
    """The size of a node; `kind` is its name in the price file."""

    cores: float
    memory_bytes: float
    kind: str = ""


class Tier(NamedTuple):
    """A tier: its costs, its nodes, and the share of CPU at which it was the limit (or 1)."""

    name: str
    costs: tuple[Cost, ...]
    node: Node
    limit: float = 1.0

    @property
    def stateful(self) -> bool:
        """Whether it stores messages: more nodes need sharding, which nothing here measures."""
        return any(cost.resource == "database_bytes" for cost in self.costs)


class Need(NamedTuple):
    """The nodes that a demand needs, as a fraction, and the resource that decides."""

    nodes: float
    resource: Resource


class Nodes(NamedTuple):
    """The nodes of a tier, and how many of them are needed in normal operation and after a loss."""

    number: int | float  # inf if no number suffices
    normal: Need
    after_loss: Need | None


def used(costs: Sequence[Cost], resource: Resource, demand: Demand, end: End) -> float:
    """Return what the load uses of a resource in all nodes together, without the fixed part."""
    counts = demand.counts()
    return sum(
        interval.at(end) * counts[name]
        for cost in costs
        if cost.resource == resource
        for name, interval in cost.per.items()
    )


def fixed(costs: Sequence[Cost], resource: Resource, end: End) -> float:
    """Return what one node uses of a resource without load."""
    return sum(cost.fixed.at(end) for cost in costs if cost.resource == resource)


def needed(tier: Tier, demand: Demand, utilisation: float, core_speed: float, end: End) -> Need:
    """Return how many nodes a demand needs; infinitely many if nodes are too small to start."""
    cores = tier.node.cores * core_speed
    room: dict[Resource, float] = {
        "cpu_s": cores * min(utilisation, tier.limit),
        "memory_bytes": tier.node.memory_bytes * MEMORY_SHARE,
    }
    nodes: dict[Resource, float] = {}
    for resource, whole in room.items():
        left = whole - fixed(tier.costs, resource, end)
        nodes[resource] = used(tier.costs, resource, demand, end) / left if left > 0 else math.inf
    resource = max(nodes, key=lambda each: nodes[each])
    return Need(nodes[resource], resource)


def nodes_of(tier: Tier, demand: Demand, inputs: Inputs, end: End) -> Nodes:
    """Return the nodes of a tier, of which each zone has equally many, and at least one."""
    normal = needed(tier, demand, inputs.utilisation, inputs.core_speed, end)
    if inputs.zones == 1:
        return Nodes(max(1, _ceiling(normal.nodes)), normal, None)
    after = needed(tier, demand, inputs.utilisation_after_loss, inputs.core_speed, end)
    in_zone = max(
        1, _ceiling(normal.nodes / inputs.zones), _ceiling(after.nodes / (inputs.zones - 1))
    )
    return Nodes(inputs.zones * in_zone, normal, after)


def all_nodes(
    tiers: Sequence[Tier], demand: Demand, inputs: Inputs, end: End
) -> dict[str, int | float]:
    """Return the number of nodes of each tier."""
    return {tier.name: nodes_of(tier, demand, inputs, end).number for tier in tiers}


def beyond(costs: Sequence[Cost], demand: Demand, nodes: float = 0.0) -> float:
    """Return how many times the highest measured load a demand is, for the kind that is most.

    With `nodes`, the load of one node is compared with that of one measured instance.
    """
    counts = demand.counts()
    found = [
        _ratio(counts[name] / (nodes or cost.instances), cost.reach[name])
        for cost in costs
        for name, interval in cost.per.items()
        if interval.high > 0
    ]
    return max(found, default=0.0)


def without_cost(tiers: Sequence[Tier], demand: Demand) -> list[Regressor]:
    """Return the kinds of load in a demand that no tier has a cost of; they count as free.

    A connection has one if its memory is known, or its CPU time.
    """
    known = {
        name
        for tier in tiers
        for cost in tier.costs
        for name in cost.per
        if cost.resource == "cpu_s" or (cost.resource, name) == ("memory_bytes", "connection")
    }
    return [name for name, count in demand.counts().items() if count > 0 and name not in known]


def extrapolation(tiers: Sequence[Tier], demand: Demand, of: Tier | None = None) -> float:
    """Return how far a demand is beyond what was measured, of all tiers or of one.

    It is infinitely far if a kind of load has no cost in any tier, because any tier may bear it.
    """
    if without_cost(tiers, demand):
        return math.inf
    return max(beyond(tier.costs, demand) for tier in ([of] if of else tiers))


def growth_that_fits(
    tiers: Sequence[Tier],
    nodes: Mapping[str, int | float],
    demand: Demand,
    inputs: Inputs,
    end: End,
) -> float:
    """Return the highest factor of a demand for which the nodes suffice, also after a loss."""

    def fits(factor: float) -> bool:
        grown = demand.times(factor)
        return all(nodes_of(tier, grown, inputs, end).number <= nodes[tier.name] for tier in tiers)

    low, high = 0.0, 1.0
    while fits(high):
        low, high = high, 2 * high
        if high > _FACTOR_MAX:
            return math.inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


_FACTOR_MAX = 2.0**40
_HALVINGS = 50


def _ratio(count: float, reach: float) -> float:
    if count == 0:
        return 0.0
    return count / reach if reach > 0 else math.inf


def _ceiling(nodes: float) -> int | float:
    # 1e-9: a need of exactly 3 nodes must not become 4 by rounding of floating-point numbers.
    return nodes if math.isinf(nodes) else math.ceil(nodes - 1e-9)
