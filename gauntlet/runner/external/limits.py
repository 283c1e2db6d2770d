"""Whether the load may go to its target: limits, and the summary of a load beyond this machine."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from gauntlet.core import clock, hosts
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import rate_profiles
from gauntlet.core.scenario.model import Fault, Scenario, Target
from gauntlet.core.scenario.traces import arrival_trace


def hosts_beyond(target: Target) -> list[str]:
    """Return the hosts outside this machine that load or faults go to, in the order of the file."""
    if target.stack != "external":
        return []
    addresses = [*target.url, *target.edges, *([target.toxiproxy] if target.toxiproxy else [])]
    named = [urlsplit(address).hostname or "" for address in addresses]
    return [host for host in dict.fromkeys(named) if not hosts.is_loopback(host)]


def peak_per_s(scenario: Scenario) -> float | None:
    """Return the highest intended rate, surges included; None if tasks decide when to send."""
    load = scenario.load
    if load.model == "closed":
        return None
    pieces = list(rate_profiles.pieces(load, arrival_trace.trace_of(load)))
    surges = [fault for fault in scenario.faults if fault.kind == "surge"]
    edges_s = [at_s - load.ramp for fault in surges for at_s in (fault.begins_s, fault.ends_s)]
    return max(
        (
            piece.peak_per_s * _surge_factor(piece, surges, load.ramp)
            for piece in rate_profiles.cut_at(pieces, edges_s)
        ),
        default=0.0,
    )


def _surge_factor(piece: rate_profiles.Piece, surges: list[Fault], ramp_s: float) -> float:
    factor = 1.0
    for fault in surges:
        if piece.start_s < fault.ends_s - ramp_s and piece.end_s > fault.begins_s - ramp_s:
            factor *= float(fault.params.get("factor", 2))
    return factor


def check_limits(scenario: Scenario) -> None:
    """Raise a ConfigError if the load exceeds `target.limits`."""
    limits = scenario.target.limits
    if limits is None:
        return
    if limits.users is not None and scenario.load.users > limits.users:
        raise ConfigError(
            f"load.users must be at most {limits.users} (target.limits.users); got "
            f"{scenario.load.users}"
        )
    peak = peak_per_s(scenario)
    if limits.rate is not None and peak is not None and peak > limits.rate * 1.000001:
        raise ConfigError(
            f"load.rate must be at most {limits.rate:g}/s at its peak, surges included "
            f"(target.limits.rate); got {peak:g}/s"
        )


def lacks_limits(scenario: Scenario) -> bool:
    """Whether the target is not on this machine and the scenario does not bound the load on it."""
    limits = scenario.target.limits
    bounded = limits is not None and limits.users is not None and limits.rate is not None
    return bool(hosts_beyond(scenario.target)) and not bounded


def refusal(scenario: Scenario) -> ConfigError:
    """Return the error for a target that lacks limits, with what to write into the scenario."""
    peak = peak_per_s(scenario)
    rate = f"{scenario.load.users if peak is None else peak:g}/s"
    return ConfigError(
        f"target.limits must give users and rate for a target that is not on loopback "
        f"({', '.join(hosts_beyond(scenario.target))}); to allow this load, write\n"
        f"    limits: {{users: {scenario.load.users}, rate: {rate}}}\n"
        "    below `target:`"
    )


def summary(scenario: Scenario) -> list[str]:
    """Return what a load does to a target beyond this machine, as lines; none for other targets."""
    return list(_summary(scenario)) if hosts_beyond(scenario.target) else []


def _summary(scenario: Scenario) -> Iterator[str]:
    load, peak = scenario.load, peak_per_s(scenario)
    rate = "at the rate of their tasks" if peak is None else f"up to {peak:g} messages per second"
    yield f"target: {', '.join(hosts_beyond(scenario.target))}, which is not this machine"
    yield f"load:   {load.users:,} users, {rate}, for {clock.format_s(load.duration_s)}"
    for fault in scenario.faults:
        acts_on = fault.target or {"command": "by your commands", "observed": "by others"}.get(
            fault.kind, ""
        )
        times = f"at {clock.format_s(fault.begins_s)} for {clock.format_s(fault.for_)}"
        yield f"fault:  {fault.id}, {fault.kind} {acts_on}, {times}"
    if not scenario.faults:
        yield "faults: none"
