"""The options of `gauntlet extract`."""

import argparse
from pathlib import Path


def extract_options(parser: argparse.ArgumentParser) -> None:
    """Where a trace is written, and what it holds."""
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a .jsonl file (default: standard output)"
    )
    parser.add_argument(
        "--sizes", action="store_true", help="sizes of the messages in place of their texts"
    )
