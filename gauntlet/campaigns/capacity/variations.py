"""The scenario of each level: another rate or number of users, perhaps during a disturbance.

During a disturbance, the objectives of the steady window are moved or copied to the window in which
they have to hold, unless there are objectives on a window of the disturbance already:

- `n-1`: a component is killed during the ramp, and the survivors carry the whole steady load.
- `reconnect-storm`: every client connection is cut at once; the objectives must hold again soon.
- `cutover`: all clients move to the other environment, and the objectives hold meanwhile.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from gauntlet.campaigns import bug_identity
from gauntlet.campaigns.capacity.record import During, What
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import secrets, validation
from gauntlet.core.scenario.model import (
    ConstantProfile,
    Duration,
    Objective,
    Rate,
    Scenario,
    from_builtins,
    to_builtins,
)
from gauntlet.core.scenario.overrides import sla_file

USERS_MIN = 2
_SETTLE_S = 6.0  # after a kill, in which clients connect to the survivors
_RECOVERY_S = 10.0  # in which the objectives must hold again
_TAIL_S = 6.0  # undisturbed load with which a recovery is compared
_DRAIN_S = 4.0
_CUTOVER_S = 14.0
# A message that a client reads from the history while it moves is no defect of a cutover.
_FAULT_FREE = frozenset({"live_missed_ratio"})
_BOOTED = ("embedded", "full")  # stacks with several edges and gateways


class Variation(NamedTuple):
    """What the levels vary: the scenario, further objectives, and the victim of `n-1`.

    `bug` is a seeded one of the server.
    """

    scenario: Scenario
    objectives: Sequence[Objective] = ()
    victim: str = "edge"
    storm_percent: float = 100.0
    bug: str = ""


def check(scenario: Scenario) -> None:
    """Raise a ConfigError if the load of a scenario cannot be varied."""
    load = scenario.load
    if load.model != "open" or not isinstance(load.profile, ConstantProfile):
        raise ConfigError(
            "capacity needs a scenario with an open load and a constant profile, because it varies "
            f"load.rate; {scenario.name} has another"
        )
    if scenario.faults:
        raise ConfigError(
            f"capacity needs a scenario without faults; {scenario.name} has "
            f"{scenario.faults[0].id}. Use --during for the load that holds during one"
        )
    secrets.refuse_literals(to_builtins(scenario), "a capacity search")


def at_level(variation: Variation, what: What, during: During, level: float) -> Scenario:
    """Return the scenario of one level; ConfigError if it is not possible."""
    scenario = variation.scenario
    load = scenario.load
    if what == "connections":
        users = max(USERS_MIN, round(level / load.devices))
        # The total rate stays, so that only the connections change.
        load = msgspec.structs.replace(load, users=users, rate=Rate(load.rate_per_s))
    else:
        load = msgspec.structs.replace(load, rate=Rate(level))
    changed = _checked(msgspec.structs.replace(scenario, load=load))
    if during == "steady":
        return sla_file.with_objectives(changed, variation.objectives)
    return _checked(_disturbed(changed, during, variation))


def digest(variation: Variation) -> str:
    """Return a digest of the load but its level, of the objectives, and of the system."""
    plain = to_builtins(variation.scenario)
    part = {name: plain[name] for name in ("load", "target", "sla", "checks", "seed")}
    part["further"] = [msgspec.to_builtins(each) for each in variation.objectives]
    bug = bug_identity.identity_of(variation.bug)
    part["during"] = [variation.victim, variation.storm_percent, bug]
    return hashlib.sha256(msgspec.json.encode(part, order="sorted")).hexdigest()


def _disturbed(scenario: Scenario, during: During, variation: Variation) -> Scenario:
    load, booted = scenario.load, scenario.target.stack in _BOOTED
    if during != "reconnect-storm" and not booted:
        raise ConfigError(
            f"--during {during} must be used with a stack of several components, which are: "
            f"{', '.join(_BOOTED)}; got {scenario.target.stack}"
        )
    ramp_s, steady_s = float(load.ramp), float(load.steady)
    fault: dict[str, Any]
    if during == "n-1":
        # The ramp ends when the clients of the victim are elsewhere, and nothing is sent before.
        fault = {"kind": "kill", "target": variation.victim, "at": ramp_s}
        fault["for"] = _SETTLE_S + steady_s
        ramp_s, steady_s = ramp_s + _SETTLE_S, steady_s + _RECOVERY_S + _TAIL_S
    elif during == "cutover":
        fault = {"kind": "cutover", "target": "edge", "at": ramp_s + steady_s / 2}
        fault |= {"for": _CUTOVER_S, "params": {"drain": f"{_DRAIN_S:g}s"}}
        steady_s += _CUTOVER_S + _TAIL_S
    else:
        link = "client>target" if scenario.target.stack == "external" else "client>edge"
        fault = {"kind": "disconnect", "target": link, "at": ramp_s + steady_s / 2, "for": 1.0}
        fault["params"] = {"percent": variation.storm_percent}
        steady_s += _RECOVERY_S + _TAIL_S
    fault |= {"id": during, "expect": {"recover_within": _RECOVERY_S}}
    load = msgspec.structs.replace(load, ramp=Duration(ramp_s), steady=Duration(steady_s))
    plain = to_builtins(msgspec.structs.replace(scenario, load=load))
    plain |= {"faults": [fault], "recovery_window": _RECOVERY_S}
    try:
        changed = from_builtins(plain)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"--during {during} is not possible: {error}") from error
    further = sla_file.with_objectives(changed, variation.objectives)
    return msgspec.structs.replace(further, sla=_objectives(further, during))


def _objectives(scenario: Scenario, during: During) -> list[Objective]:
    """Return the objectives as they apply during the disturbance.

    During N−1 there is no steady window; after a storm, the time in which clients return counts as
    the recovery from the fault.
    """
    window = f"fault:{during}"
    steady = [each for each in scenario.sla if each.window == "steady"]
    others = [each for each in scenario.sla if each.window != "steady"]
    own = any(each.window.endswith(f":{during}") for each in others)
    moved = [
        msgspec.structs.replace(each, id=f"{each.id}-{during}", window=window) for each in steady
    ]
    if during == "n-1":
        return others if own else [*others, *moved]
    if during == "cutover" and not own:
        meanwhile = [each for each in moved if each.indicator not in _FAULT_FREE]
        return [*steady, *others, *meanwhile]
    return [*steady, *others]


def _checked(scenario: Scenario) -> Scenario:
    for problem in validation.problems(scenario):
        raise ConfigError(f"at this level, {problem.sentence}")
    return scenario
