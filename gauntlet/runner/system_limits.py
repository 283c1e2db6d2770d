"""Whether this machine has enough file descriptors and ports for the users of a scenario.

This is checked before anything starts: a run that fails after ten thousand connections has cost a
quarter of an hour and shows nothing.
"""

import itertools
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

# Descriptors of files, pipes, the interpreter, and connections that are being replaced.
_BASE = 150
# Faults that move clients: each has its new connection before the old one is closed.
_MOVING = frozenset({"cutover", "scale-in"})
_ANY_LOOPBACK = sys.platform == "linux"  # clients can connect from any address in 127.0.0.0/8
_DESCRIPTORS_PER_PROXIED = 2  # one towards the client and one towards the server


class SystemLimits(NamedTuple):
    """Descriptors of one process, and ports from one address to one destination."""

    descriptors: int
    ports: int
    any_loopback: bool = _ANY_LOOPBACK

    @classmethod
    def here(cls) -> "SystemLimits":
        """The limits of this machine."""
        return cls(os_limits.descriptors_allowed(), os_limits.ports_per_address())


def check(
    scenario: Scenario, proxy: ProxyMode, limits: SystemLimits, workers: int | None = 1
) -> None:
    """Raise a ConfigError with what is needed, what is available, and the remedies.

    `workers` share the users; None if their number and their hosts are not known here.
    """
    shortages = [*_descriptors(scenario, proxy, limits, workers), *_ports(scenario, proxy, limits)]
    if shortages:
        raise ConfigError("\n    ".join(shortages))


def descriptors(scenario: Scenario, proxy: ProxyMode, workers: int | None = 1) -> dict[str, int]:
    """The most descriptors that each kind of process opens, by a name for it."""
    load = scenario.load
    sockets = load.users * load.devices * (2 if _moves_clients(scenario) else 1)
    # A user sends one message at a time. While nothing answers, every message that is sent within
    # one time-out waits; at the peak of a profile that may be one for each user.
    requests = load.users
    if isinstance(load.profile, ConstantProfile):
        requests = min(requests, math.ceil(load.rate_per_s * load.attempt_timeout))
    needed = {"gauntlet": _BASE}
    if workers is not None:
        needed["a Locust process"] = math.ceil((sockets + requests) / workers) + _BASE
    if scenario.target.stack != "external":
        needed["an edge"] = sockets + _BASE
    if through := _proxied(scenario, proxy, sockets, requests):
        needed["the fault proxy"] = _DESCRIPTORS_PER_PROXIED * through + _BASE
    return needed


def users_allowed(descriptors: int, *, proxied: bool = False) -> int:
    """How many users' connections fit into this number of descriptors."""
    return max(0, (descriptors - _BASE) // (_DESCRIPTORS_PER_PROXIED if proxied else 1))


def _descriptors(
    scenario: Scenario, proxy: ProxyMode, limits: SystemLimits, workers: int | None
) -> Iterator[str]:
    users = scenario.load.users
    needed = descriptors(scenario, proxy, workers)
    process = max(needed, key=lambda name: needed[name])
    if needed[process] > limits.descriptors:
        fewer = _users_that_fit(
            scenario,
            lambda smaller: (
                max(descriptors(smaller, proxy, workers).values()) <= limits.descriptors
            ),
        )
        more = " or more workers (--workers)" if process == "a Locust process" else ""
        yield (
            f"open files: {users:,} users need {needed[process]:,} in {process}, but the limit is "
            f"{limits.descriptors:,}. Raise the hard limit (as root `ulimit -n {needed[process]}`, "
            f"or `nofile` in /etc/security/limits.conf), or use fewer users (--users {fewer}){more}"
        )


def _ports(scenario: Scenario, proxy: ProxyMode, limits: SystemLimits) -> Iterator[str]:
    """Too few ports for the connections from one address to one destination."""
    dialled = _dialled(scenario, proxy, limits)
    if dialled > limits.ports:
        fewer = _users_that_fit(
            scenario, lambda smaller: _dialled(smaller, proxy, limits) <= limits.ports
        )
        yield (
            f"ports: {scenario.load.users:,} users need {dialled:,} to one destination, but "
            f"{limits.ports:,} are available. As root, set `sysctl -w "
            f'net.ipv4.ip_local_port_range="1024 65535"` (64,512 ports) and '
            f"`sysctl -w net.ipv4.tcp_tw_reuse=1` (reuses those in TIME_WAIT), "
            f"or use fewer users (--users {fewer}) or workers on more machines"
        )


def _dialled(scenario: Scenario, proxy: ProxyMode, limits: SystemLimits) -> int:
    """The most connections from one address to one destination."""
    users, urls = scenario.load.users, scenario.target.url
    if scenario.target.stack != "external":
        # A proxy connects from one address; when an edge fails, all users connect to another.
        through = _proxied(scenario, proxy, users, 0)
        return through if limits.any_loopback else max(through, users)
    # A fault proxy dials from the address that the system chooses.
    proxied = _proxied(scenario, proxy, users, 0) > 0
    many_addresses = (
        not proxied
        and limits.any_loopback
        and all(hosts.is_loopback(urlsplit(url).hostname or "") for url in urls)
    )
    return 0 if many_addresses else math.ceil(users / max(1, len(urls)))


def _users_that_fit(scenario: Scenario, fits: Callable[[Scenario], bool]) -> int:
    """The most users with which the scenario fits; at least 1."""
    fit, too_many = 1, scenario.load.users
    while too_many - fit > 1:
        users = (fit + too_many) // 2
        load = msgspec.structs.replace(scenario.load, users=users)
        if fits(msgspec.structs.replace(scenario, load=load)):
            fit = users
        else:
            too_many = users
    return fit


def _moves_clients(scenario: Scenario) -> bool:
    """Return whether a fault moves clients, which have two connections while they move."""
    return any(fault.kind in _MOVING for fault in scenario.faults)


def _proxied(scenario: Scenario, proxy: ProxyMode, sockets: int, requests: int) -> int:
    """How many client connections go through a fault proxy."""
    sides = {fault.target for fault in scenario.faults if is_link(fault.target)}
    if proxy == "none":
        return 0
    if scenario.target.stack == "external":
        clients = any(target.startswith("client>") for target in sides)
        return sockets + requests if clients or proxy == "all" else 0
    to = {target.partition(">")[2] for target in sides if target.startswith("client>")}
    grouped = itertools.chain.from_iterable(
        members for fault in scenario.faults for members in fault.params.get("groups", {}).values()
    )
    everything = proxy == "all" or "client" in grouped
    edges = everything or any(name.startswith("edge") for name in to)
    gateways = everything or any(not name.startswith("edge") for name in to)
    return sockets * edges + requests * gateways
