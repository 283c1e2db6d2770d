"""Runs of a scenario: with the overrides of the command line, under a Locust or from one."""

import argparse
from contextlib import ExitStack
from pathlib import Path

import msgspec
from rich.console import Console

from gauntlet.cli.running import exporting, progress, remote_target, summary
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.scenario import loader, validation
from gauntlet.core.scenario.catalog import ADAPTER_STACKS
from gauntlet.core.scenario.model import Scenario, Target
from gauntlet.core.scenario.overrides import other_system, settings, sla_file
from gauntlet.core.scenario.rules import fault_schedule
from gauntlet.runner import run as runner
from gauntlet.runner.load_process import ExternalLocust, LoadSource, ManagedLocust
from gauntlet.runner.preflight import check_before_start
from gauntlet.runner.system_metrics import metrics_file
from gauntlet.runner.view import View
from gauntlet.scenarios import library


def run(options: argparse.Namespace) -> int:
    """Run a scenario under a Locust of our own, and judge it."""
    scenario = scenario_of(options)
    if scenario.load.model == "closed":
        raise ConfigError(
            "load.model must be open; got closed. A closed load is driven by the tasks of a "
            f"locustfile: locust -f your_locustfile.py --scenario {options.scenario}"
        )
    if options.dry_run:
        check_before_start(scenario, _run_settings(options, scenario))
        remote_target.require_limits(scenario)
        print(loader.to_yaml(scenario), end="")
        return Exit.OK
    source = ManagedLocust(scenario, options.workers)
    return _orchestrate(options, scenario, source, Console(highlight=False))


def run_for_locust(options: argparse.Namespace) -> int:
    """Run a scenario whose load is the Locust process that started us, and judge it."""
    options.argv = options.asked or options.argv
    # Standard output is the pipe to that Locust: people read standard error.
    return _orchestrate(options, scenario_of(options), ExternalLocust(), Console(stderr=True))


def _orchestrate(
    options: argparse.Namespace, scenario: Scenario, source: LoadSource, console: Console
) -> int:
    settings = _run_settings(options, scenario)
    check_before_start(scenario, settings)
    remote_target.confirm(scenario, console)
    view: View = progress.choose(scenario, plain=options.plain, stderr=console.stderr)
    with ExitStack() as exported:
        view = exporting.begin(scenario, options, view, exported)
        directory, result = runner.run(scenario, settings, source, view)
    summary.show(
        directory, result, console, hint=summary.next_command(options.scenario, options.bug)
    )
    return int(result["verdict"]["exit_code"])


def _run_settings(options: argparse.Namespace, scenario: Scenario) -> runner.Options:
    exported = options.metrics and metrics_file.read(
        options.metrics, scenario, allow_exec=options.allow_exec
    )
    return runner.Options(
        out=options.out,
        bug=options.bug,
        server_python=options.server_python,
        proxy_mode=options.proxy,
        proxy_backend=options.proxy_backend,
        workers=getattr(options, "workers", 1),  # a Locust that started us has its own
        own_load=hasattr(options, "workers"),
        allow_exec=options.allow_exec,
        argv=options.argv,
        traced_users=options.trace,
        labels=options.labels,
        metrics=exported,
    )


def scenario_of(options: argparse.Namespace) -> Scenario:
    """The scenario as it runs: with the overrides of the command line, validated as a whole."""
    scenario = settings.apply(library.find(options.scenario), options.set)
    if options.sla is not None:
        scenario = _with_objectives(scenario, options.sla)
    keys = ("users", "rate", "arrivals", "ramp", "steady")
    overrides = {key: getattr(options, key) for key in keys}
    load = msgspec.structs.replace(
        scenario.load, **{key: value for key, value in overrides.items() if value is not None}
    )
    scenario = msgspec.structs.replace(scenario, load=load)
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    scenario = other_system.with_target(scenario, _target(scenario.target, options))
    for problem in validation.problems(scenario):
        raise ConfigError(f"with these options, {problem.sentence}")
    return fault_schedule.resolve(scenario)


def _with_objectives(scenario: Scenario, file: Path) -> Scenario:
    """The scenario with the objectives of a file, all of which must fit it."""
    sla = sla_file.read(file)
    if sla.relative:
        raise ConfigError(
            f"{file}: {sla.relative[0].id!r:.60} is relative to a baseline, which one run does not "
            "have; use gauntlet gate"
        )
    for objective in sla.absolute:
        if objective.window not in scenario.windows():
            raise ConfigError(
                f"{file}: the window of {objective.id!r:.60} must be one of: "
                f"{', '.join(scenario.windows())}; got {objective.window!r:.60}"
            )
    return sla_file.with_objectives(scenario, sla.absolute)


def _target(target: Target, options: argparse.Namespace) -> Target:
    """The target with the overrides; another adapter also changes the stack to one it speaks to."""
    adapter = options.adapter or target.adapter
    stack = options.stack or target.stack
    stacks = ADAPTER_STACKS.get(adapter, ())
    if not options.stack and stack not in ("external", *stacks):
        stack = next(iter(stacks), "external")
    return msgspec.structs.replace(target, adapter=adapter, stack=stack)
