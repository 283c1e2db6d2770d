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
START_RATE = 4500.0
STEP = 1.2
FINE = 1.1  # rates nearer to each other are not told apart
TRIALS = 6
LAG_BUDGET_MS = 10.0
RESPONSE_P99_MS = 1000.0  # beyond it arrivals only queue
WANTED_PER_S = 4500.0


class Trial(NamedTuple):
    """What became of a rate."""

    rate: float
    lost: int
    lag_p99_ms: float
    response_p99_ms: float

    @property
    def held(self) -> bool:
        """Nothing lost, the generator in time, and no queue that only grows."""
        return (
            self.lost == 0
            and self.lag_p99_ms <= LAG_BUDGET_MS
            and self.response_p99_ms <= RESPONSE_P99_MS
        )

    def __str__(self) -> str:
        return (
            f"{self.rate:.0f}/s: {self.lost} lost, lag p99 {self.lag_p99_ms:.1f} ms, "
            f"response p99 {self.response_p99_ms:.0f} ms"
        )


def rows(options: Options) -> list[Row]:
    """One row: the highest of the rates tried that was held."""
    trials: list[Trial] = []
    with cluster(options.stack) as server:
        while (rate := next_rate(trials)) is not None:
            trials.append(_trial(options, server.api, rate))
            say(f"  durable: {trials[-1]}")
    best = max((one for one in trials if one.held), default=None)
    failed = min((one for one in trials if not one.held), default=None)  # by their rates
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
    held = max((one.rate for one in trials if one.held), default=None)
    not_held = min((one.rate for one in trials if not one.held), default=None)
    if held is None or not_held is None:
        return trials[-1].rate * STEP if held else trials[-1].rate / STEP
    return math.sqrt(held * not_held) if not_held / held > FINE else None


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
