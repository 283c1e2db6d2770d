"""The rate at which connections are opened, and their CPU time."""

import statistics
import time

from benchmarks.load import ours
from benchmarks.load.options import Options
from benchmarks.load.target import echo
from benchmarks.load.trial import Spent
from benchmarks.progress import say
from benchmarks.table import Row

CONNECTIONS = 2000
RAMP_S = 0.5  # allows 8,000 per second, more than one core can open
WANTED_PER_S = 1000.0
_FIRST, _LAST = 0.1, 0.9  # shares of the connections between which the time is measured


def rows(options: Options) -> list[Row]:
    """Return one row: the median of several runs."""
    trials = []
    for _ in range(options.repeats):
        trials.append(_trial(options))
        say(f"  connects: {trials[-1].per_s:.0f}/s, {trials[-1].cpu_us:.0f} µs each")
    per_s = statistics.median(trial.per_s for trial in trials)
    cpu_us = statistics.median(trial.cpu_us for trial in trials)
    return [
        Row(
            "connects",
            f"connections opened by one core, {CONNECTIONS} at once",
            f"{per_s:.0f}/s on the clock, {1e6 / cpu_us:.0f} per second of CPU ({cpu_us:.0f} µs)",
            f"≥ {WANTED_PER_S:.0f}/s",
            met=per_s >= WANTED_PER_S,
        )
    ]


def _trial(options: Options) -> Spent:
    """Measure from the first tenth to the last tenth of the connections."""
    with echo() as target:
        plan = ours.Plan((target.url,), CONNECTIONS, 1.0, 8.0, RAMP_S, through=options.through)
        with ours.load(plan) as load:
            marks = []
            for share in (_FIRST, _LAST):
                while (accepted := target.count().accepted) < share * CONNECTIONS:
                    time.sleep(0.002)
                marks.append((accepted, time.monotonic(), load.tree.cpu_s()))
            (n0, t0_s, cpu0_s), (n1, t1_s, cpu1_s) = marks
            return Spent(1e6 * (cpu1_s - cpu0_s) / (n1 - n0), (n1 - n0) / (t1_s - t0_s))
