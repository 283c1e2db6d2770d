"""The options of the commands that run the reference server, or act on a running one."""

import argparse
from pathlib import Path

from gauntlet.cli.operating import operate
from gauntlet.core.option_types import duration


def serve_options(parser: argparse.ArgumentParser) -> None:
    """How to run the reference server."""
    parser.add_argument(
        "--stack",
        choices=("embedded", "full"),
        default="embedded",
        help="which components to use (default: embedded)",
    )
    parser.add_argument(
        "--data", type=Path, help="keep data in this folder (default: a temporary folder)"
    )
    parser.add_argument("--config", type=Path, help="server settings, in YAML or JSON")
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak TLS with clients, with a CA that is created for this start",
    )
    parser.add_argument(
        "--layout",
        default="default",
        help="default, split, single, or a YAML file (see docs/howto/operate.md)",
    )


def control_option(parser: argparse.ArgumentParser) -> None:
    """Which running system to act on."""
    parser.add_argument(
        "--control",
        type=Path,
        help=f"the control file that `gauntlet serve` prints (default: ${operate.VARIABLE})",
    )


def drain_option(parser: argparse.ArgumentParser) -> None:
    """How fast clients are moved."""
    parser.add_argument(
        "--drain",
        type=duration,
        default=8.0,
        help="time over which clients are asked to reconnect (default: 8s)",
    )


def cutover_options(parser: argparse.ArgumentParser) -> None:
    """What to do with a cutover."""
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--to", choices=operate.ENVIRONMENTS, help="move every client to this environment"
    )
    action.add_argument(
        "--rollback", action="store_true", help="move every client back to where it was"
    )
    action.add_argument("--status", action="store_true", help="show the state of the system")
    parser.add_argument(
        "--no-canaries",
        dest="canaries",
        action="store_false",
        help="move clients without verifying the new environment first",
    )


def scale_options(parser: argparse.ArgumentParser) -> None:
    """Which way to scale."""
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", action="store_true", help="start one more edge")
    action.add_argument("--in", dest="edge", metavar="EDGE", help="drain an edge and stop it")
