"""Whether this machine has the descriptors and ports that a scenario's users need.

Said before anything starts: a run that fails in its tenth thousand of connections has cost a
quarter of an hour and shows nothing.
"""

import math
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from gauntlet.chaos.faults.targets import ProxyMode, is_link
from gauntlet.core import hosts, os_limits
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import ConstantProfile, Scenario

# Files, pipes, the interpreter's own, and connections that are just being replaced.
_BASE = 150
# Clients that these move have the new connection before the old one is closed.
_MOVING = frozenset({"cutover", "scale-in"})
_ANY_LOOPBACK = sys.platform == "linux"  # all of 127.0.0.0/8 is there to dial from
_TUNNEL = 2  # a proxied connection has an end towards the client and one towards the server


class Machine(NamedTuple):
    """What there is: descriptors of a process, ports of an address for one destination."""

    descriptors: int
    ports: int
    any_loopback: bool = _ANY_LOOPBACK

    @classmethod
    def here(cls) -> "Machine":
        """This one."""
        return cls(os_limits.descriptors_allowed(), os_limits.ports_per_address())


def check(scenario: Scenario, proxy: ProxyMode, machine: Machine, workers: int | None = 1) -> None:
    """ConfigError with what was found, what is needed, and the remedies, where it is too little.

    `workers` share the users; None where nobody knows how many there will be, and where.
    """
    wanting = [*_descriptors(scenario, proxy, machine, workers), *_ports(scenario, proxy, machine)]
    if wanting:
        raise ConfigError("\n    ".join(wanting))


def descriptors(scenario: Scenario, proxy: ProxyMode, workers: int | None = 1) -> dict[str, int]:
    """The most that each kind of process opens, by its name."""
    load = scenario.load
    sockets = load.users * load.devices * (2 if _moves(scenario) else 1)
    # A user sends one message at a time; while nothing answers, all that come in a time-out wait.
    # Those of a profile's peak may be everybody's.
    requests = load.users
    if isinstance(load.profile, ConstantProfile):
        requests = min(requests, math.ceil(load.rate_per_s * load.attempt_timeout))
    needed = {"gauntlet": _BASE}
    if workers is not None:
        needed["a Locust process"] = math.ceil((sockets + requests) / workers) + _BASE
    if scenario.target.stack != "external":
        needed["an edge"] = sockets + _BASE
        if through := _proxied(scenario, proxy, sockets, requests):
            needed["the fault proxy"] = _TUNNEL * through + _BASE
    return needed


def users_allowed(descriptors: int, *, proxied: bool = False) -> int:
    """How many users' connections a process has descriptors for."""
    return max(0, (descriptors - _BASE) // (_TUNNEL if proxied else 1))


def _descriptors(
    scenario: Scenario, proxy: ProxyMode, machine: Machine, workers: int | None
) -> Iterator[str]:
    users = scenario.load.users
    needed = descriptors(scenario, proxy, workers)
    process = max(needed, key=lambda name: needed[name])
    if needed[process] > machine.descriptors:
        fewer = _fewer(
            scenario,
            lambda it: max(descriptors(it, proxy, workers).values()) <= machine.descriptors,
        )
        more = ", more workers (--workers)" if process == "a Locust process" else ""
        yield (
            f"open files: found {machine.descriptors:,} at most; needed: {needed[process]:,} in "
            f"{process} for {users:,} users; remedy: raise the hard limit (as root "
            f"`ulimit -n {needed[process]}`, or `nofile` in /etc/security/limits.conf), "
            f"fewer users (--users {fewer}){more}"
        )


def _ports(scenario: Scenario, proxy: ProxyMode, machine: Machine) -> Iterator[str]:
    """Connections of one address to one destination, where they cannot take several addresses."""
    dialled = _dialled(scenario, proxy, machine)
    if dialled > machine.ports:
        fewer = _fewer(scenario, lambda it: _dialled(it, proxy, machine) <= machine.ports)
        yield (
            f"ports: found {machine.ports:,} for each destination; needed: {dialled:,} for "
            f"{scenario.load.users:,} users; remedy: as root `sysctl -w "
            f'net.ipv4.ip_local_port_range="1024 65535"` (64,512 ports) and '
            f"`sysctl -w net.ipv4.tcp_tw_reuse=1` (those in TIME_WAIT serve again), "
            f"fewer users (--users {fewer}), or workers on more machines"
        )


def _dialled(scenario: Scenario, proxy: ProxyMode, machine: Machine) -> int:
    """Connections from one address to one destination, at most."""
    users, urls = scenario.load.users, scenario.target.url
    if scenario.target.stack != "external":
        # A proxy dials from one address; when an edge dies, all users are at another.
        through = _proxied(scenario, proxy, users, 0)
        return through if machine.any_loopback else max(through, users)
    many = machine.any_loopback and all(
        hosts.is_loopback(urlsplit(url).hostname or "") for url in urls
    )
    return 0 if many else math.ceil(users / max(1, len(urls)))


def _fewer(scenario: Scenario, fits: Callable[[Scenario], bool]) -> int:
    """The most users that fit; at least 1."""
    fit, too_many = 1, scenario.load.users
    while too_many - fit > 1:
        users = (fit + too_many) // 2
        load = msgspec.structs.replace(scenario.load, users=users)
        if fits(msgspec.structs.replace(scenario, load=load)):
            fit = users
        else:
            too_many = users
    return fit


def _moves(scenario: Scenario) -> bool:
    return any(fault.kind in _MOVING for fault in scenario.faults)


def _proxied(scenario: Scenario, proxy: ProxyMode, sockets: int, requests: int) -> int:
    """How many client connections go through a fault proxy."""
    sides = {fault.target for fault in scenario.faults if is_link(fault.target)}
    if proxy == "none":
        return 0
    to = {target.partition(">")[2] for target in sides if target.startswith("client>")}
    everything = proxy == "all"
    edges = everything or any(name.startswith("edge") for name in to)
    gateways = everything or any(not name.startswith("edge") for name in to)
    return sockets * edges + requests * gateways
