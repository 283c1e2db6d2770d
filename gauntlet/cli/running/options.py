"""The options of `gauntlet run` and `gauntlet conduct`."""

import argparse
from pathlib import Path
from typing import Any, get_args

from gauntlet.chaos.faults.targets import ProxyMode
from gauntlet.chaos.proxy_process import Backend
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.core import labels
from gauntlet.core.errors import ConfigError
from gauntlet.core.option_types import duration, port, rate
from gauntlet.core.scenario.capabilities import OUT_OF_TREE
from gauntlet.core.scenario.catalog import ADAPTER_STACKS
from gauntlet.core.scenario.model import Stack


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
    parser.add_argument("--rate", type=rate, help="override load.rate, such as 300/s")
    parser.add_argument(
        "--arrivals", choices=("constant", "poisson"), help="override load.arrivals"
    )
    parser.add_argument("--ramp", type=duration, help="override load.ramp, such as 5s")
    parser.add_argument("--steady", type=duration, help="override load.steady, such as 40s")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change any value of the scenario, such as load.bodies.kind=fixed; may be repeated",
    )
    parser.add_argument(
        "--sla",
        type=Path,
        metavar="FILE",
        help="a file with further objectives, which replace those with the same id",
    )
    parser.add_argument(
        "--bug",
        metavar="NAME|FILE.py",
        help=f"run the server with a seeded bug: {', '.join(BUGS)}, or one of your own in a file",
    )
    parser.add_argument(
        "--server-python",
        metavar="PATH",
        help="boot the reference server of another installation, whose Python is PATH, such as "
        "old/bin/python",
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
        help="which proxy (default: toxiproxy-server if it is installed and suffices, otherwise "
        "the embedded one)",
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
    parser.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="a file that says which exported metrics of the system to sample for the report",
    )
    parser.add_argument("--plain", action="store_true", help="print lines instead of a live panel")


def export_options(parser: argparse.ArgumentParser) -> None:
    """Where the live figures can be read."""
    parser.add_argument(
        "--metrics-port",
        type=port,
        metavar="N",
        help="serve the live figures for Prometheus on this port, at /metrics; 0 is any free port",
    )
    parser.add_argument(
        "--metrics-host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address that --metrics-port listens on (default: 127.0.0.1)",
    )


def own_load_options(parser: argparse.ArgumentParser) -> None:
    """Options of a run that starts Locust itself."""
    parser.add_argument(
        "--workers", type=int, default=1, help="number of load processes (default: 1)"
    )
    parser.add_argument(
        "--otlp",
        metavar="URL",
        help="send the live figures to this OpenTelemetry collector once a second, over HTTP",
    )
    parser.add_argument(
        "--otlp-header",
        dest="otlp_headers",
        action="append",
        default=[],
        metavar="NAME=REFERENCE",
        help="a header for --otlp whose value is a secret, such as "
        "'Authorization={env: OTLP_TOKEN}'; may be repeated",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the scenario, print it as it would run (YAML), and start nothing",
    )


def original_command_option(parser: argparse.ArgumentParser) -> None:
    """For a run that Locust started: the command line that was typed."""
    parser.add_argument(
        "--asked",
        nargs=argparse.REMAINDER,
        default=[],
        help="must come last: the command that repeats this run",
    )


def _traced_users(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number of users; got {text!r}")
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
