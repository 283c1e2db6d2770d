"""Builds a plan from inputs, measured costs and prices. Pure."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from gauntlet.campaigns.capacity.record import Regressor
from gauntlet.campaigns.plan import caveats, outcome
from gauntlet.campaigns.plan.estimates import bill, reconnects, sensitivity, sizing
from gauntlet.campaigns.plan.estimates.demand import (
    Demand,
    at_peak,
    grown,
    highest_growth,
    mean,
    month_s,
)
from gauntlet.campaigns.plan.estimates.sizing import Node, Tier
from gauntlet.campaigns.plan.figures import End, Figure, factor, measured, unknown
from gauntlet.campaigns.plan.inputs import Inputs
from gauntlet.campaigns.plan.model import (
    Change,
    Costs,
    Headroom,
    Line,
    Load,
    Plan,
    TierPlan,
)
from gauntlet.campaigns.plan.sources.costs import Measured
from gauntlet.campaigns.plan.sources.prices import PriceFile, Prices
from gauntlet.core.errors import ConfigError

_MB, _GB = 2**20, 1e9
_NODES_MAX = 1_000_000_000


def build(
    measurements: Measured, inputs: Inputs, prices: PriceFile | None, created_utc: str
) -> Plan:
    """Return the plan; ConfigError if the nodes are too small for any number of them."""
    tiers = tiers_of(measurements, inputs, prices.prices if prices else None)
    today = at_peak(inputs)
    end = today.times(highest_growth(inputs))
    nodes = {tier.name: _count(tier, end, inputs) for tier in tiers}
    far = sizing.extrapolation(tiers, end)
    free = sizing.without_cost(tiers, end)
    storm = reconnects.storm_plan(tiers, nodes, end, inputs)
    plan = Plan(
        created_utc=created_utc,
        answer="",
        extrapolated=factor(far) or 0.0,
        nodes=sum(nodes.values()),
        needed=measured(
            [sum(sizing.all_nodes(tiers, end, inputs, each).values()) for each in End],
            "nodes",
            far,
        ),
        zones=inputs.zones,
        inputs=outcome.inputs_of(inputs),
        loads=_loads(tiers, today, end),
        tiers=[_tier(tier, tiers, nodes[tier.name], end, inputs) for tier in tiers],
        storm=storm,
        headroom=_headroom(tiers, nodes, today, inputs),
        costs=_costs(measurements, tiers, nodes, inputs, prices.prices) if prices else None,
        sensitivity=[_change(swing) for swing in sensitivity.swings(tiers, inputs)],
        held=outcome.held(measurements),
        limits_first=outcome.limits_first(measurements),
        assumptions=caveats.assumptions(measurements, tiers, nodes, inputs, prices),
        not_measured=caveats.not_measured(measurements, free, storm, prices),
        evidence=outcome.evidence(measurements, prices),
    )
    return msgspec.structs.replace(plan, answer=outcome.answer(plan, inputs, free))


def tiers_of(measurements: Measured, inputs: Inputs, prices: Prices | None) -> list[Tier]:
    """Return the tiers with the nodes that they run on."""
    _check_size(measurements, inputs, prices)
    machine = measurements.first.machine
    cores = inputs.node_cores or machine.cores
    if not cores or not machine.memory_mb > 0:
        raise ConfigError(
            "--node-cores must be given, because the record does not say how many cores the "
            "measured machine has"
        )
    own = Node(cores, inputs.node_memory_bytes or machine.memory_mb * _MB)
    return [
        Tier(name, costs, _node(name, own, prices), outcome.cpu_limit(measurements, name))
        for name, costs in measurements.on_nodes.items()
    ]


def _check_size(measurements: Measured, inputs: Inputs, prices: Prices | None) -> None:
    """Refuse to take the machine of the load generator for a node of the measured system."""
    sizes = prices.sizes if prices else {}
    kinds = prices.tiers if prices else {}
    unsized = [tier for tier in measurements.on_nodes if kinds.get(tier) not in sizes]
    given = inputs.node_cores and inputs.node_memory_bytes
    if measurements.first.system.stack == "external" and unsized and not given:
        raise ConfigError(
            "--node-cores and --node-memory must be given, because Gauntlet did not boot the "
            "measured system and does not know its machines; or the price file must have `sizes` "
            f"for {', '.join(unsized):.200}"
        )


def _node(tier: str, own: Node, prices: Prices | None) -> Node:
    if prices is None:
        return own
    kind = prices.tiers[tier]
    size = prices.sizes.get(kind)
    return Node(size.cores, size.memory_gb * _GB, kind) if size else own._replace(kind=kind)


def _count(tier: Tier, demand: Demand, inputs: Inputs) -> int:
    count = sizing.nodes_of(tier, demand, inputs, End.HIGH).number
    if math.isinf(count):
        cores = sizing.fixed(tier.costs, "cpu_s", End.HIGH)
        memory = sizing.fixed(tier.costs, "memory_bytes", End.HIGH)
        raise ConfigError(
            f"a node of {tier.node.cores:g} cores and {tier.node.memory_bytes / _GB:.1f} GB must "
            f"have room for the tier {tier.name}: without any load it needs up to {cores:.3g} "
            f"cores and {memory / _GB:.3g} GB. Choose larger nodes (--node-cores, --node-memory, "
            "or `sizes` of the price file), or measure more levels"
        )
    if count > _NODES_MAX:
        raise ConfigError(
            f"the demand must be one that {_NODES_MAX:,} nodes carry; the tier {tier.name} would "
            f"need {count:.3g}"
        )
    return int(count)


def _loads(tiers: Sequence[Tier], today: Demand, end: Demand) -> list[Load]:
    units: dict[Regressor, tuple[str, str]] = {
        "connection": ("connections", ""),
        "message": ("messages", "per second"),
        "delivery": ("deliveries", "per second"),
        "handshake": ("handshakes", "per second"),
    }
    reach: dict[Regressor, float] = {}
    for cost in (cost for tier in tiers for cost in tier.costs):
        for name, highest in cost.reach.items():
            reach[name] = max(reach.get(name, 0.0), highest * cost.instances)
    now, then = today.counts(), end.counts()
    return [
        Load(label=label, unit=unit, today=now[name], end=then[name], measured_to=reach.get(name))
        for name, (label, unit) in units.items()
    ]


def _tier(
    tier: Tier, tiers: Sequence[Tier], nodes: int, demand: Demand, inputs: Inputs
) -> TierPlan:
    far = sizing.extrapolation(tiers, demand, tier)
    found = [sizing.nodes_of(tier, demand, inputs, end) for end in End]
    survivors = nodes * (inputs.zones - 1) // inputs.zones
    after = _busy(tier, survivors, demand, inputs, far) if survivors else None
    decisive = found[-1].normal
    if (loss := found[-1].after_loss) is not None and inputs.zones > 1:
        by_loss = loss.nodes / (inputs.zones - 1) > decisive.nodes / inputs.zones
        decisive = loss if by_loss else decisive
    per_node = sizing.beyond(tier.costs, demand, survivors or nodes)
    return TierPlan(
        name=tier.name,
        node=tier.node.kind,
        cores=tier.node.cores,
        memory_bytes=tier.node.memory_bytes,
        nodes=nodes,
        needed=measured([each.number for each in found], "nodes", far),
        decides=decisive.resource,
        normal=_busy(tier, nodes, demand, inputs, far),
        after_loss=after,
        node_load=factor(per_node) or 0.0,
        stateful=tier.stateful,
    )


def _busy(tier: Tier, nodes: int, demand: Demand, inputs: Inputs, far: float) -> Figure:
    ends = []
    for end in End:
        cores = sizing.used(tier.costs, "cpu_s", demand, end) / nodes
        cores += sizing.fixed(tier.costs, "cpu_s", end)
        ends.append(100 * cores / (tier.node.cores * inputs.core_speed))
    return measured(ends, "% of its cores", far)


def _headroom(
    tiers: Sequence[Tier], nodes: Mapping[str, int], today: Demand, inputs: Inputs
) -> Headroom:
    factors = [sizing.growth_that_fits(tiers, nodes, today, inputs, end) for end in End]
    end = today.times(factors[1]) if math.isfinite(factors[1]) else today
    far = sizing.extrapolation(tiers, end)
    return Headroom(
        factor=measured(factors, "times the demand of today", far),
        ends=outcome.day(factors, inputs, far),
    )


def _costs(
    measurements: Measured,
    tiers: Sequence[Tier],
    nodes: Mapping[str, int],
    inputs: Inputs,
    prices: Prices,
) -> Costs:
    """Return the costs: the planned nodes are paid for certain, and the rest has intervals."""
    every = [cost for costs in measurements.tiers.values() for cost in costs]
    bills = [bill.bill(tiers, every, nodes, inputs, prices, end) for end in End]
    last = at_peak(inputs).times(grown(inputs, max(0, inputs.months - 1)))
    far = max(sizing.extrapolation(tiers, last), sizing.beyond(every, last))
    money = f"{prices.currency} a month"
    lines = [
        Line(
            label=f"{tier.name}: {nodes[tier.name]} × {prices.tiers[tier.name]}",
            # The planned nodes are paid for, whatever turns out to be needed.
            amount=measured([each.nodes[tier.name] for each in bills], money, 0.0),
        )
        for tier in tiers
    ]
    for label, gigabytes, amounts in (
        ("storage", [each.storage_gb for each in bills], [each.storage for each in bills]),
        ("egress", [each.egress_gb for each in bills], [each.egress for each in bills]),
    ):
        known = [amount for amount in amounts if amount is not None]
        if len(known) == len(bills) and gigabytes[1] is not None:
            figure = measured(known, money, far, note=f"{gigabytes[1]:,.0f} GB")
        else:
            figure = unknown(money, "not measured, or without a price")
        lines.append(Line(label=label, amount=figure))
    totals = [each.total for each in bills]
    thousands = inputs.users * grown(inputs, max(0, inputs.months - 1)) / 1000
    millions = mean(inputs).deliveries_per_s * month_s() / 1e6
    millions *= grown(inputs, max(0, inputs.months - 1))
    return Costs(
        currency=prices.currency,
        lines=lines,
        total=measured(totals, money, far),
        per_thousand_users=measured([each / thousands for each in totals], money, far),
        per_million_deliveries=measured([each / millions for each in totals], prices.currency, far),
    )


def _change(swing: sensitivity.Swing) -> Change:
    return Change(
        label=swing.label,
        unit=swing.unit,
        lower=swing.lower,
        higher=swing.higher,
        nodes_lower="inf" if math.isinf(swing.nodes_lower) else swing.nodes_lower,
        nodes_higher="inf" if math.isinf(swing.nodes_higher) else swing.nodes_higher,
    )
