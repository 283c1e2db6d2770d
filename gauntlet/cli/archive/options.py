"""The options of `gauntlet runs`."""

import argparse
from pathlib import Path
from typing import Any

from gauntlet.cli.directories.options import directory_option


def runs_options(parser: argparse.ArgumentParser) -> None:
    """What to do with the runs of a folder."""
    parser.set_defaults(action="list")
    _which_runs(parser, folder=Path("runs"), labelled=[])
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", help="what to do (default: list the runs)"
    )
    about = "add labels to a run, or change or remove them"
    action = actions.add_parser("label", help=about, description=about)
    action.set_defaults(action="label")
    directory_option(action)
    action.add_argument(
        "labels",
        nargs="+",
        metavar="KEY=VALUE",
        help="such as version=2.3; KEY= removes a label, and a run labelled baseline=… is never "
        "pruned",
    )
    about = "remove old runs"
    action = actions.add_parser("prune", help=about, description=about)
    action.set_defaults(action="prune")
    # Without defaults, which would replace what stands before `prune`.
    _which_runs(action, folder=argparse.SUPPRESS, labelled=argparse.SUPPRESS)
    action.add_argument(
        "--keep",
        type=_kept_runs,
        required=True,
        metavar="N",
        help="how many of the newest runs of each scenario to keep",
    )
    action.add_argument("--scenario", metavar="NAME", help="only the runs of this scenario")
    action.add_argument("--dry-run", action="store_true", help="print what would be removed")
    action.add_argument("--yes", action="store_true", help="remove them without asking")


def _which_runs(parser: argparse.ArgumentParser, folder: Any, labelled: Any) -> None:
    parser.add_argument(
        "--out", type=Path, default=folder, help="the folder of the runs (default: runs)"
    )
    parser.add_argument(
        "--label",
        dest="labelled",
        action="append",
        default=labelled,
        metavar="KEY=VALUE",
        help="only runs with this label, or without it (KEY=); may be repeated",
    )


def _kept_runs(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be a number of runs; got {text!r}")
    return int(text)
