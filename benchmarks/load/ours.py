"""Our generator on an echo: the engine, below Locust as users have it, or by itself."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hdrh.histogram import HdrHistogram

from benchmarks.echo_adapter import ADAPTER, WORKLOAD
from benchmarks.load.tree import GENERATOR_CPU, Tree, pinned
from benchmarks.processes import ROOT
from gauntlet import children
from gauntlet.kernel.rundir import RunDir
from gauntlet.kernel.scenario import from_builtins
from gauntlet.kernel.tail import Tail
from gauntlet.load import write_load_file

Through = Literal["locust", "alone"]
BODY_BYTES = 120
BOOT_S = 30.0
END_S = 45.0


@dataclass(frozen=True)
class Plan:
    """An open load on an echo: `rate` a second for `steady_s`, after all have connected."""

    url: str
    users: int
    rate: float
    steady_s: float
    ramp_s: float = 2.0
    through: Through = "locust"

    def scenario(self) -> dict[str, Any]:
        """What a scenario file of it would say."""
        return {
            "version": 1,
            "name": "echo",
            "about": "Everybody talks to an echo.",
            "target": {"adapter": ADAPTER, "stack": "external", "url": [self.url]},
            "load": {
                "users": self.users,
                "workload": {WORKLOAD: 1.0},
                "rate": self.rate,
                "ramp": self.ramp_s,
                "steady": self.steady_s,
                "body_bytes": BODY_BYTES,
                # An echo that is stopped answers when it goes on: nobody loses patience before.
                "attempt_timeout": 60.0,
                "give_up_after": 60.0,
            },
        }


class Load:
    """A load that runs."""

    def __init__(self, run: RunDir, child: subprocess.Popen[bytes]) -> None:
        self.run = run
        self.tree = Tree(child.pid)
        self._child = child
        self._events = Tail(run.events / "load-0.jsonl")
        self._rows: list[dict[str, Any]] = []

    def wait_for(self, phase: str, within_s: float) -> None:
        """Return when a phase has begun; RuntimeError where it does not."""
        deadline = time.monotonic() + within_s
        while not any(row.get("phase") == phase for row in self._read()):
            if time.monotonic() > deadline or self._child.poll() is not None:
                log = (self.run.logs / "load.log").read_text(errors="replace")
                raise RuntimeError(f"the load did not reach {phase}:\n{log[-2000:]}")
            time.sleep(0.01)

    def finish(self) -> dict[str, Any]:
        """Let it come to its end; the reconciliation line."""
        self.wait_for("flushed", END_S)
        assert self._child.wait(END_S) == 0, self.run.path
        (line,) = [row for row in self._read() if row["kind"] == "reconciliation"]
        return line

    def percentile_ms(self, name: str, percent: float) -> float:
        """A percentile of one of the engine's histograms, after the end."""
        histogram = HdrHistogram.decode((self.run.latency / f"{name}-w0.hdr").read_bytes())
        return float(histogram.get_value_at_percentile(percent)) / 1e3

    def _read(self) -> list[dict[str, Any]]:
        self._rows += self._events.read_new()
        return self._rows


@contextlib.contextmanager
def load(plan: Plan) -> Iterator[Load]:
    """Start a load on the generator's CPU; what it wrote goes when it has been looked at."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        run = RunDir.create(Path(folder), "echo", 1)
        file = write_load_file(run, from_builtins(plan.scenario()), [plan.url])
        with (run.logs / "load.log").open("ab") as log, pinned(GENERATOR_CPU):
            child = children.start(
                _command(plan, file),
                stdout=log,
                stderr=log,
                env={"GAUNTLET_LOAD": str(file), "PYTHONPATH": str(ROOT)},
            )
        try:
            yield Load(run, child)
        finally:
            children.end(child, grace_s=5.0)


def _command(plan: Plan, file: Path) -> list[str]:
    # Not `-P`: the benchmarks are not installed.
    if plan.through == "alone":
        return [sys.executable, "-m", "benchmarks.load.alone", str(file)]
    return [
        *(sys.executable, "-m", "locust", "-f", str(ROOT / "benchmarks" / "load" / "entry.py")),
        *("--headless", "--only-summary", "-u", str(plan.users)),
        *("-r", f"{plan.users / plan.ramp_s:.3f}"),
        *("--run-time", f"{plan.ramp_s + plan.steady_s:.0f}s"),
    ]
