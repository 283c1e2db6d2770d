"""Measure how often `gauntlet gate` is wrong on this machine.

    python -m benchmarks.gate pairs --count 60      runs, three for each pair of pairs
    python -m benchmarks.gate gates --count 10      live gates in a scratch repository
    python -m benchmarks.gate render                the section of docs/benchmarks.md

Each run and each gate is appended to a file below benchmarks/records when it has ended; what these
files have already of the same load is not repeated. `--set load.steady=4s` changes the load.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.gate import live, page, pairs, records

_PAIRS = 60
_LIVE_GATES = 10


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("pairs", "gates", "render"))
    parser.add_argument("--count", type=int, help="how many triples, or gates of each change")
    parser.add_argument("--runs", type=Path, default=records.RUNS, help="the records of runs")
    parser.add_argument("--gates", type=Path, default=records.GATES, help="the records of gates")
    parser.add_argument("--out", type=Path, default=Path("runs/gate-benchmark"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--pairs", type=int, default=5, help="of a live gate")
    parser.add_argument("--max-pairs", type=int, default=15, help="of a live gate")
    parser.add_argument("--min-effect", default="10%", help="of a live gate")
    options = parser.parse_args()
    if options.what == "pairs":
        pairs.make(options.runs, options.out, options.count or _PAIRS, options.set)
    elif options.what == "gates":
        compare: dict[str, Any] = {
            "against": {},
            "pairs": options.pairs,
            "max_pairs": options.max_pairs,
            "min_effect": options.min_effect,
        }
        count = options.count or _LIVE_GATES
        live.make(options.gates, options.out.resolve(), count, compare, options.set)
    else:
        page.write(records.read_runs(options.runs), records.read_gates(options.gates))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
