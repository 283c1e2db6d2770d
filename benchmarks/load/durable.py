"""The highest rate of durable one-to-one messages that the full stack sustains with this engine."""

import math
from typing import NamedTuple

from benchmarks.load import engine_load
from benchmarks.load.options import Options
from benchmarks.processes import cluster
from benchmarks.progress import print_progress
from benchmarks.table import Row

ADAPTER = "reference"
WORKLOAD = "direct"
USERS = 1000
RAMP_S = 5.0
WARM_UP_RATE = 3000.0  # not judged: it meets empty tables and cold processes
START_RATE = 4500.0
STEP = 1.2
RESOLUTION = 1.1  # the search ends when two rates differ by a smaller factor
ATTEMPTS = 2  # per failed rate, because a shared machine may be disturbed once
TRIALS = 9
RESPONSE_P99_MS = 1000.0  # from intended times, including the lag; above it, arrivals only queue up
TARGET_PER_S = 4500.0


class RateTrial(NamedTuple):
    """The result at one rate."""

    rate: float
    lost: int
    lag_p99_ms: float
    response_p99_ms: float

    @property
    def held(self) -> bool:
        """Whether nothing was lost, and no queue grew in the server or in the generator."""
        return self.lost == 0 and self.response_p99_ms <= RESPONSE_P99_MS

    def __str__(self) -> str:
        return (
            f"{self.rate:.0f}/s: {self.lost} lost, lag p99 {self.lag_p99_ms:.1f} ms, "
            f"response p99 {self.response_p99_ms:.0f} ms"
        )


def rows(options: Options) -> list[Row]:
    """Return one row: the highest measured rate that was held."""
    trials: list[RateTrial] = []
    with cluster(options.stack) as server:
        print_progress(f"  warming up: {_trial(options, server.api, WARM_UP_RATE)}")
        while (rate := next_rate(trials)) is not None:
            trials.append(_trial(options, server.api, rate))
            print_progress(f"  durable: {trials[-1]}")
    best, failed = _highest_held(trials), _lowest_failed(trials)
    return [
        Row(
            "durable",
            f"durable 1:1 messages of {USERS} users, {options.stack} stack, all on these cores, "
            f"open model",
            str(best) if best else f"none held; {failed}",
            f"≥ {TARGET_PER_S:.0f}/s, none lost",
            f"not held: {failed}" if best and failed else "",
            best is not None and best.rate >= TARGET_PER_S,
        )
    ]


def next_rate(trials: list[RateTrial]) -> float | None:
    """Return the next rate: up while held, down while not, then between; None at the end."""
    if not trials:
        return START_RATE
    if len(trials) == TRIALS:
        return None
    last = trials[-1]
    if not last.held and [trial.rate for trial in trials].count(last.rate) < ATTEMPTS:
        return last.rate
    held, failed = _highest_held(trials), _lowest_failed(trials)
    if held is None or failed is None:
        return last.rate * STEP if held else last.rate / STEP
    return math.sqrt(held.rate * failed.rate) if failed.rate / held.rate > RESOLUTION else None


def _highest_held(trials: list[RateTrial]) -> RateTrial | None:
    return max((trial for trial in trials if trial.held), default=None)  # compares the rates first


def _lowest_failed(trials: list[RateTrial]) -> RateTrial | None:
    """Return the lowest rate that no attempt held."""
    held = {trial.rate for trial in trials if trial.held}
    return min((trial for trial in trials if trial.rate not in held), default=None)


def _trial(options: Options, api: list[str], rate: float) -> RateTrial:
    plan = engine_load.LoadPlan(
        tuple(api),
        USERS,
        rate,
        2 * options.seconds,
        RAMP_S,
        adapter=ADAPTER,
        workload=WORKLOAD,
        run_mode=options.run_mode,
        pin=False,
    )
    with engine_load.run_load(plan) as load:
        line = load.finish()
        lost = line["ops"] - line["acked"] + line["expected"] - line["presented"]
        lag_ms, response_ms = (load.percentile_ms(name, 0.99) for name in ("lag", "response"))
        return RateTrial(rate, lost, lag_ms, response_ms)
