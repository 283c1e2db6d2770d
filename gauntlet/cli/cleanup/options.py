"""The options of `gauntlet clean`."""

import argparse
from pathlib import Path

from gauntlet.core.option_types import duration


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
        type=duration,
        default=300.0,
        help="time after which what is left counts as failed (default: 5m)",
    )
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")
