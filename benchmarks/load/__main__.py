"""`make bench-load`: the load engine compared with its peers, and the accuracy of its numbers.

The echo server runs on one CPU and the generator on another. Absolute numbers of different
machines, or of different hours of a shared one, are not comparable; the ratios within a round are.

Every round is recorded. What the records have of the same code on the same machine, with the same
options, is not measured again: the same command continues a benchmark that was interrupted, or that
`--minutes` has ended. `--render` measures nothing, and prints what was measured last.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.load import (
    connects,
    durable,
    highest,
    memory,
    message,
    peer_process,
    record,
    records,
    round_trip,
    samples,
    stall,
    tls,
)
from benchmarks.load.options import Options
from benchmarks.load.process_tree import can_pin
from benchmarks.load.records import Book, OutOfTime, Record
from benchmarks.peers import PEERS
from benchmarks.progress import print_progress
from benchmarks.table import Row, machine, markdown, plain

OTHERS: dict[str, Callable[[Options], list[Row]]] = {
    "highest": highest.rows,
    "message": message.rows,
    "durable": durable.rows,
    "memory": memory.rows,
    "connects": connects.rows,
    "stall": stall.rows,
    "samples": samples.rows,
    "record": record.rows,
    "tls": tls.rows,
}
ROWS = ("round-trip", *OTHERS)
INCOMPLETE = 3  # the exit code if the time was over before everything was measured
PICTURE = records.ROOT / "docs" / "images" / "cpu-over-rate.svg"


def measure(options: Options, names: Sequence[str], book: Book) -> bool:
    """Measure what the book does not have; return whether there was time for everything."""
    try:
        for name in names:
            print_progress(name)
            if name == "round-trip":
                round_trip.measure(options, book)
            elif not book.has_rows(name):
                book.require_time()
                book.add_rows(name, OTHERS[name](options))
    except OutOfTime:
        print_progress("the time is over; the same command continues")
        return False
    return True


def table(options: Options, found: Sequence[Record]) -> list[Row]:
    """Return the rows of these records, in the order of the documentation."""
    others = {each.row: each.rows for each in found if each.row != "round-trip"}
    return [
        *round_trip.rows(options, found),
        *(row for name in OTHERS for row in others.get(name, ())),
    ]


def render(found: Sequence[Record], picture: Path) -> None:
    """Draw the picture, if there are windows for one."""
    from benchmarks.load.picture import draw  # slow to import, and not needed to measure

    if any(each.windows for each in found):
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(draw(found), encoding="utf-8")
        print_progress(f"written: {picture}")


def main() -> int:
    """Measure, or render; a missed target is not an error."""
    arguments = _parser().parse_args()
    options = Options(
        seconds=arguments.seconds,
        repeats=arguments.repeats,
        connections=tuple(arguments.connections or Options().connections),
        peers=tuple(arguments.peers),
        run_mode="alone" if arguments.alone else "locust",
        stack=arguments.stack,
    )
    complete = True
    if arguments.render:
        if not (found := records.read(arguments.records)):
            print_progress(f"{arguments.records} has no records")
            return INCOMPLETE
        found = records.latest(found)
        render(found, arguments.picture)
    else:
        if not can_pin():
            print_progress("server and generator share their CPUs: they cannot be pinned here")
        ends_s = time.monotonic() + 60 * arguments.minutes
        book = Book(arguments.records, records.subject(options), ends_s)
        complete = measure(options, arguments.only or ROWS, book)
        found = book.records
    print((markdown if arguments.markdown else plain)(table(options, found)))
    print(f"\n{found[-1].machine if found else machine()}")
    if installed := peer_process.installed_peers(options.peers):
        print(f"Peers: {'; '.join(peer.versions() for peer in installed.values())}")
    return 0 if complete else INCOMPLETE


def _parser() -> argparse.ArgumentParser:
    options = Options()
    parser = argparse.ArgumentParser(prog="bench-load", description=__doc__)
    parser.add_argument("--only", action="append", choices=ROWS, metavar="ROW", help=str([*ROWS]))
    parser.add_argument("--seconds", type=float, default=options.seconds, help="length of a window")
    parser.add_argument("--repeats", type=int, default=options.repeats, help="rounds of each cell")
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="begin nothing more after this time; the same command continues (exit code 3)",
    )
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
    parser.add_argument("--records", type=Path, default=records.FILE, help="file of the records")
    parser.add_argument("--render", action="store_true", help="table and picture of the records")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="file of the picture")
    parser.add_argument("--markdown", action="store_true", help="print the table for the docs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
