"""The rate at which connections are opened, and their CPU time."""

import statistics
import time

from benchmarks.load import engine_load
from benchmarks.load.echo_server import run_echo_server
from benchmarks.load.options import Options
from benchmarks.load.trial import CpuCost
from benchmarks.progress import print_progress
from benchmarks.table import Row

CONNECTIONS = 2000
RAMP_S = 0.5  # allows 8,000 per second, more than one core can open
TARGET_PER_S = 1000.0
_FIRST, _LAST = 0.1, 0.9  # shares of the connections between which the time is measured


def rows(options: Options) -> list[Row]:
    """Return one row: the median of several runs."""
    trials = []
    for _ in range(options.repeats):
        cost = _trial(options)
        trials.append(cost)
        print_progress(f"  connects: {cost.rate_per_s:.0f}/s, {cost.cpu_us:.0f} µs each")
    rate = statistics.median(trial.rate_per_s for trial in trials)
    cpu_us = statistics.median(trial.cpu_us for trial in trials)
    return [
        Row(
            "connects",
            f"connections opened by one core, {CONNECTIONS} at once",
            f"{rate:.0f}/s on the clock, {1e6 / cpu_us:.0f} per second of CPU ({cpu_us:.0f} µs)",
            f"≥ {TARGET_PER_S:.0f}/s",
            met=rate >= TARGET_PER_S,
        )
    ]


def _trial(options: Options) -> CpuCost:
    """Measure from the first tenth to the last tenth of the connections."""
    with run_echo_server() as echo:
        plan = engine_load.LoadPlan(
            (echo.url,), CONNECTIONS, 1.0, 8.0, RAMP_S, run_mode=options.run_mode
        )
        with engine_load.run_load(plan) as load:
            marks = []
            for share in (_FIRST, _LAST):
                while (accepted := echo.count().accepted) < share * CONNECTIONS:
                    time.sleep(0.002)
                marks.append((accepted, time.monotonic(), load.tree.cpu_s()))
            (n0, t0_s, cpu0_s), (n1, t1_s, cpu1_s) = marks
            return CpuCost(1e6 * (cpu1_s - cpu0_s) / (n1 - n0), (n1 - n0) / (t1_s - t0_s))
