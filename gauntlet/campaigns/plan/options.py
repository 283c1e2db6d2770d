"""The options of `gauntlet plan`."""

import argparse
from pathlib import Path

from gauntlet.campaigns.plan import quantities


def plan_options(parser: argparse.ArgumentParser) -> None:
    """Which records, what demand, how much reserve, and where the plan goes."""
    parser.add_argument(
        "records",
        nargs="*",
        type=Path,
        metavar="RECORD",
        help="a capacity.json of `gauntlet capacity`; several must be of one system",
    )
    parser.add_argument(
        "--from",
        dest="scaling",
        type=Path,
        metavar="CSV",
        help="fit scaling data of your own instead: a CSV file with the columns n,throughput",
    )
    _demand(parser)
    _reserve(parser)
    parser.add_argument("--prices", type=Path, metavar="FILE", help="a price file")
    parser.add_argument(
        "--start",
        type=quantities.date,
        metavar="DATE",
        help="the first day of the plan (default: today)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/plan"),
        help="folder for the results (default: runs/plan)",
    )
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")


def _demand(parser: argparse.ArgumentParser) -> None:
    demand = parser.add_argument_group("demand")
    for name, kind, example, about in (
        ("users", quantities.count, "10M", "users"),
        ("messages-per-user-day", quantities.count, "40", "messages that a user sends in a day"),
        ("peak-factor", quantities.count, "3", "peak ÷ mean of the day"),
        ("online-share", quantities.share, "25%", "users who are connected at the peak"),
        ("deliveries-per-message", quantities.count, "1", "devices online that get a message"),
        ("connects-per-user-day", quantities.count, "10", "connections of a user in a day"),
        ("growth", quantities.growth, "5%/month", "growth of all demand (default: none)"),
    ):
        default = "" if name in ("users", "growth") else f" (default: {example})"
        text = f"{about}{default}".replace("%", "%%")  # argparse formats it
        demand.add_argument(f"--{name}", type=kind, metavar=example, help=text)
    demand.add_argument(
        "--months", type=int, metavar="N", help="months that the nodes must last (default: 12)"
    )
    demand.add_argument(
        "--retention-months",
        type=int,
        metavar="N",
        help="months for which messages are kept (default: all)",
    )


def _reserve(parser: argparse.ArgumentParser) -> None:
    nodes = parser.add_argument_group("nodes and reserve")
    nodes.add_argument(
        "--zones", type=int, metavar="N", help="zones, of which one may be lost (default: 3)"
    )
    for name, kind, example, about in (
        ("utilisation", quantities.share, "60%", "how busy a node may be (default: 60%%)"),
        (
            "utilisation-after-loss",
            quantities.share,
            "80%",
            "how busy a node may be while a zone is lost (default: 80%%)",
        ),
        (
            "core-speed",
            quantities.count,
            "1.0",
            "what a core does, compared with one of the measured machine (default: 1.0)",
        ),
        (
            "node-cores",
            quantities.count,
            "4",
            "cores of a node (default: the measured machine's if Gauntlet booted the system)",
        ),
        (
            "node-memory",
            quantities.size,
            "16GB",
            "memory of a node (default: the measured machine's if Gauntlet booted the system)",
        ),
        (
            "detection",
            quantities.duration_range,
            "5s-15s",
            "after which time clients notice the loss of a zone (default: 5s-15s)",
        ),
        (
            "reroute",
            quantities.duration_range,
            "3s",
            "how long clients are still sent to a lost zone (default: 3s)",
        ),
    ):
        nodes.add_argument(f"--{name}", type=kind, metavar=example, help=about)
