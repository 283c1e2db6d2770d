"""`make bench-proxy`: both proxies do the same work in turn, and the table shows the medians.

The windows of the two are interleaved, so that a change of the machine's speed affects both. Only
the ratios within one run can be compared. Each window is recorded: a comparison that was
interrupted goes on where it ended.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.processes import line_child
from benchmarks.progress import print_progress
from benchmarks.proxy.measures import MEASURES, Bench
from benchmarks.proxy.windows import Samples, Windows
from benchmarks.table import machine
from gauntlet.chaos.proxy_process import Backend, ProxyServer, find_binary
from gauntlet.runner.manifest import commit_of

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "benchmarks" / "records" / "proxy.jsonl"
BACKENDS: tuple[Backend, ...] = ("embedded", "toxiproxy")
HEADER = ("what", "embedded", "toxiproxy-server", "ratio of the medians")


@contextmanager
def _bench(backend: Backend, window_s: float) -> Iterator[Bench]:
    """Run a proxy server and the ends of its links."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-"))
        ends = stack.enter_context(line_child("benchmarks.proxy.ends"))
        upstream = f"127.0.0.1:{int(ends.read_line())}"
        server = ProxyServer.start(backend, log=Path(folder) / "proxy.log")
        stack.callback(server.stop)
        yield Bench(server, ends, upstream, window_s)


def measure(names: Sequence[str], rounds: int, window_s: float, windows: Windows) -> None:
    """Measure both proxies in turn, except for windows that are known."""
    with ExitStack() as stack:
        benches = {each: stack.enter_context(_bench(each, window_s)) for each in BACKENDS}
        for number in range(rounds):
            for name in names:
                # Each begins as often as the other.
                for backend in BACKENDS if number % 2 == 0 else reversed(BACKENDS):
                    if windows.has(name, backend, number):
                        continue
                    print_progress(f"round {number + 1} of {rounds}: {name}, {backend}")
                    values = MEASURES[name](benches[backend])
                    windows.add(name, backend, number, values)


def cells(samples: Samples) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    rows = []
    for what, of_backend in samples.items():
        medians = [statistics.median(of_backend[backend]) for backend in BACKENDS]
        spreads = [
            f"{median:.3g} ({min(of_backend[backend]):.3g} to {max(of_backend[backend]):.3g})"
            for backend, median in zip(BACKENDS, medians, strict=True)
        ]
        # A deviation may be zero or negative, and has no ratio.
        deviation = what.endswith(("off", "more"))
        ratio = "" if deviation or medians[1] <= 0 else f"{medians[0] / medians[1]:.2f}"
        rows.append((what, *spreads, ratio))
    return rows


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="bench-proxy", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a window")
    parser.add_argument("--records", type=Path, default=RECORDS)
    options = parser.parse_args()
    if find_binary() is None:
        sys.exit("toxiproxy-server is not installed, so there is nothing to compare with")
    windows = Windows(options.records, options.seconds, commit_of(ROOT))
    measure(options.only, options.rounds, options.seconds, windows)
    rows = cells(windows.samples(options.only, options.rounds))
    for line in (HEADER, ("---",) * len(HEADER), *rows):
        print(f"| {' | '.join(line)} |")
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
