"""The options of the commands that work on one run directory."""

import argparse
from pathlib import Path


def directory_option(parser: argparse.ArgumentParser) -> None:
    """An existing run directory."""
    parser.add_argument("directory", type=Path, help="a run directory, such as runs/2026…")


def judge_options(parser: argparse.ArgumentParser) -> None:
    """Which run or history to judge, and where to write a report on the latter."""
    parser.add_argument(
        "directory", type=Path, nargs="?", help="a run directory, such as runs/2026…"
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="judge a history of any system, in JSON Lines; - is standard "
        "input, and gzip is recognised (see docs/reference/histories.md)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="with --from: folder for run directories (default: runs)",
    )


def export_options(parser: argparse.ArgumentParser) -> None:
    """What to write, and where."""
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="the file to write (default: standard output)"
    )
    parser.add_argument(
        "--format",
        choices=("jsonl", "parquet"),
        default="jsonl",
        help="jsonl: a history that judge --from reads; parquet: a table with a row for each "
        "record, for which --to is required (default: jsonl)",
    )


def mark_options(parser: argparse.ArgumentParser) -> None:
    """Which fault, and when it began or ended."""
    parser.add_argument("id", nargs="?", help="the id of the fault, such as switch-reboot")
    parser.add_argument("step", nargs="?", choices=("begin", "end"), help="what happened")
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="when it happened: 12.5s on the timeline of the run, or a time of day such as "
        "2026-11-28T19:05:01Z (default: now)",
    )
    parser.add_argument(
        "--times",
        type=Path,
        metavar="FILE",
        help="a CSV file with the columns id, begin and end, with times as for --at",
    )


def explain_options(parser: argparse.ArgumentParser) -> None:
    """Which message, and how to print its life."""
    parser.add_argument(
        "message",
        nargs="+",
        metavar="MESSAGE",
        help="the message as reports name it: message 7 of u0-1 in d.u0-1.u0-2, or a place such as "
        "position 12 of d.u0-1.u0-2",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
