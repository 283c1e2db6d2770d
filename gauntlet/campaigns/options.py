"""The options that campaigns share."""

import argparse
from pathlib import Path


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
