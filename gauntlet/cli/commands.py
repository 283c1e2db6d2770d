"""The subcommands: what each does with its parsed arguments. Each returns an exit code."""

import argparse

from rich.console import Console

from gauntlet.campaigns import command as grades
from gauntlet.cli import (
    arguments,
    doctor,
    failure_table,
    operate,
    recovery,
    run_directories,
    serve,
)
from gauntlet.cli.arguments import Command
from gauntlet.cli.running import run
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.scenarios import library


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


COMMANDS: tuple[Command, ...] = (
    Command(
        "run",
        "run a scenario and judge it",
        run.run,
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
        "storm",
        "inject random faults, and find the fewest with which a run still fails",
        grades.run_storm,
        (arguments.storm_options,),
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
        "compare",
        "show what differs between runs, and whether they can be compared",
        run_directories.compare,
        (arguments.compare_options,),
    ),
    Command(
        "runs",
        "list the runs of a folder, label them, or remove old ones",
        run_directories.runs,
        (arguments.runs_options,),
    ),
    Command(
        "clean",
        "remove what a run has created on a system that goes on running",
        run_directories.clean,
        (arguments.directory_option, arguments.clean_options),
    ),
    Command(
        "recover",
        "heal and remove on this machine what killed runs left behind",
        recovery.run,
        (arguments.recover_options,),
    ),
    Command(
        "conduct",
        "run a scenario whose load is the Locust process that starts this command",
        run.run_for_locust,
        (
            arguments.scenario_options,
            arguments.run_options,
            arguments.original_command_option,
        ),
        hidden=True,
    ),
)
