"""The options of `gauntlet compare`."""

import argparse
from pathlib import Path


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
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="also write a page with the figures and the overlaid timelines",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
