"""The levels that are run to learn unit costs: each varies something that the search does not.

In a search of the rate, connections stay the same, and deliveries are proportional to messages: no
regression can tell them apart.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from gauntlet.campaigns.capacity.variations import USERS_MIN, Variation
from gauntlet.core.scenario import validation
from gauntlet.core.scenario.model import Duration, Load, Rate, Scenario, WorkloadShare

_ROOM = 20
_STORM_EVERY_S = 2.0
_STORM_OFFLINE_S = 0.5
_STORM_WEIGHT = 1e-3  # of the messages: the storm is about connections


class CostLevel(NamedTuple):
    """One level: its name, its scenario, and its rate."""

    name: str
    scenario: Scenario
    rate_per_s: float


def levels(variation: Variation, rate_per_s: float, fan_out: float) -> list[CostLevel]:
    """Return the levels up to a rate that holds, at which a message has `fan_out` deliveries.

    They have no objectives: a low rate has too few samples for some, and storms violate others. A
    level that the workload does not allow is left out.
    """
    found = []
    for name, load in _loads(variation.scenario.load, rate_per_s, max(fan_out, 0.1)):
        scenario = msgspec.structs.replace(variation.scenario, load=load, sla=[])
        if not any(validation.problems(scenario)):
            found.append(CostLevel(name, scenario, load.rate_per_s))
    return found


def _loads(load: Load, rate_per_s: float, fan_out: float) -> Iterator[tuple[str, Load]]:
    def at(share: float, **changes: object) -> Load:
        rate = Rate(max(1.0, rate_per_s * share))
        return msgspec.structs.replace(load, **{"rate": rate, **changes})

    for percent in (15, 35, 60, 85):
        yield f"rate-{percent}", at(percent / 100)
    for percent in (40, 160):
        yield f"users-{percent}", at(0.35, users=max(USERS_MIN, load.users * percent // 100))
    yield "direct", at(0.35, workload={"direct": 1.0})
    room = min(_ROOM, load.users)
    share = min(0.6, 0.6 * fan_out / max(1, room - 1))
    yield "rooms", at(share, workload={"group": WorkloadShare(size=room)})
    for percent, share in ((25, 0.35), (60, 0.15)):
        yield f"handshakes-{percent}", at(share, workload=_with_storms(load, percent))


def _with_storms(load: Load, percent: int) -> Mapping[str, float | WorkloadShare]:
    """Return the workload of a load in which users leave and return again and again."""
    count = max(1, int((load.steady - _STORM_OFFLINE_S) // _STORM_EVERY_S))
    times = [Duration(load.ramp + 1 + _STORM_EVERY_S * index) for index in range(count)]
    total = sum(each.weight for each in load.shares().values())
    storms = WorkloadShare(
        weight=total * _STORM_WEIGHT,
        at=[each for each in times if each + _STORM_OFFLINE_S < load.duration_s],
        offline=Duration(_STORM_OFFLINE_S),
        percent=float(percent),
    )
    return {**load.workload, "reconnect_storm": storms}
