"""Which inputs decide: each is changed alone, and the number of nodes is counted again. Pure."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from gauntlet.campaigns.plan.estimates.demand import at_peak, highest_growth
from gauntlet.campaigns.plan.estimates.sizing import Tier, all_nodes
from gauntlet.campaigns.plan.figures import End
from gauntlet.campaigns.plan.inputs import LABELS, Inputs

COSTS = "measured unit costs"


class Swing(NamedTuple):
    """The total number of nodes if one input has its lower or its higher value."""

    label: str
    unit: str
    lower: float | None  # None for the measured costs: the ends of their intervals
    higher: float | None
    nodes_lower: float
    nodes_higher: float

    @property
    def width(self) -> float:
        """How far apart the numbers of nodes are."""
        return abs(self.nodes_higher - self.nodes_lower)


def _by(share: float) -> Callable[[float], tuple[float, float]]:
    def around(value: float) -> tuple[float, float]:
        ends = (value * (1 - share), value * (1 + share))
        return min(ends), max(ends)  # growth may be negative

    return around


def _by_points(points: float) -> Callable[[float], tuple[float, float]]:
    return lambda value: (max(0.05, value - points), min(1.0, value + points))


_CHANGES: dict[str, Callable[[float], tuple[float, float]]] = {
    "users": _by(0.25),
    "messages_per_user_day": _by(0.25),
    "peak_factor": lambda value: (max(1.0, value * 0.75), value * 1.25),
    "online_share": lambda value: (value * 0.75, min(1.0, value * 1.25)),
    "deliveries_per_message": _by(0.25),
    "connects_per_user_day": _by(0.25),
    "growth_per_month": _by(0.5),
    "utilisation": _by_points(0.1),
    "utilisation_after_loss": _by_points(0.1),
    "core_speed": _by(0.25),
}


def swings(tiers: Sequence[Tier], inputs: Inputs) -> list[Swing]:
    """Return the swing of every input and of the measured costs, the widest first."""
    found = [
        Swing(
            COSTS, "", None, None, _total(tiers, inputs, End.LOW), _total(tiers, inputs, End.HIGH)
        )
    ]
    for name, change in _CHANGES.items():
        lower, higher = change(getattr(inputs, name))
        found.append(
            Swing(
                *LABELS[name],
                lower,
                higher,
                _total(tiers, _with(inputs, name, lower)),
                _total(tiers, _with(inputs, name, higher)),
            )
        )
    return sorted(found, key=lambda swing: -swing.width)


def _with(inputs: Inputs, name: str, value: float) -> Inputs:
    return msgspec.structs.replace(inputs, **{name: value})


def _total(tiers: Sequence[Tier], inputs: Inputs, end: End = End.HIGH) -> float:
    demand = at_peak(inputs).times(highest_growth(inputs))
    return sum(all_nodes(tiers, demand, inputs, end).values())
