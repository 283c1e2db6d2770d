"""The options of `gauntlet grades`."""

import argparse

from gauntlet.campaigns.options import campaign_files


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
    campaign_files(parser, "grades")
