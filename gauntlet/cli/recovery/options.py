"""The options of `gauntlet recover`."""

import argparse


def recover_options(parser: argparse.ArgumentParser) -> None:
    """How to undo what killed runs left behind."""
    parser.add_argument(
        "--allow-exec",
        action="store_true",
        help="run the heal commands of faults that were not healed",
    )
    parser.add_argument(
        "--discard",
        action="store_true",
        help="forget what cannot be undone, after you have undone it yourself",
    )
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")
