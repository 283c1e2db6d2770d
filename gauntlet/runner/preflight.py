"""Refuse a run that cannot succeed, before anything is started."""

from urllib.parse import urlsplit

from gauntlet.chaos.server_hooks.bug_files import find_bug
from gauntlet.core import hosts
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import accounts, catalog, secrets
from gauntlet.core.scenario.capabilities import CAPABILITIES, FOR_DEVICES
from gauntlet.core.scenario.model import Scenario
from gauntlet.runner import system_limits
from gauntlet.runner.external import limits as target_limits
from gauntlet.runner.options import Options
from gauntlet.scenarios import adapters
from gauntlet.stacks import installations

USERS_PER_WORKER_MIN = 2  # all members of a conversation are users of one worker


def check_before_start(scenario: Scenario, options: Options) -> None:
    """Raise a ConfigError if this run is impossible with this scenario or on this machine."""
    if options.bug is not None:
        _check_bug(options.bug, scenario.target.stack)
    if options.server_python is not None:
        installations.check(options.server_python, scenario.target.stack)
    if scenario.target.stack == "external":
        _check_external_target(scenario)
        target_limits.check_limits(scenario)
    _check_commands(scenario, options)
    if not any(isinstance(value, secrets.Secret) for value in scenario.target.server.values()):
        check_adapter(scenario)  # otherwise after its secrets have been resolved
    _check_workers(scenario, options)
    workers = options.workers if options.own_load else None
    limits = system_limits.SystemLimits.here()
    system_limits.check(scenario, options.proxy_mode, limits, workers)


def _check_bug(name: str, stack: str) -> None:
    """Refuse a bug that cannot act, because the run would pass as if the bug were harmless."""
    stacks = find_bug(name).stacks
    if stack not in stacks:
        allowed = " or ".join(stacks)
        raise ConfigError(
            f"--bug {name} must be used with the stack {allowed}, where it acts; got {stack}"
        )


def _check_workers(scenario: Scenario, options: Options) -> None:
    workers_max = max(1, scenario.load.users // USERS_PER_WORKER_MIN)
    if not 1 <= options.workers <= workers_max:
        raise ConfigError(
            f"--workers must be between 1 and {workers_max} (at least {USERS_PER_WORKER_MIN} users "
            f"per worker); got {options.workers}"
        )
    if options.own_load:
        accounts.check_count(scenario.accounts, scenario.load.users, options.workers)


def check_adapter(scenario: Scenario) -> None:
    """Raise a ConfigError if the adapter lacks what the load needs, or refuses its settings."""
    name, load = scenario.target.adapter, scenario.load
    needs = [
        ("load.workload", workload, frozenset(catalog.WORKLOADS[workload].needs))
        for workload in load.workload
    ]
    if load.devices > 1:
        needs.append(("load.devices", str(load.devices), FOR_DEVICES))
    declared = adapters.create(scenario.target, load.transport)[0].capabilities
    for key, value, needed in needs:
        if missing := needed - declared:
            lacking = ", ".join(f"{word} ({CAPABILITIES[word]})" for word in sorted(missing))
            raise ConfigError(
                f"{key}: {value} needs what the adapter {name} does not declare: {lacking}"
            )


def _check_external_target(scenario: Scenario) -> None:
    target = scenario.target
    if not target.url:
        raise ConfigError("target.url must name the URLs of the external system; got nothing")
    toxiproxy = [target.toxiproxy] if target.toxiproxy else []
    for key, urls in (("url", target.url), ("edges", target.edges), ("toxiproxy", toxiproxy)):
        for url in urls:
            host = urlsplit(url).hostname or ""
            if not hosts.is_loopback(host) and host not in target.allow_hosts:
                raise ConfigError(
                    f"target.{key} must be on loopback or on a host of target.allow_hosts; got "
                    f"{secrets.redact_url(url)}"
                )


def _check_commands(scenario: Scenario, options: Options) -> None:
    commanded = [fault.id for fault in scenario.faults if fault.kind == "command"]
    if commanded and not options.allow_exec:
        raise ConfigError(
            f"--allow-exec must be given for a scenario that runs commands; got none, and the "
            f"faults {', '.join(commanded)} run commands"
        )
