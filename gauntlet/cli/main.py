"""The command: parses, calls, and ends with the exit code of what it called."""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, get_args

import msgspec
from rich.console import Console

from gauntlet.chaos.faults.targets import ProxyMode
from gauntlet.chaos.proxy_process import Backend
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.cli import doctor, failure_table, operate, progress, serve, summary
from gauntlet.core import run_directory
from gauntlet.core.clock import parse_duration_s, parse_rate_per_s
from gauntlet.core.errors import ConfigError, Exit, GauntletError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import validation
from gauntlet.core.scenario.capabilities import ADAPTER_STACKS, OUT_OF_TREE
from gauntlet.core.scenario.model import Duration, Rate, Scenario, Stack, Target
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge
from gauntlet.runner import run as runner
from gauntlet.runner.load_process import LoadSource, LocustChild, ParentLocust
from gauntlet.scenarios import library

DESCRIPTION = """\
Puts an instant-messaging system under load, breaks it, and proves whether messages
were lost, undelivered, reordered, duplicated, misdelivered or late.

start here:
  gauntlet run tour            everything on one timeline, on a server of our own
  gauntlet list                the scenarios there are
  gauntlet report DIR          render a run's report again
  gauntlet serve               the reference server alone, until Ctrl-C
  gauntlet doctor              what can run on this machine, and how to get the rest
"""

EXIT_CODES = """\
exit codes: 0 pass · 1 a required check or objective failed · 2 interrupted · 3 harness error
            4 bad configuration or usage · 5 inconclusive · 6 a fault could not be healed
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; the process's exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        options = _parser().parse_args(arguments)
        options.argv = ["gauntlet", *arguments]
        code: int = options.call(options)
    except GauntletError as error:
        _complain(error)
        return int(error.exit_code)
    except KeyboardInterrupt:  # before or after the run itself, which ends in order
        sys.stderr.write("gauntlet: stopped\n")
        return int(Exit.INTERRUPTED)
    except Exception:  # noqa: BLE001 - Python would end with 1, which means a failed verdict here
        traceback.print_exc()
        return int(Exit.HARNESS)
    return code


def _complain(error: GauntletError) -> None:
    notes = getattr(error, "__notes__", [])
    sys.stderr.write("\n".join([f"gauntlet: {error}", *notes]) + "\n")


def _run(options: argparse.Namespace) -> int:
    scenario = _resolved(options)
    if scenario.load.model == "closed":
        raise ConfigError(
            "load.model: found closed; allowed: open. Locust's tasks drive a closed load: "
            f"locust -f your_locustfile.py --scenario {options.scenario}"
        )
    source = LocustChild(scenario, options.workers)
    return _conduct(options, scenario, source, Console(highlight=False))


def _conduct_for_locust(options: argparse.Namespace) -> int:
    options.argv = options.asked or options.argv
    # stdout is the pipe to the Locust that started us: people read stderr.
    return _conduct(options, _resolved(options), ParentLocust(), Console(stderr=True))


def _conduct(
    options: argparse.Namespace, scenario: Scenario, source: LoadSource, console: Console
) -> int:
    settings = runner.Options(
        out=options.out,
        bug=options.bug,
        proxy_mode=options.proxy,
        proxy_backend=options.proxy_backend,
        workers=getattr(options, "workers", 1),  # a Locust that started us has its own
        own_load=hasattr(options, "workers"),
        argv=options.argv,
    )
    runner.check_before_start(scenario, settings)
    view = progress.choose(scenario, plain=options.plain, stderr=console.stderr)
    directory, result = runner.run(scenario, settings, source, view)
    summary.show(directory, result, console, hint=_hint(options))
    return int(result["verdict"]["exit_code"])


def _hint(options: argparse.Namespace) -> str | None:
    shown = (name for name, bug in BUGS.items() if bug.scenario == options.scenario)
    if options.bug is not None or (bug := next(shown, None)) is None:
        return None
    return f"gauntlet run {options.scenario} --bug {bug}   (see it go red)"


def _list(options: argparse.Namespace) -> int:
    if options.stack and not options.failure_table:
        raise ConfigError("--stack: found without --failure-table; allowed: with it")
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


def _judge(options: argparse.Namespace) -> int:
    directory = RunDir.open(options.directory)
    result = judge(directory)
    run_directory.write_json(directory.result, result)
    summary.show(directory, result, Console(highlight=False), hint=None)
    return int(result["verdict"]["exit_code"])


def _report(options: argparse.Namespace) -> int:
    directory = RunDir.open(options.directory)
    result = directory.read_result() if directory.result.exists() else judge(directory)
    for artifact in render(directory, result):
        print(directory.path / artifact)
    return Exit.OK


def _serve(options: argparse.Namespace) -> int:
    what = serve.Options(options.stack, options.data, options.config, options.layout)
    return serve.serve(what)


def _cutover(options: argparse.Namespace) -> int:
    control = operate.connect(options.control)
    if options.status:
        return operate.show(control)
    if options.rollback:
        return operate.roll_back(control)
    drain_ms = round(options.drain * 1000)
    return operate.cutover(control, options.to, drain_ms=drain_ms, canaries=options.canaries)


def _scale(options: argparse.Namespace) -> int:
    control = operate.connect(options.control)
    if options.out:
        return operate.scale_out(control)
    return operate.scale_in(control, options.edge, drain_ms=round(options.drain * 1000))


def _rolling(options: argparse.Namespace) -> int:
    return operate.update(operate.connect(options.control))


def _doctor(_options: argparse.Namespace) -> int:
    return doctor.show(Console(highlight=False))


def _resolved(options: argparse.Namespace) -> Scenario:
    """The scenario with the command line's changes, checked again as a whole."""
    scenario = library.find(options.scenario)
    keys = ("users", "rate", "arrivals", "ramp", "steady")
    changes = {key: getattr(options, key) for key in keys}
    load = msgspec.structs.replace(
        scenario.load, **{key: value for key, value in changes.items() if value is not None}
    )
    scenario = msgspec.structs.replace(scenario, load=load)
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    scenario = msgspec.structs.replace(scenario, target=_target(scenario.target, options))
    for path, found, allowed in validation.problems(scenario):
        where = ".".join(str(step) for step in path)
        raise ConfigError(f"with these options, {where}: found {found}; allowed: {allowed}")
    return scenario


def _target(target: Target, options: argparse.Namespace) -> Target:
    """The target with the command line's changes; another adapter brings its own system along."""
    adapter = options.adapter or target.adapter
    stack = options.stack or target.stack
    stacks = ADAPTER_STACKS.get(adapter, ())
    if not options.stack and stack not in ("external", *stacks):
        stack = next(iter(stacks), "external")
    return msgspec.structs.replace(target, adapter=adapter, stack=stack)


class _Command(NamedTuple):
    name: str
    about: str
    call: Callable[[argparse.Namespace], int]
    options: tuple[Callable[[argparse.ArgumentParser], None], ...] = ()


def _scenario_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="a name from `gauntlet list`, or a scenario file")
    parser.add_argument("--stack", choices=get_args(Stack), help="instead of the scenario's")
    parser.add_argument(
        "--adapter",
        help=f"another system's: {', '.join(ADAPTER_STACKS)}, or your own as {OUT_OF_TREE}",
    )
    parser.add_argument("--seed", type=int, help="instead of the scenario's")
    parser.add_argument("--users", type=int, help="instead of the scenario's load.users")
    parser.add_argument("--rate", type=_rate, help="instead of load.rate, such as 300/s")
    parser.add_argument(
        "--arrivals", choices=("constant", "poisson"), help="instead of load.arrivals"
    )
    parser.add_argument("--ramp", type=_duration, help="instead of load.ramp, such as 5s")
    parser.add_argument("--steady", type=_duration, help="instead of load.steady, such as 40s")
    parser.add_argument("--bug", choices=tuple(BUGS), help="run the server with a seeded bug")


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where run directories go")
    parser.add_argument(
        "--proxy",
        choices=get_args(ProxyMode),
        default="needed",
        help="which links go through the fault proxy (default: what faults need)",
    )
    parser.add_argument(
        "--proxy-backend",
        choices=get_args(Backend),
        default="auto",
        help="default: toxiproxy-server where installed, else the embedded one",
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a live panel")


def _workers_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that put the load on (default: 1)"
    )


def _asked_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--asked",
        nargs=argparse.REMAINDER,
        default=[],
        help="comes last: the command by which a person would have this run again",
    )


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--failure-table", action="store_true", help="what may break, and what shows it"
    )
    parser.add_argument("--names", action="store_true", help="the scenarios' names alone")
    parser.add_argument("--stack", choices=failure_table.BOTH, help="those that exist on it")


def _directory_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, help="a run directory, such as runs/2026…")


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", choices=("embedded", "full"), default="embedded")
    parser.add_argument("--data", type=Path, help="keep data here (default: a temporary folder)")
    parser.add_argument("--config", type=Path, help="settings of the server, in YAML or JSON")
    parser.add_argument(
        "--layout", default="default", help="default, split, single, or a YAML file (docs/howto)"
    )


def _control_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--control",
        type=Path,
        help=f"the control file that serve prints (default: ${operate.VARIABLE})",
    )


def _drain_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--drain", type=_duration, default=8.0, help="how long clients are told")


def _cutover_options(parser: argparse.ArgumentParser) -> None:
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--to", choices=operate.ENVIRONMENTS, help="move every client there")
    action.add_argument("--rollback", action="store_true", help="send everybody back")
    action.add_argument("--status", action="store_true", help="say where the system stands")
    parser.add_argument(
        "--no-canaries", dest="canaries", action="store_false", help="move without proof"
    )


def _scale_options(parser: argparse.ArgumentParser) -> None:
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", action="store_true", help="start one more edge")
    action.add_argument("--in", dest="edge", metavar="EDGE", help="empty an edge and end it")


COMMANDS: tuple[_Command, ...] = (
    _Command(
        "run",
        "run a scenario and judge it",
        _run,
        (_scenario_options, _run_options, _workers_option),
    ),
    _Command("list", "list the scenarios", _list, (_list_options,)),
    _Command("report", "render a run's report again", _report, (_directory_option,)),
    _Command("serve", "run the reference server alone", _serve, (_serve_options,)),
    _Command(
        "cutover",
        "move a running system's clients between blue and green",
        _cutover,
        (_cutover_options, _drain_option, _control_option),
    ),
    _Command(
        "scale",
        "add an edge to a running system, or take one out",
        _scale,
        (_scale_options, _drain_option, _control_option),
    ),
    _Command("rolling", "restart its gateways and services in turn", _rolling, (_control_option,)),
    _Command("doctor", "say what can run here, and how to get the rest", _doctor),
    _Command("judge", "repeat a run's verdict, without any server", _judge, (_directory_option,)),
    _Command(
        "conduct",
        "what a plain `locust -f locustfile.py` calls: a run whose load is its parent",
        _conduct_for_locust,
        (_scenario_options, _run_options, _asked_option),
    ),
)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gauntlet",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="all commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.about, description=command.about)
        for add in command.options:
            add(sub)
        sub.set_defaults(call=command.call)
    return parser


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2, which means interrupted here: bad usage is 4."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}\n{self.format_usage().strip()}")


def _rate(text: str) -> Rate:
    return Rate(parse_rate_per_s(text))


def _duration(text: str) -> Duration:
    return Duration(parse_duration_s(text))
