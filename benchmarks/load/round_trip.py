"""The generator's CPU per WebSocket round trip on one dumb fast echo."""

import statistics
from collections.abc import Sequence

from benchmarks.load import ours, trial
from benchmarks.load.options import Options
from benchmarks.load.target import Target, echo
from benchmarks.progress import say
from benchmarks.table import Row

WANTED_US = 15.0
SPARSE_PER_S = 1.0  # messages a second and connection


def rows(options: Options) -> list[Row]:
    """For each number of connections: a busy generator, then a sparse one."""
    found: list[Row] = []
    with echo() as target:
        for users in options.connections:
            rate = trial.busy_rate(target, users, _through(options))
            found.append(_row(options, target, users, rate, "busy"))
            found.append(_row(options, target, users, SPARSE_PER_S * users, "sparse"))
    return found


def _row(options: Options, target: Target, users: int, rate: float, name: str) -> Row:
    trials = []
    for _ in range(options.repeats):
        trials.append(trial.of_ours(target, users, rate, options.seconds, _through(options)))
        say(f"  {name} {users}: {trials[-1].spent.cpu_us:.1f} µs")
    cpu_us = statistics.median(one.spent.cpu_us for one in trials)
    middle = min(trials, key=lambda one: abs(one.spent.cpu_us - cpu_us))
    return Row(
        "round-trip",
        f"generator CPU per round trip, {users} connections, {name}: {rate:.0f}/s",
        f"{cpu_us:.1f} µs ({_range(trials)}), {100 * middle.spent.share:.0f} % of a core; "
        f"{sum(one.missing for one in trials)} missing, lag p99 {middle.lag_p99_ms:.1f} ms",
        f"≤ {WANTED_US:.0f} µs" if name == "busy" else "",
        met=(cpu_us <= WANTED_US and not any(one.missing for one in trials))
        if name == "busy"
        else None,
    )


def _range(trials: Sequence[trial.Checked]) -> str:
    costs = [one.spent.cpu_us for one in trials]
    return f"{min(costs):.1f} to {max(costs):.1f}"


def _through(options: Options) -> ours.Through:
    return "alone" if options.through == "alone" else "locust"
