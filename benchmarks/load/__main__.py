"""`make bench-load`: the load engine compared with its peers, and the accuracy of its numbers.

The echo server runs on one CPU and the generator on another. Absolute numbers of different
machines, or of different hours of a shared one, are not comparable; the ratios within a run are.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.load import (
    connects,
    durable,
    memory,
    message,
    peer_process,
    record,
    round_trip,
    samples,
    stall,
    tls,
)
from benchmarks.load.options import Options
from benchmarks.load.process_tree import can_pin
from benchmarks.peers import PEERS
from benchmarks.progress import print_progress
from benchmarks.table import Row, machine, markdown, plain

ROWS: dict[str, Callable[[Options], list[Row]]] = {
    "round-trip": round_trip.rows,
    "message": message.rows,
    "durable": durable.rows,
    "memory": memory.rows,
    "connects": connects.rows,
    "stall": stall.rows,
    "samples": samples.rows,
    "record": record.rows,
    "tls": tls.rows,
}


def main() -> int:
    """Measure and print; a missed target is not an error."""
    options = Options()
    parser = argparse.ArgumentParser(prog="bench-load", description=__doc__)
    parser.add_argument("--only", action="append", choices=ROWS, metavar="ROW", help=str([*ROWS]))
    parser.add_argument("--seconds", type=float, default=options.seconds, help="length of a window")
    parser.add_argument("--repeats", type=int, default=options.repeats)
    parser.add_argument(
        "--connections",
        type=int,
        action="append",
        help=f"for round-trip; repeat the option for more rows (default: {[*options.connections]})",
    )
    parser.add_argument(
        "--peers", nargs="*", default=[*PEERS], choices=PEERS, metavar="PEER", help=f"{[*PEERS]}"
    )
    parser.add_argument("--stack", choices=("full", "embedded"), default=options.stack)
    parser.add_argument(
        "--alone",
        action="store_true",
        help="run the engine without Locust, as for a profiler",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table for the docs")
    arguments = parser.parse_args()
    options = Options(
        seconds=arguments.seconds,
        repeats=arguments.repeats,
        connections=tuple(arguments.connections or options.connections),
        peers=tuple(arguments.peers),
        run_mode="alone" if arguments.alone else "locust",
        stack=arguments.stack,
    )
    if not can_pin():
        print_progress("server and generator share their CPUs: they cannot be pinned here")
    rows: list[Row] = []
    for name, measure in ROWS.items():
        if name in (arguments.only or ROWS):
            print_progress(name)
            rows += measure(options)
    print((markdown if arguments.markdown else plain)(rows))
    print(f"\n{machine()}")
    if installed := peer_process.installed_peers(options.peers):
        print(f"Peers: {'; '.join(peer.versions() for peer in installed.values())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
