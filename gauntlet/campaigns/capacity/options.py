"""The options of `gauntlet capacity`."""

import argparse
from pathlib import Path
from typing import get_args

from gauntlet.campaigns.capacity.record import During

_DURING: tuple[str, ...] = get_args(During)


def capacity_options(parser: argparse.ArgumentParser) -> None:
    """Which scenario, what to search, how finely, and where the results go."""
    parser.add_argument(
        "scenario",
        metavar="NAME|FILE",
        help="a scenario without faults, of the library or a file; its load is varied",
    )
    parser.add_argument(
        "--search",
        choices=("rate", "connections", "both", "none"),
        default="rate",
        help="find the highest rate, the highest number of connections, both, or only measure "
        "unit costs (default: rate)",
    )
    parser.add_argument(
        "--during",
        action="append",
        choices=_DURING,
        metavar="WHEN",
        help=f"when the objectives must hold: {', '.join(_DURING)}; may be repeated "
        "(default: steady)",
    )
    _search_options(parser)
    _system_options(parser)
    parser.add_argument(
        "--records",
        type=Path,
        metavar="FILE",
        help="append every trial to this file, and continue from those that it has "
        "(default: records.jsonl in the directory of the campaign)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/capacity"),
        help="folder for the results (default: runs/capacity)",
    )


def _search_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--start", type=float, metavar="PER_S", help="first rate (default: that of the scenario)"
    )
    parser.add_argument("--max", type=float, metavar="PER_S", help="highest rate to try")
    parser.add_argument(
        "--resolution",
        default="10%",
        metavar="PERCENT",
        help="how close the two bounds must get (default: 10%%)",
    )
    parser.add_argument(
        "--repeats", type=int, default=3, metavar="N", help="trials at both bounds (default: 3)"
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=40,
        metavar="N",
        help="how many trials one search may have (default: 40)",
    )
    parser.add_argument(
        "--no-unit-costs",
        action="store_true",
        help="do not run the levels from which unit costs are estimated",
    )
    parser.add_argument(
        "--victim",
        default="edge",
        metavar="ROLE|COMPONENT",
        help="what is killed with --during n-1, such as edge or gateway (default: edge)",
    )
    parser.add_argument(
        "--storm-percent",
        type=float,
        default=100.0,
        metavar="PERCENT",
        help="connections that are cut with --during reconnect-storm (default: 100)",
    )


def _system_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the scenario, such as load.steady=10s; may be repeated",
    )
    parser.add_argument(
        "--sla",
        type=Path,
        metavar="FILE",
        help="further objectives, which replace those of the scenario with the same id",
    )
    parser.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="which metrics of a running system show what its components use",
    )
    parser.add_argument(
        "--label",
        dest="labels",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="label the system under test, such as version=1.4; may be repeated",
    )
    parser.add_argument(
        "--bug", metavar="NAME|FILE.py", help="run with a seeded bug of the reference server"
    )
    parser.add_argument("--allow-exec", action="store_true", help="run commands of the scenario")
