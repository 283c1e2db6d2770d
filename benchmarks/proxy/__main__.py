"""`make bench-proxy`: both proxies do the same work in turn, and the table shows the medians.

The windows of the two are interleaved, so that a change of the machine's speed affects both. Only
the ratios within one run can be compared.
"""

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.processes import line_child
from benchmarks.progress import print_progress
from benchmarks.proxy.measures import MEASURES, Bench
from benchmarks.table import machine
from gauntlet.chaos.proxy_process import Backend, ProxyServer, find_binary

BACKENDS: tuple[Backend, ...] = ("embedded", "toxiproxy")
HEADER = ("what", "embedded", "toxiproxy-server", "ratio of the medians")

Samples = dict[str, dict[str, list[float]]]  # by what is measured, then by backend


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


def measure(names: Sequence[str], rounds: int, window_s: float) -> Samples:
    """Measure both proxies in turn."""
    samples: Samples = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        benches = {each: stack.enter_context(_bench(each, window_s)) for each in BACKENDS}
        for number in range(rounds):
            for name in names:
                # Each begins as often as the other.
                for backend in BACKENDS if number % 2 == 0 else reversed(BACKENDS):
                    print_progress(f"round {number + 1} of {rounds}: {name}, {backend}")
                    for what, value in MEASURES[name](benches[backend]).items():
                        samples[what][backend].append(value)
    return samples


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
    options = parser.parse_args()
    if find_binary() is None:
        sys.exit("toxiproxy-server is not installed, so there is nothing to compare with")
    rows = cells(measure(options.only, options.rounds, options.seconds))
    for line in (HEADER, ("---",) * len(HEADER), *rows):
        print(f"| {' | '.join(line)} |")
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
