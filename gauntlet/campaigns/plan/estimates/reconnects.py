"""The loss of a zone in a plan: how fast the survivors accept the clients that were lost. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gauntlet.campaigns.plan.estimates import sizing
from gauntlet.campaigns.plan.estimates.bill import front
from gauntlet.campaigns.plan.estimates.demand import Demand
from gauntlet.campaigns.plan.estimates.sizing import Tier
from gauntlet.campaigns.plan.estimates.storm import Course, Storm, simulate
from gauntlet.campaigns.plan.figures import End, measured
from gauntlet.campaigns.plan.inputs import Inputs
from gauntlet.campaigns.plan.model import StormPlan

# What survivors may be busy for while clients come back; messages wait a little longer then.
BUSY_SHARE = 0.95
SHARES = {"half": 0.5, "90 %": 0.9, "99 %": 0.99, "all": 1.0}
_CURVE_POINTS = 120


class _Served(NamedTuple):
    """How many handshakes per second all survivors accept, and the tier that decides."""

    per_s: float
    tier: Tier


def storm_plan(
    tiers: Sequence[Tier], nodes: Mapping[str, int], demand: Demand, inputs: Inputs
) -> StormPlan:
    """Return the storm after the loss of one zone at a peak."""
    if inputs.zones == 1:
        return StormPlan(why_not="With one zone, its loss is an outage: no node survives.")
    edges = front(tiers)
    costly = [tier for tier in tiers if _handshake_cost(tier, End.HIGH) > 0]
    if not costly:
        return StormPlan(
            why_not="What a handshake costs was not measured: the records have no unit cost per "
            "handshake that is above zero. Measure the capacity with users who reconnect."
        )
    # Without the memory of connections, those who accept them are taken for those who hold them.
    holding = edges[0] if edges else max(costly, key=lambda each: _handshake_cost(each, End.VALUE))
    survivors = nodes[holding.name] * (inputs.zones - 1) // inputs.zones
    served = [_served(costly, nodes, demand, inputs, end) for end in End]
    courses = [_course(each.per_s, demand, inputs) for each in served]
    # At the high end of the costs, which is finite: the low end of a cost may be 0.
    slowest = served[-1]
    during = demand._replace(handshakes_per_s=slowest.per_s)
    far = sizing.extrapolation(tiers, during, slowest.tier)
    back = {
        name: measured([course.until(share) for course in courses], "s", far)
        for name, share in SHARES.items()
    }
    peaks = [course.attempts_peak_per_s / survivors for course in courses]
    per_node = [each.per_s / survivors for each in served]
    return StormPlan(
        lost=demand.connections / inputs.zones,
        survivors=survivors,
        tier=holding.name,
        slowest_tier=slowest.tier.name,
        arrive=measured(peaks, "attempts per second and node", far),
        served=measured(per_node, "handshakes per second and node", far),
        back=back,
        attempts_per_client=courses[1].attempts / len(courses[1].back_s),
        curve=_curve(courses[1]),
    )


def _handshake_cost(tier: Tier, end: End) -> float:
    one = Demand(0.0, 0.0, 0.0, 1.0)
    return sizing.used(tier.costs, "cpu_s", one, end)


def _served(
    tiers: Sequence[Tier], nodes: Mapping[str, int], demand: Demand, inputs: Inputs, end: End
) -> _Served:
    """Return what the survivors accept beside the peak load of messages."""
    left = (inputs.zones - 1) / inputs.zones
    # The handshakes of the storm come in place of the usual ones.
    staying = demand._replace(connections=demand.connections * left, handshakes_per_s=0.0)
    found = []
    for tier in tiers:
        survivors = nodes[tier.name] * left
        whole = survivors * tier.node.cores * inputs.core_speed * BUSY_SHARE
        busy = sizing.used(tier.costs, "cpu_s", staying, end)
        busy += survivors * sizing.fixed(tier.costs, "cpu_s", end)
        cost = _handshake_cost(tier, end)
        found.append(_Served(max(0.0, whole - busy) / cost if cost else math.inf, tier))
    return min(found, key=lambda each: each.per_s)


def _course(served_per_s: float, demand: Demand, inputs: Inputs) -> Course:
    return simulate(
        Storm(
            lost=demand.connections / inputs.zones,
            served_per_s=served_per_s,
            detection_s=inputs.detection_s,
            reroute_s=inputs.reroute_s,
            lost_share=1 / inputs.zones,
        )
    )


def _curve(course: Course) -> list[tuple[float, float]]:
    """Return points of the share that is back over time."""
    count = len(course.back_s)
    steps = sorted({round(at * (count - 1) / _CURVE_POINTS) for at in range(_CURVE_POINTS + 1)})
    return [
        (course.back_s[at], (at + 1) / count) for at in steps if math.isfinite(course.back_s[at])
    ]
