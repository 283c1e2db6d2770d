"""The options of `gauntlet storm`."""

import argparse
from pathlib import Path
from typing import get_args

from gauntlet.core.scenario.model import Stack


def storm_options(parser: argparse.ArgumentParser) -> None:
    """Which storms to run, on what, and how far to shrink those that fail."""
    parser.add_argument(
        "scenario",
        nargs="?",
        default="storm",
        help="a scenario that gives target and load; its own faults are left out (default: storm)",
    )
    parser.add_argument("--stack", choices=get_args(Stack), help="override target.stack")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first storm (default: 1)")
    parser.add_argument(
        "--count",
        type=int,
        default=1,
        metavar="N",
        help="how many storms to run, with consecutive seeds (default: 1)",
    )
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="length of the load in minutes (default: 1)"
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
        help="how many runs may be used to shrink a failing storm (default: 12)",
    )
    parser.add_argument("--list", action="store_true", help="print the faults, and run nothing")
    parser.add_argument(
        "--records",
        type=Path,
        metavar="FILE",
        help="append outcomes to this file, and do not repeat a storm that has a verdict there",
    )
    parser.add_argument(
        "--again", action="store_true", help="repeat storms that have a verdict in --records"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/storm"),
        help="folder for run directories (default: runs/storm)",
    )
