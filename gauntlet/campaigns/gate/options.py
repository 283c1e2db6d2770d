"""The options of `gauntlet gate`."""

import argparse
from pathlib import Path


def gate_options(parser: argparse.ArgumentParser) -> None:
    """Which suite, what of it the command line changes, and where the results go."""
    parser.add_argument(
        "suite", type=Path, metavar="SUITE", help="a suite file (see docs/howto/gate.md)"
    )
    parser.add_argument(
        "--sla",
        type=Path,
        metavar="FILE",
        help="a file with further objectives, which replace those of the suite with the same id",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of every scenario, such as load.users=50; may be repeated",
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="override repeat of the suite")
    parser.add_argument("--pairs", type=int, metavar="N", help="override compare.pairs")
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="run pairs of equal versions (--pairs, default 10), and say which changes a gate can "
        "find on this machine",
    )
    parser.add_argument(
        "--bug",
        metavar="NAME|FILE.py",
        help="run the candidate with a seeded bug, to see the gate fail",
    )
    parser.add_argument("--allow-exec", action="store_true", help="let the scenarios run commands")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/gate"),
        help="folder for the results (default: runs/gate)",
    )
