"""The options of `gauntlet grades`, and those that it shares with other campaigns."""

import argparse
from pathlib import Path


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


def campaign_files(parser: argparse.ArgumentParser, name: str) -> None:
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
