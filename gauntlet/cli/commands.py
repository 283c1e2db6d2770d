"""The subcommands: what each does with its parsed arguments. Each returns an exit code."""

import argparse

import msgspec
from rich.console import Console

from gauntlet.campaigns import command as grades
from gauntlet.cli import (
    arguments,
    doctor,
    failure_table,
    operate,
    progress,
    remote_target,
    run_directories,
    serve,
    summary,
)
from gauntlet.cli.arguments import Command
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.scenario import loader, validation
from gauntlet.core.scenario.catalog import ADAPTER_STACKS
from gauntlet.core.scenario.model import Scenario, Target
from gauntlet.runner import run as runner
from gauntlet.runner.load_process import ExternalLocust, LoadSource, ManagedLocust
from gauntlet.runner.preflight import check_before_start
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
        check_before_start(scenario, _run_settings(options))
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
    settings = _run_settings(options)
    check_before_start(scenario, settings)
    remote_target.confirm(scenario, console)
    view = progress.choose(scenario, plain=options.plain, stderr=console.stderr)
    directory, result = runner.run(scenario, settings, source, view)
    summary.show(
        directory, result, console, hint=summary.next_command(options.scenario, options.bug)
    )
    return int(result["verdict"]["exit_code"])


def _run_settings(options: argparse.Namespace) -> runner.Options:
    return runner.Options(
        out=options.out,
        bug=options.bug,
        proxy_mode=options.proxy,
        proxy_backend=options.proxy_backend,
        workers=getattr(options, "workers", 1),  # a Locust that started us has its own
        own_load=hasattr(options, "workers"),
        allow_exec=options.allow_exec,
        argv=options.argv,
        traced_users=options.trace,
    )


def list_scenarios(options: argparse.Namespace) -> int:
    """Print the scenarios of the library, one of them as YAML, or the failure table."""
    if options.show is not None:
        print(_library_file(options.show), end="")
        return Exit.OK
    if options.stack and not options.failure_table:
        raise ConfigError("--stack can only be given together with --failure-table")
    if options.failure_table and not options.names:
        print(failure_table.text(options.stack))
        return Exit.OK
    if options.failure_table:
        lines = failure_table.names(options.stack)
    elif options.names:
        lines = [scenario.name for scenario in library.all_scenarios()]
    else:
        lines = [f"{each.name:20} {each.about}" for each in library.all_scenarios()]
    print("\n".join(lines))
    return Exit.OK


def _library_file(name: str) -> str:
    if name not in library.names():
        known = ", ".join(library.names())
        raise ConfigError(f"--show must be one of: {known}; got {name!r}")
    return library.path(name).read_text(encoding="utf-8")


def serve_reference_server(options: argparse.Namespace) -> int:
    """Run the reference server until it is interrupted."""
    return serve.serve(
        serve.Options(options.stack, options.data, options.config, options.layout, options.tls)
    )


def cutover(options: argparse.Namespace) -> int:
    """Begin, roll back or show a blue-green cutover of a running system."""
    control = operate.connect(options.control)
    if options.status:
        return operate.show(control)
    if options.rollback:
        return operate.roll_back(control)
    drain_ms = round(options.drain * 1000)
    return operate.cutover(control, options.to, drain_ms=drain_ms, canaries=options.canaries)


def scale(options: argparse.Namespace) -> int:
    """Add an edge to a running system, or drain one."""
    control = operate.connect(options.control)
    if options.out:
        return operate.scale_out(control)
    return operate.scale_in(control, options.edge, drain_ms=round(options.drain * 1000))


def rolling_update(options: argparse.Namespace) -> int:
    """Restart the gateways and services of a running system, one after the other."""
    return operate.update(operate.connect(options.control))


def adapter(options: argparse.Namespace) -> int:
    """Help the author of an adapter."""
    # Imported here, because the sockets of the load take longer than all else a command needs.
    from gauntlet.cli import adapter as tools

    return tools.run(options)


def show_doctor(_options: argparse.Namespace) -> int:
    """Show what can run on this machine."""
    return doctor.show(Console(highlight=False))


def scenario_of(options: argparse.Namespace) -> Scenario:
    """The scenario with the overrides of the command line, validated as a whole."""
    scenario = library.find(options.scenario)
    keys = ("users", "rate", "arrivals", "ramp", "steady")
    overrides = {key: getattr(options, key) for key in keys}
    load = msgspec.structs.replace(
        scenario.load, **{key: value for key, value in overrides.items() if value is not None}
    )
    scenario = msgspec.structs.replace(scenario, load=load)
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    scenario = msgspec.structs.replace(scenario, target=_target(scenario.target, options))
    for problem in validation.problems(scenario):
        raise ConfigError(f"with these options, {problem.sentence}")
    return scenario


def _target(target: Target, options: argparse.Namespace) -> Target:
    """The target with the overrides; another adapter also changes the stack to one it speaks to."""
    adapter = options.adapter or target.adapter
    stack = options.stack or target.stack
    stacks = ADAPTER_STACKS.get(adapter, ())
    if not options.stack and stack not in ("external", *stacks):
        stack = next(iter(stacks), "external")
    return msgspec.structs.replace(target, adapter=adapter, stack=stack)


COMMANDS: tuple[Command, ...] = (
    Command(
        "run",
        "run a scenario and judge it",
        run,
        (arguments.scenario_options, arguments.run_options, arguments.own_load_options),
    ),
    Command("list", "list the scenarios of the library", list_scenarios, (arguments.list_options,)),
    Command(
        "report",
        "render the report of a run again",
        run_directories.report,
        (arguments.directory_option,),
    ),
    Command(
        "serve",
        "run the reference server alone",
        serve_reference_server,
        (arguments.serve_options,),
    ),
    Command(
        "cutover",
        "move the clients of a running system between blue and green",
        cutover,
        (arguments.cutover_options, arguments.drain_option, arguments.control_option),
    ),
    Command(
        "scale",
        "add an edge to a running system, or drain one",
        scale,
        (arguments.scale_options, arguments.drain_option, arguments.control_option),
    ),
    Command(
        "rolling",
        "restart the gateways and services of a running system one after the other",
        rolling_update,
        (arguments.control_option,),
    ),
    Command(
        "doctor", "show what can run on this machine, and how to install the rest", show_doctor
    ),
    Command(
        "adapter",
        "write an adapter for a system of your own, and try it on a live server",
        adapter,
        (arguments.adapter_options,),
    ),
    Command(
        "grades",
        "measure what systems keep and lose when connections and servers fail",
        grades.run,
        (arguments.grades_options,),
    ),
    Command(
        "scorecard",
        "measure what the judge detects and misses, with seeded bugs and clean runs",
        grades.run_scorecard,
        (arguments.scorecard_options,),
    ),
    Command(
        "judge",
        "judge an existing run again, or a history of any system, without any server",
        run_directories.judge_again,
        (arguments.judge_options,),
    ),
    Command(
        "export",
        "write a run as a history in JSON lines",
        run_directories.export,
        (arguments.directory_option, arguments.export_options),
    ),
    Command(
        "explain",
        "print the life of one message of a run",
        run_directories.explain,
        (arguments.directory_option, arguments.explain_options),
    ),
    Command(
        "mark",
        "mark when a fault that others make begins and ends",
        run_directories.mark_fault,
        (arguments.directory_option, arguments.mark_options),
    ),
    Command(
        "extract",
        "write the messages of a run as a trace, with which a load can be replayed",
        run_directories.extract,
        (arguments.directory_option, arguments.extract_options),
    ),
    Command(
        "clean",
        "remove what a run has created on a system that goes on running",
        run_directories.clean,
        (arguments.directory_option, arguments.clean_options),
    ),
    Command(
        "conduct",
        "run a scenario whose load is the Locust process that starts this command",
        run_for_locust,
        (
            arguments.scenario_options,
            arguments.run_options,
            arguments.original_command_option,
        ),
        hidden=True,
    ),
)
