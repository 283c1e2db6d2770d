"""The options of `gauntlet list`."""

import argparse

from gauntlet.cli.listing import failure_table


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
