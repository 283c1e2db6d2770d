"""The command line of the Python peers that are scripts of their own."""

import sys
from typing import NamedTuple

from benchmarks.peers import PAYLOAD_BYTES

PAYLOAD = "x" * PAYLOAD_BYTES


class Arguments(NamedTuple):
    """As `benchmarks.peers.Case` has them."""

    url: str
    connections: int
    pace_s: float
    seconds: float


def read() -> Arguments:
    """Those that this process was given."""
    url, connections, pace_s, seconds = sys.argv[1:]
    return Arguments(url, int(connections), float(pace_s), float(seconds))
