"""`python -m benchmarks.fuzzing TARGET`: give random inputs to a reader, and record them."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzzing.frames import Frames
from benchmarks.fuzzing.http_requests import HttpRequests
from benchmarks.fuzzing.proxy_calls import ProxyCalls
from benchmarks.fuzzing.run_directories import RunDirectories
from benchmarks.fuzzing.scenario_files import ScenarioFiles
from benchmarks.fuzzing.session import Session
from benchmarks.fuzzing.target import Target
from benchmarks.progress import print_progress
from gauntlet.runner.manifest import commit_of

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "benchmarks" / "records" / "fuzz.jsonl"
TARGETS: dict[str, Callable[[], Target]] = {
    "frames": Frames,
    "http": HttpRequests,
    "scenario": ScenarioFiles,
    "run-directory": RunDirectories,
    "proxy": ProxyCalls,
}


def main() -> None:
    """Read the options, and try inputs; the exit code is 1 after a defect."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="without a defect (10)")
    parser.add_argument("--input", type=int, help="try only this input, and record nothing")
    parser.add_argument("--records", type=Path, default=RECORDS)
    options = parser.parse_args()
    target = TARGETS[options.target]()
    session = Session(options.target, target, options.seed, options.records, commit_of(ROOT))
    try:
        if options.input is not None:
            session.try_input(options.input)
            print_progress("no defect")
        elif not session.run(options.minutes, print_progress):
            sys.exit(1)
    finally:
        target.close()


if __name__ == "__main__":
    main()
