"""The arguments of every command: what can be typed, and how a wrong value is reported."""

import argparse
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, get_args

import shtab

from gauntlet.chaos.faults.targets import ProxyMode
from gauntlet.chaos.proxy_process import Backend
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.cli import failure_table, operate
from gauntlet.core import labels
from gauntlet.core.clock import parse_duration_s, parse_rate_per_s
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.capabilities import OUT_OF_TREE
from gauntlet.core.scenario.catalog import ADAPTER_STACKS
from gauntlet.core.scenario.model import Duration, Rate, Stack

DESCRIPTION = """\
Put an instant-messaging system under load, inject faults, and prove whether messages
were lost, undelivered, reordered, duplicated, misdelivered or late.

start here:
  gauntlet run tour            load and eight faults on one timeline, on a server of our own
  gauntlet list                list the scenarios of the library
  gauntlet report DIR          render the report of a run again
  gauntlet serve               run the reference server alone, until Ctrl-C
  gauntlet doctor              show what can run on this machine, and how to install the rest
"""

EXIT_CODES = """\
exit codes: 0 pass · 1 a required check or objective failed · 2 interrupted · 3 harness error
            4 bad configuration or usage · 5 inconclusive · 6 a fault could not be healed
"""


class Command(NamedTuple):
    """One subcommand: what `--help` says of it, what it calls, and which options it has.

    A `hidden` command is not listed by `--help`: other programs call it, not people.
    """

    name: str
    about: str
    call: Callable[[argparse.Namespace], int]
    options: tuple[Callable[[argparse.ArgumentParser], None], ...] = ()
    hidden: bool = False


def build_parser(commands: tuple[Command, ...]) -> argparse.ArgumentParser:
    """The parser of the whole command line; `options.call` is the chosen command's function."""
    parser = _Parser(
        prog="gauntlet",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"gauntlet {metadata.version('im-gauntlet')}"
    parser.add_argument("--version", action="version", version=version)
    shtab.add_argument_to(
        parser, "--print-completion", help="print a completion script for this shell, and exit"
    )
    subparsers = parser.add_subparsers(title="all commands", metavar="COMMAND", required=True)
    for command in commands:
        if command.hidden:  # without `help`, argparse does not list a subcommand
            subparser = subparsers.add_parser(command.name, description=command.about)
        else:
            subparser = subparsers.add_parser(
                command.name, help=command.about, description=command.about
            )
        for add_options in command.options:
            add_options(subparser)
        subparser.set_defaults(call=command.call)
    return parser


class _Parser(argparse.ArgumentParser):
    """Reports bad usage as a ConfigError: argparse would exit with 2, which means interrupted here.

    Abbreviated options are refused: `--stead` would change its meaning when an option is added.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        # argparse writes `argument --rate: must be …`.
        sentence = message.removeprefix("argument ").replace(": must be", " must be", 1)
        raise ConfigError(f"{sentence}\nsee `{self.prog} --help`")


def scenario_options(parser: argparse.ArgumentParser) -> None:
    """Which scenario, and what of it the command line overrides."""
    parser.add_argument(
        "scenario", help="a name from `gauntlet list`, or the path of a scenario file"
    )
    parser.add_argument("--stack", choices=get_args(Stack), help="override target.stack")
    parser.add_argument(
        "--adapter",
        help=f"override target.adapter: {', '.join(ADAPTER_STACKS)}, or your own as {OUT_OF_TREE}",
    )
    parser.add_argument("--seed", type=int, help="override seed")
    parser.add_argument("--users", type=int, help="override load.users")
    parser.add_argument("--rate", type=_rate, help="override load.rate, such as 300/s")
    parser.add_argument(
        "--arrivals", choices=("constant", "poisson"), help="override load.arrivals"
    )
    parser.add_argument("--ramp", type=_duration, help="override load.ramp, such as 5s")
    parser.add_argument("--steady", type=_duration, help="override load.steady, such as 40s")
    parser.add_argument(
        "--bug",
        metavar="NAME|FILE.py",
        help=f"run the server with a seeded bug: {', '.join(BUGS)}, or one of your own in a file",
    )


def run_options(parser: argparse.ArgumentParser) -> None:
    """How to run it."""
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder for run directories (default: runs)"
    )
    parser.add_argument(
        "--proxy",
        choices=get_args(ProxyMode),
        default="needed",
        help="which links go through the fault proxy (default: those that faults need)",
    )
    parser.add_argument(
        "--proxy-backend",
        choices=get_args(Backend),
        default="auto",
        help="default: toxiproxy-server if it is installed and can do what the faults need, else "
        "the embedded proxy",
    )
    parser.add_argument(
        "--allow-exec",
        action="store_true",
        help="let the scenario run commands, such as those that print a secret",
    )
    parser.add_argument(
        "--trace",
        type=_traced_users,
        default=0,
        metavar="N",
        help="write what the first N users of each worker exchange with the server to "
        "logs/trace-<worker>.jsonl",
    )
    parser.add_argument(
        "--label",
        dest="labels",
        type=_label,
        action=_Labels,
        default={},
        metavar="KEY=VALUE",
        help="describe the system under test, such as version=2.3; may be repeated",
    )
    parser.add_argument("--plain", action="store_true", help="print lines instead of a live panel")


def own_load_options(parser: argparse.ArgumentParser) -> None:
    """Options of a run that starts Locust itself."""
    parser.add_argument(
        "--workers", type=int, default=1, help="number of load processes (default: 1)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the scenario, print it as it would run (YAML), and start nothing",
    )


def original_command_option(parser: argparse.ArgumentParser) -> None:
    """For a run that Locust started: the command line that people typed."""
    parser.add_argument(
        "--asked",
        nargs=argparse.REMAINDER,
        default=[],
        help="must come last: the command that a person would type to repeat this run",
    )


def list_options(parser: argparse.ArgumentParser) -> None:
    """What to list."""
    parser.add_argument(
        "--failure-table",
        action="store_true",
        help="list what may fail, what must happen then, and the scenarios that show it",
    )
    parser.add_argument("--names", action="store_true", help="print only the scenarios' names")
    parser.add_argument(
        "--stack", choices=failure_table.BOTH, help="only the rows that apply to this stack"
    )
    parser.add_argument("--show", metavar="NAME", help="print a scenario of the library as YAML")


def directory_option(parser: argparse.ArgumentParser) -> None:
    """An existing run directory."""
    parser.add_argument("directory", type=Path, help="a run directory, such as runs/2026…")


def compare_options(parser: argparse.ArgumentParser) -> None:
    """Which runs to compare, and how to show what differs."""
    parser.add_argument(
        "directories",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="run directories; each is compared with the first",
    )
    parser.add_argument("--all", action="store_true", help="print every figure and setting")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def runs_options(parser: argparse.ArgumentParser) -> None:
    """What to do with the runs of a folder."""
    parser.set_defaults(action="list")
    _runs_folder(parser, default=Path("runs"))
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", help="what to do (default: list the runs)"
    )
    about = "add labels to a run, or change or remove them"
    action = actions.add_parser("label", help=about, description=about)
    action.set_defaults(action="label")
    directory_option(action)
    action.add_argument(
        "labels",
        nargs="+",
        metavar="KEY=VALUE",
        help="such as version=2.3; KEY= removes a label, and a run labelled baseline=… is never "
        "pruned",
    )
    about = "remove old runs"
    action = actions.add_parser("prune", help=about, description=about)
    action.set_defaults(action="prune")
    # Without a default, which would replace what stands before `prune`.
    _runs_folder(action, default=argparse.SUPPRESS)
    action.add_argument(
        "--keep",
        type=_kept_runs,
        required=True,
        metavar="N",
        help="how many of the newest runs of each scenario to keep",
    )
    action.add_argument("--scenario", metavar="NAME", help="only the runs of this scenario")
    action.add_argument("--dry-run", action="store_true", help="print what would be removed")
    action.add_argument("--yes", action="store_true", help="remove them without asking")


def _runs_folder(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        "--out", type=Path, default=default, help="the folder of the runs (default: runs)"
    )


def clean_options(parser: argparse.ArgumentParser) -> None:
    """How to remove what a run has created."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be removed, and connect to nothing"
    )
    parser.add_argument(
        "--scenario",
        type=Path,
        metavar="FILE",
        help="the scenario file of the run, for secrets that are literal values there",
    )
    parser.add_argument(
        "--allow-exec", action="store_true", help="run the commands that print the run's secrets"
    )
    parser.add_argument(
        "--timeout",
        type=_duration,
        default=300.0,
        help="time after which what is left counts as failed (default: 5m)",
    )
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")


def recover_options(parser: argparse.ArgumentParser) -> None:
    """How to undo what killed runs left behind."""
    parser.add_argument(
        "--allow-exec",
        action="store_true",
        help="run the heal commands of faults that were not healed",
    )
    parser.add_argument(
        "--discard",
        action="store_true",
        help="forget what cannot be undone, after you have undone it yourself",
    )
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")


def extract_options(parser: argparse.ArgumentParser) -> None:
    """Where a trace is written, and what it holds."""
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a .jsonl file (default: standard output)"
    )
    parser.add_argument(
        "--sizes", action="store_true", help="sizes of the messages in place of their texts"
    )


def judge_options(parser: argparse.ArgumentParser) -> None:
    """Which run or history to judge, and where to write a report on the latter."""
    parser.add_argument(
        "directory", type=Path, nargs="?", help="a run directory, such as runs/2026…"
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="judge a history in JSON lines, which any system can have recorded; - is standard "
        "input, and gzip is recognised (see docs/reference/histories.md)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="with --from: folder for run directories (default: runs)",
    )


def export_options(parser: argparse.ArgumentParser) -> None:
    """Where to write the lines."""
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="the file to write (default: standard output)"
    )


def mark_options(parser: argparse.ArgumentParser) -> None:
    """Which fault, and when it began or ended."""
    parser.add_argument("id", nargs="?", help="the id of the fault, such as switch-reboot")
    parser.add_argument("step", nargs="?", choices=("begin", "end"), help="what happened")
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="when it happened: 12.5s on the timeline of the run, or a time of day such as "
        "2026-11-28T19:05:01Z (default: now)",
    )
    parser.add_argument(
        "--times",
        type=Path,
        metavar="FILE",
        help="a CSV file with the columns id, begin and end, with times as for --at",
    )


def explain_options(parser: argparse.ArgumentParser) -> None:
    """Which message, and how to print its life."""
    parser.add_argument(
        "message",
        nargs="+",
        metavar="MESSAGE",
        help="the message as reports name it: message 7 of u0-1 in d.u0-1.u0-2, or a place such as "
        "position 12 of d.u0-1.u0-2",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def grades_options(parser: argparse.ArgumentParser) -> None:
    """Which cells to run, and where their records and the page are."""
    parser.add_argument(
        "cells",
        nargs="*",
        metavar="CELL",
        help="SYSTEM, SYSTEM/CONFIGURATION or SYSTEM/CONFIGURATION/EXPERIMENT (default: all)",
    )
    parser.add_argument("--list", action="store_true", help="list the cells with their verdicts")
    parser.add_argument("--show", metavar="CELL", help="print the scenario of a cell as YAML")
    parser.add_argument(
        "--render", action="store_true", help="write the page from the records, and run nothing"
    )
    parser.add_argument(
        "--again", action="store_true", help="also run cells that have a verdict already"
    )
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (default: 2)")
    _campaign_files(parser, "grades")


def scorecard_options(parser: argparse.ArgumentParser) -> None:
    """What to try, and where the records and the page are."""
    parser.add_argument(
        "subjects",
        nargs="*",
        metavar="SUBJECT",
        help="anomalies, correct, bugs, clean, or PART/NAME (default: all)",
    )
    parser.add_argument("--list", action="store_true", help="list the subjects with their records")
    parser.add_argument("--show", metavar="SUBJECT", help="print the scenario of a live subject")
    parser.add_argument(
        "--render", action="store_true", help="write the page from the records, and run nothing"
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="one seed of every history and of a few live runs, in at most 3 minutes",
    )
    parser.add_argument("--seeds", type=int, help="seeds of each subject (default: 10 or 20)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (default: 2)")
    parser.add_argument(
        "--bugs",
        type=Path,
        default=Path("benchmarks/bugs"),
        metavar="FOLDER",
        help="a folder with files of further bugs (default: benchmarks/bugs)",
    )
    _campaign_files(parser, "scorecard")


def storm_options(parser: argparse.ArgumentParser) -> None:
    """Which storms to run, on what, and how far to shrink those that fail."""
    parser.add_argument(
        "scenario",
        nargs="?",
        default="storm",
        help="a scenario for target and load, whose own faults are left out (default: storm)",
    )
    parser.add_argument("--stack", choices=get_args(Stack), help="override target.stack")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first storm (default: 1)")
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help="storms with N consecutive seeds"
    )
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="length of the load (default: 1)"
    )
    parser.add_argument("--bug", metavar="NAME|FILE.py", help="run the server with a seeded bug")
    parser.add_argument(
        "--allow-exec", action="store_true", help="run the commands that print the secrets"
    )
    parser.add_argument(
        "--only",
        metavar="IDS",
        help="only these faults of the storm, separated by commas, or `none`",
    )
    parser.add_argument(
        "--attempts",
        type=int,
        default=12,
        metavar="N",
        help="runs in which a storm that fails may be shrunk; 0 is not at all (default: 12)",
    )
    parser.add_argument("--list", action="store_true", help="print the faults, and run nothing")
    parser.add_argument(
        "--records", type=Path, metavar="FILE", help="append the outcome of each storm to this file"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/storm"),
        help="folder for run directories (default: runs/storm)",
    )


def _campaign_files(parser: argparse.ArgumentParser, name: str) -> None:
    """Where a campaign keeps its records, its page and its run directories."""
    records, page, out = f"benchmarks/records/{name}.jsonl", f"docs/{name}.md", f"runs/{name}"
    parser.add_argument(
        "--records",
        type=Path,
        default=Path(records),
        metavar="FILE",
        help=f"where finished runs are recorded (default: {records})",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=Path(page),
        metavar="FILE",
        help=f"the page that --render writes (default: {page})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        help=f"folder for run directories (default: {out})",
    )


def serve_options(parser: argparse.ArgumentParser) -> None:
    """How to run the reference server."""
    parser.add_argument(
        "--stack",
        choices=("embedded", "full"),
        default="embedded",
        help="which components to use (default: embedded)",
    )
    parser.add_argument(
        "--data", type=Path, help="keep data in this folder (default: a temporary folder)"
    )
    parser.add_argument("--config", type=Path, help="server settings, in YAML or JSON")
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak TLS with clients, with a CA that is created for this start",
    )
    parser.add_argument(
        "--layout",
        default="default",
        help="default, split, single, or a YAML file (see docs/howto/operate.md)",
    )


def control_option(parser: argparse.ArgumentParser) -> None:
    """Which running system to act on."""
    parser.add_argument(
        "--control",
        type=Path,
        help=f"the control file that `gauntlet serve` prints (default: ${operate.VARIABLE})",
    )


def drain_option(parser: argparse.ArgumentParser) -> None:
    """How fast clients are moved."""
    parser.add_argument(
        "--drain",
        type=_duration,
        default=8.0,
        help="time over which clients are asked to reconnect (default: 8s)",
    )


def cutover_options(parser: argparse.ArgumentParser) -> None:
    """What to do with a cutover."""
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--to", choices=operate.ENVIRONMENTS, help="move every client to this environment"
    )
    action.add_argument(
        "--rollback", action="store_true", help="move every client back to where it was"
    )
    action.add_argument("--status", action="store_true", help="show the state of the system")
    parser.add_argument(
        "--no-canaries",
        dest="canaries",
        action="store_false",
        help="move clients without verifying the new environment first",
    )


def scale_options(parser: argparse.ArgumentParser) -> None:
    """Which way to scale."""
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", action="store_true", help="start one more edge")
    action.add_argument("--in", dest="edge", metavar="EDGE", help="drain an edge and stop it")


def adapter_options(parser: argparse.ArgumentParser) -> None:
    """What to do for an author of an adapter."""
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", required=True, help="what to do"
    )
    about = "try every capability of an adapter on a live server"
    action = actions.add_parser("check", help=about, description=about)
    action.set_defaults(action="check")
    _check_options(action)
    about = "write the files of a new adapter"
    action = actions.add_parser("new", help=about, description=about)
    action.set_defaults(action="new")
    _new_options(action)


def _new_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the name of the adapter's module, such as acme_chat")
    parser.add_argument(
        "--frames", choices=("text", "binary"), default="text", help="what frames are (text)"
    )
    parser.add_argument("--http", action="store_true", help="sends and history go over HTTP")
    parser.add_argument("--numbered", action="store_true", help="the server numbers entries")
    parser.add_argument("--history", action="store_true", help="the server keeps a history")
    parser.add_argument(
        "--unacknowledged",
        dest="acknowledged",
        action="store_false",
        help="the protocol has no acknowledgement of a message",
    )
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for the files (.)")


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "adapter", help=f"one of: {', '.join(ADAPTER_STACKS)}, or your own as {OUT_OF_TREE}"
    )
    parser.add_argument(
        "--url", action="append", required=True, help="an address of the server; may be repeated"
    )
    parser.add_argument(
        "--accounts",
        type=Path,
        help="who logs in: a CSV file with a heading, or a .jsonl file, with the columns name, "
        "password, token and others (default: names of our own)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the adapter, as in target.server; may be repeated",
    )
    parser.add_argument(
        "--users", type=_users_of_check, default=2, help="how many users take part (default: 2)"
    )
    parser.add_argument("--transport", help="which of the adapter's transports to use")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host that is not on loopback and may be connected to; may be repeated",
    )
    parser.add_argument("--ca", help="PEM file with the certificates to trust")
    parser.add_argument(
        "--insecure", action="store_true", help="accept any certificate of the server"
    )
    parser.add_argument(
        "--timeout",
        type=_duration,
        default=90.0,
        help="what was not tried until then is unknown (default: 90s)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _users_of_check(text: str) -> int:
    least, most = 2, 20
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be between {least} and {most}; got {text!r}")
    return int(text)


def _traced_users(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number of users; got {text!r}")
    return int(text)


def _kept_runs(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be a number of runs; got {text!r}")
    return int(text)


def _label(text: str) -> labels.Labels:
    try:
        return labels.parse([text])
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class _Labels(argparse.Action):
    """Collects the labels of several options in one mapping."""

    def __call__(self, _parser: Any, options: Any, values: Any, _option: Any = None) -> None:
        setattr(options, self.dest, {**getattr(options, self.dest), **values})


def _rate(text: str) -> Rate:
    try:
        return Rate(parse_rate_per_s(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _duration(text: str) -> Duration:
    try:
        return Duration(parse_duration_s(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
