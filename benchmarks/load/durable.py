"""How many durable one-to-one messages a second the full stack takes from this engine."""

import math
from typing import NamedTuple

from benchmarks.load import ours
from benchmarks.load.options import Options
from benchmarks.processes import cluster
from benchmarks.progress import say
from benchmarks.table import Row

ADAPTER = "reference"
WORKLOAD = "direct"
USERS = 1000
RAMP_S = 5.0
WARM_UP_RATE = 3000.0  # not judged: what comes first meets empty tables and cold processes
START_RATE = 4500.0
STEP = 1.2
FINE = 1.1  # rates nearer to each other are not told apart
ATTEMPTS = 2  # of a rate that was not held: one hiccup of a shared machine is no capacity
TRIALS = 9
RESPONSE_P99_MS = 1000.0  # from intended times, the lag included: beyond it arrivals only queue
WANTED_PER_S = 4500.0


class Trial(NamedTuple):
    """What became of a rate."""

    rate: float
    lost: int
    lag_p99_ms: float
    response_p99_ms: float

    @property
    def held(self) -> bool:
        """Nothing lost, and no queue that only grows, neither the server's nor the generator's."""
        return self.lost == 0 and self.response_p99_ms <= RESPONSE_P99_MS

    def __str__(self) -> str:
        return (
            f"{self.rate:.0f}/s: {self.lost} lost, lag p99 {self.lag_p99_ms:.1f} ms, "
            f"response p99 {self.response_p99_ms:.0f} ms"
        )


def rows(options: Options) -> list[Row]:
    """One row: the highest of the rates tried that was held."""
    trials: list[Trial] = []
    with cluster(options.stack) as server:
        say(f"  warming up: {_trial(options, server.api, WARM_UP_RATE)}")
        while (rate := next_rate(trials)) is not None:
            trials.append(_trial(options, server.api, rate))
            say(f"  durable: {trials[-1]}")
    best, failed = _highest_held(trials), _lowest_failed(trials)
    return [
        Row(
            "durable",
            f"durable 1:1 messages of {USERS} users, {options.stack} stack, all on these cores, "
            f"open model",
            str(best) if best else f"none held; {failed}",
            f"≥ {WANTED_PER_S:.0f}/s, none lost",
            f"not held: {failed}" if best and failed else "",
            best is not None and best.rate >= WANTED_PER_S,
        )
    ]


def next_rate(trials: list[Trial]) -> float | None:
    """Up while rates are held, down while they are not, then between; None at the end."""
    if not trials:
        return START_RATE
    if len(trials) == TRIALS:
        return None
    last = trials[-1]
    if not last.held and [one.rate for one in trials].count(last.rate) < ATTEMPTS:
        return last.rate
    held, failed = _highest_held(trials), _lowest_failed(trials)
    if held is None or failed is None:
        return last.rate * STEP if held else last.rate / STEP
    return math.sqrt(held.rate * failed.rate) if failed.rate / held.rate > FINE else None


def _highest_held(trials: list[Trial]) -> Trial | None:
    return max((one for one in trials if one.held), default=None)  # by their rates


def _lowest_failed(trials: list[Trial]) -> Trial | None:
    """Of the rates that no attempt held."""
    held = {one.rate for one in trials if one.held}
    return min((one for one in trials if one.rate not in held), default=None)


def _trial(options: Options, api: list[str], rate: float) -> Trial:
    plan = ours.Plan(
        tuple(api),
        USERS,
        rate,
        2 * options.seconds,
        RAMP_S,
        adapter=ADAPTER,
        workload=WORKLOAD,
        through=options.through,
        pin=False,
    )
    with ours.load(plan) as load:
        line = load.finish()
        lost = line["ops"] - line["acked"] + line["expected"] - line["presented"]
        lag_ms, response_ms = (load.percentile_ms(name, 0.99) for name in ("lag", "response"))
        return Trial(rate, lost, lag_ms, response_ms)
