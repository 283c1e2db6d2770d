"""The options of `gauntlet proxy`, which are those of `toxiproxy-server`."""

import argparse
from pathlib import Path

PORT_MAX = 65535


def proxy_options(parser: argparse.ArgumentParser) -> None:
    """Where the fault proxy listens; each option can also be written with one dash.

    So a command line of `toxiproxy-server` can be used again.
    """
    parser.add_argument(
        "--host", "-host", default="localhost", help="host of the API (default: localhost)"
    )
    parser.add_argument(
        "--port",
        "-port",
        type=_port,
        default=8474,
        help="port of the API, 0 for any free one (default: 8474)",
    )
    parser.add_argument(
        "--config",
        "-config",
        type=Path,
        metavar="FILE",
        help="JSON file with the proxies to create at the start, as Toxiproxy reads it",
    )
    parser.add_argument(
        "--seed",
        "-seed",
        type=int,
        default=0,
        help="makes the random decisions of toxicity repeatable (default: 0)",
    )
    for name in ("proxy-metrics", "runtime-metrics"):
        parser.add_argument(
            f"--{name}",
            f"-{name}",
            action="store_true",
            help="accepted as an option of toxiproxy-server; metrics are always served",
        )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not int(text.lstrip("0")[:9] or 0) <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"must be between 0 and {PORT_MAX}; got {text!r}")
    return int(text)
