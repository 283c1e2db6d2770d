"""Gauntlet's load generator: the engine in Locust, as users run it, or alone."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.echo_adapter import ADAPTER
from benchmarks.load.process_tree import GENERATOR_CPU, ProcessTree, pinned
from benchmarks.processes import ROOT
from benchmarks.workloads import OWN_CONVERSATION
from gauntlet.core.run_directory import RunDir, Tail
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.load_process import write_load_file
from gauntlet.scenarios.metrics.histogram import Histogram
from gauntlet.stacks import subprocesses

RunMode = Literal["locust", "alone"]
BODY_BYTES = 120
BOOT_TIMEOUT_S = 60.0
END_TIMEOUT_S = 60.0
SEND_TIMEOUT_S = 60.0  # longer than a server is stopped, so that no send times out


@dataclass(frozen=True)
class LoadPlan:
    """An open load: `rate` per second for `steady_s`, after all users have connected.

    With `workers`, Locust runs as a master with as many workers; otherwise as one process.
    """

    api: tuple[str, ...]
    users: int
    rate: float
    steady_s: float
    ramp_s: float = 2.0
    adapter: str = ADAPTER
    workload: str = OWN_CONVERSATION
    run_mode: RunMode = "locust"
    workers: int = 0
    ca: str = ""  # the CA of a server with TLS
    pin: bool = True  # runs on the generator's CPU only

    def scenario(self) -> dict[str, Any]:
        """Return the content of a scenario file for this load."""
        return {
            "version": 1,
            "name": "benchmark",
            "about": "A load to be measured.",
            "target": {
                "adapter": self.adapter,
                "stack": "external",
                "url": [*self.api],
                "tls": {"ca": self.ca or None},
            },
            "load": {
                "users": self.users,
                "workload": {self.workload: 1.0},
                "rate": self.rate,
                "ramp": self.ramp_s,
                "steady": self.steady_s,
                "body_bytes": BODY_BYTES,
                "attempt_timeout": SEND_TIMEOUT_S,
                "give_up_after": SEND_TIMEOUT_S,
            },
        }


class RunningLoad:
    """A running load."""

    def __init__(self, plan: LoadPlan, run: RunDir, child: subprocess.Popen[bytes]) -> None:
        self.run = run
        self.tree = ProcessTree(child.pid)
        self._workers = range(max(1, plan.workers))
        self._child = child
        self._events = [Tail(run.events / f"load-{worker}.jsonl") for worker in self._workers]
        self._rows: list[dict[str, Any]] = []

    def wait_for(self, phase: str, within_s: float) -> None:
        """Wait until every worker has entered a phase; RuntimeError if one does not."""
        deadline = time.monotonic() + within_s
        while sum(row.get("phase") == phase for row in self._read()) < len(self._workers):
            if time.monotonic() > deadline or self._child.poll() is not None:
                log = (self.run.logs / "load.log").read_text(errors="replace")
                raise RuntimeError(f"the load did not reach {phase}:\n{log[-2000:]}")
            time.sleep(0.01)

    def finish(self) -> Counter[str]:
        """Wait for the end and return the sum of the workers' reconciliation rows."""
        self.wait_for("flushed", END_TIMEOUT_S)
        self._child.wait(END_TIMEOUT_S)
        total: Counter[str] = Counter()
        for row in self._read():
            if row["kind"] == "reconciliation":
                total.update({key: row[key] for key in ("ops", "acked", "expected", "presented")})
        return total

    def histogram(self, name: str) -> Histogram:
        """Return one of the engine's histograms, merged over all workers, after the end."""
        merged = Histogram()
        for worker in self._workers:
            file = self.run.latency / f"{name}-w{worker}.hdr"
            merged.add(Histogram.decode(file.read_bytes()))
        return merged

    def percentile_ms(self, name: str, share: float) -> float:
        """Return a percentile of a histogram; 0 if it is empty."""
        return self.histogram(name).percentile_ms(share) or 0.0

    def _read(self) -> list[dict[str, Any]]:
        for events in self._events:
            self._rows += events.read_new()
        return self._rows


@contextlib.contextmanager
def run_load(plan: LoadPlan) -> Iterator[RunningLoad]:
    """Start a load in a temporary run directory."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        run = RunDir.create(Path(folder), "benchmark", 1)
        file = write_load_file(run, from_builtins(plan.scenario()), [*plan.api])
        place = pinned(GENERATOR_CPU) if plan.pin else contextlib.nullcontext()
        with (run.logs / "load.log").open("ab") as log, place:
            child = subprocesses.start(
                _command(plan, run, file),
                stdout=log,
                stderr=log,
                env={"GAUNTLET_LOAD": str(file), "PYTHONPATH": str(ROOT)},
            )
        try:
            yield RunningLoad(plan, run, child)
        finally:
            subprocesses.end(child, grace_s=5.0)


def _command(plan: LoadPlan, run: RunDir, file: Path) -> list[str]:
    # Without `-P`, because the benchmarks are not installed.
    if plan.run_mode == "alone":
        return [sys.executable, "-m", "benchmarks.load.alone", str(file)]
    return [
        *(sys.executable, "-m", "locust", "-f", str(ROOT / "benchmarks" / "load" / "entry.py")),
        *("--headless", "--only-summary", "-u", str(plan.users)),
        *("-r", f"{plan.users / plan.ramp_s:.3f}"),
        *("--run-time", f"{plan.ramp_s + plan.steady_s:.0f}s"),
        *(("--processes", str(plan.workers)) if plan.workers else ()),
        *("--csv", str(run.path / "locust")),
    ]
