"""The options of `gauntlet scorecard`."""

import argparse
from pathlib import Path

from gauntlet.campaigns.options import campaign_files


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
    parser.add_argument("--seeds", type=int, help="seeds per subject (default: 10 or 20)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (default: 2)")
    parser.add_argument(
        "--bugs",
        type=Path,
        default=Path("benchmarks/bugs"),
        metavar="FOLDER",
        help="a folder with files of further bugs (default: benchmarks/bugs)",
    )
    campaign_files(parser, "scorecard")
