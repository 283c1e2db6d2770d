"""The command line of the Python peers that are separate scripts."""

import sys
from typing import NamedTuple

from benchmarks.peers import PAYLOAD_BYTES

PAYLOAD = "x" * PAYLOAD_BYTES


class Arguments(NamedTuple):
    """The parameters of a load, as in `benchmarks.peers.Case`."""

    url: str
    connections: int
    pace_s: float
    seconds: float


def parse() -> Arguments:
    """Return the arguments of this process."""
    url, connections, pace_s, seconds = sys.argv[1:]
    return Arguments(url, int(connections), float(pace_s), float(seconds))
