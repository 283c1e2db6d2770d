"""The scenario's values as the defaults of Locust's `--host`, `--users` and `--spawn-rate`."""

import argparse
from collections.abc import Iterator
from typing import Any

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Scenario

RAMP_MIN_S = 1.0  # shorter ramps would give Locust more users a second than it can start
_TOLERANCE = 0.01  # users per second are often rounded when they are typed


def apply(environment: Any, options: argparse.Namespace, scenario: Scenario) -> None:
    """Fill in what the command line leaves open; ConfigError where it contradicts the scenario.

    `environment` is Locust's; its class cannot be named here, because importing Locust patches the
    interpreter.

    Only a scenario for an external system can be contradicted: its addresses and its number of
    users belong to that system. All other scenarios are examples, whose values options override.
    """
    if scenario.target.stack == "external":
        _check(options, scenario)
        _fill_in_host(environment, options, scenario)
    if environment.shape_class is not None:
        return  # a shape decides about users; only its highest number is an option
    if options.num_users is None:
        options.num_users = scenario.load.users
    if options.spawn_rate is None:
        options.spawn_rate = options.num_users / ramp_s(scenario)


def ramp_s(scenario: Scenario) -> float:
    """Return how long the users of a scenario connect."""
    return max(scenario.load.ramp, RAMP_MIN_S)


def is_host_of(host: str, scenario: Scenario) -> bool:
    """Return whether a host is the only address of a scenario for an external system."""
    target = scenario.target
    urls = [url.rstrip("/") for url in target.url]
    return target.stack == "external" and urls == [host.rstrip("/")]


def _fill_in_host(environment: Any, options: argparse.Namespace, scenario: Scenario) -> None:
    """Show the address in Locust, unless it contains a password, or there are several."""
    urls = scenario.target.url
    if not options.host and len(urls) == 1 and "@" not in urls[0]:
        options.host = environment.host = urls[0]


def _check(options: argparse.Namespace, scenario: Scenario) -> None:
    if contradictions := list(_contradictions(options, scenario)):
        raise ConfigError(
            f"{' and '.join(contradictions)}: leave out the option, or change the scenario"
        )


def _contradictions(options: argparse.Namespace, scenario: Scenario) -> Iterator[str]:
    load, name = scenario.load, scenario.name
    if options.host and scenario.target.url and not is_host_of(options.host, scenario):
        urls = ", ".join(scenario.target.url)
        yield f"--host is {options.host}, but target.url of the scenario {name} is {urls}"
    if options.num_users is not None and options.num_users != load.users:
        users = options.num_users
        yield f"--users is {users}, but load.users of the scenario {name} is {load.users}"
    if options.spawn_rate is not None:
        rate = load.users / ramp_s(scenario)
        if abs(options.spawn_rate - rate) > _TOLERANCE * rate:
            yield (
                f"--spawn-rate is {options.spawn_rate:g}/s, but load.ramp of the scenario {name} "
                f"means {rate:g}/s ({load.users} users in {ramp_s(scenario):g} s)"
            )
