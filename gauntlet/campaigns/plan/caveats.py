"""What a plan assumes, and what was not measured: sentences for the page. Pure."""

from collections.abc import Mapping, Sequence

from gauntlet.campaigns.capacity.record import Regressor
from gauntlet.campaigns.plan import outcome
from gauntlet.campaigns.plan.estimates.reconnects import BUSY_SHARE
from gauntlet.campaigns.plan.estimates.sizing import MEMORY_SHARE, Tier
from gauntlet.campaigns.plan.figures import Basis
from gauntlet.campaigns.plan.inputs import LABELS, Inputs
from gauntlet.campaigns.plan.model import StormPlan
from gauntlet.campaigns.plan.sources.costs import Measured, Source
from gauntlet.campaigns.plan.sources.prices import PriceFile
from gauntlet.core import labels
from gauntlet.core.printable import printable

# What matters for the loss of a zone and was never tried is named, even if a record does not.
_SEARCHES = {
    "n-1": "The highest sustainable rate while a component is down was not measured.",
    "reconnect-storm": "The highest sustainable rate during a reconnect storm was not measured.",
}
_RESOURCES = {
    "cpu_s": "CPU",
    "memory_bytes": "memory",
    "network_bytes": "network traffic",
}


def assumptions(
    measurements: Measured,
    tiers: Sequence[Tier],
    nodes: Mapping[str, int],
    inputs: Inputs,
    prices: PriceFile | None,
) -> list[str]:
    """Return what must be true for the plan to hold."""
    machine = measurements.first.machine
    booted = measurements.first.system.stack != "external"
    what = f"machine ({printable(machine.system)}, {machine.cores} cores)" if booted else "system"
    instances = max(cost.instances for tier in tiers for cost in tier.costs)
    left, busy = 100 * (1 - MEMORY_SHARE), 100 * BUSY_SHARE
    found = [
        (
            "A message, a delivery, a connection and a handshake cost beyond the measured load "
            "what they cost within it."
        ),
        (
            f"Tiers scale out without a loss: {max(nodes.values()):,} nodes do as much for each "
            f"node as {instances} measured instances. `gauntlet plan --from` examines scaling "
            "data of your own."
        ),
        (
            f"A core does {inputs.core_speed:g} times what one of the measured {what} does, and a "
            "node runs as many processes as use all its cores, whose fixed cost counts once."
        ),
        "Load is spread evenly over nodes and zones, and one zone is lost at a time.",
        (
            f"{left:.0f} % of the memory of a node are left to its operating system. Survivors "
            f"may be busy up to {busy:.0f} % while clients come back."
        ),
        (
            "Clients come back as Gauntlet's do: exponential backoff with full jitter. A client "
            "without backoff makes the storm worse than it is here."
        ),
        "Intervals take all measured costs at their low or at their high ends at once.",
    ]
    found += [*_mixed(measurements), *_defaults(inputs)]
    stateful = [
        tier
        for tier, costs in measurements.tiers.items()
        if any(cost.resource == "database_bytes" for cost in costs)
    ]
    if stateful:
        found.append(
            f"{', '.join(stateful)} can be sharded, and the nodes hold no replicas; what sharding "
            "and replication cost is not included."
        )
    if limited := [tier for tier in tiers if tier.limit < 1]:
        shares = ", ".join(f"{tier.name} at {100 * tier.limit:.0f} %" for tier in limited)
        found.append(f"No node is busier than where its tier was seen to be the limit: {shares}.")
    if prices is not None:
        found.append(
            "Storage counts the messages of this plan once, and none from before it. Egress is all "
            "traffic of the tiers that hold connections, so it is an upper bound."
        )
    return found


def _defaults(inputs: Inputs) -> list[str]:
    names = [LABELS[name][0] for name in LABELS if inputs.basis(name) is Basis.ASSUMED]
    return [f"Not given, so defaults of Gauntlet: {'; '.join(names)}."] if names else []


def _mixed(measurements: Measured) -> list[str]:
    kinds = list(dict.fromkeys(map(_measured_on, measurements.sources)))
    if len(kinds) < 2:
        return []
    named = "; ".join(kinds)
    sentence = "The records were measured on different machines or versions, whose costs are taken"
    return [f"{sentence} for those of one: {named}."]


def _measured_on(source: Source) -> str:
    """Return the machine and the version that a record is of, as far as it has them."""
    machine, system = source.capacity.machine, source.capacity.system
    # Of another system's machine nothing is known: that of the record ran the load.
    own = [] if system.stack == "external" else [f"{machine.system}, {machine.cores} cores"]
    return printable(", ".join([*own, labels.text(system.labels) or "no label"]))


def not_measured(
    measurements: Measured, free: Sequence[Regressor], storm: StormPlan, prices: PriceFile | None
) -> list[str]:
    """Return what no record says anything about; `free` are the kinds of load without a cost."""
    found = list(filter(None, [outcome.counted_as_free(free)]))
    found += [printable(each) for each in outcome.unexplained(measurements)]
    found += [
        printable(each) for source in measurements.sources for each in source.capacity.not_measured
    ]
    found += [
        sentence
        for during, sentence in _SEARCHES.items()
        if measurements.sustainable("rate_per_s", during) is None
    ]
    for tier, costs in measurements.tiers.items():
        known = {cost.resource for cost in costs}
        if missing := [text for name, text in _RESOURCES.items() if name not in known]:
            found.append(f"Not measured of {tier}: {', '.join(missing)}.")
        if unsure := [
            cost.resource
            for cost in costs
            if not all(each.known for each in (cost.fixed, *cost.per.values()))
        ]:
            found.append(f"Without a known interval: {', '.join(unsure)} of {tier}.")
    if storm.why_not:
        found.append(storm.why_not)
    if prices is not None and not any(
        cost.resource == "database_bytes" and cost.per
        for costs in measurements.tiers.values()
        for cost in costs
    ):
        found.append("The growth of the databases was not measured, so storage has no price.")
    return list(dict.fromkeys(found))
