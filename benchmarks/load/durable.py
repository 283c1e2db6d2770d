"""The highest rate of durable one-to-one messages that the full stack sustains with this engine."""

from dataclasses import dataclass

from benchmarks.load import engine_load, rate_search
from benchmarks.load.options import Options
from benchmarks.load.rate_search import RateTrial
from benchmarks.processes import cluster
from benchmarks.progress import print_progress
from benchmarks.table import Row

ADAPTER = "reference"
WORKLOAD = "direct"
USERS = 1000
RAMP_S = 5.0
WARM_UP_RATE = 3000.0  # not judged: it meets empty tables and cold processes
START_RATE = 4500.0
RESPONSE_P99_MS = 1000.0  # from intended times, including the lag; above it, arrivals only queue up
TARGET_PER_S = 7500.0


@dataclass(frozen=True)
class DurableTrial(RateTrial):
    """The result at one rate."""

    response_p99_ms: float

    @property
    def held(self) -> bool:
        """Whether nothing was lost, and no queue grew in the server or in the generator."""
        return self.lost == 0 and self.response_p99_ms <= RESPONSE_P99_MS

    def __str__(self) -> str:
        return f"{super().__str__()}, response p99 {self.response_p99_ms:.0f} ms"


def rows(options: Options) -> list[Row]:
    """Return one row: the highest measured rate that was held."""
    with cluster(options.stack) as server:
        print_progress(f"  warming up: {_trial(options, server.api, WARM_UP_RATE)}")
        found = rate_search.search(START_RATE, lambda rate: _trial(options, server.api, rate))
    return [
        Row(
            "durable",
            f"durable 1:1 messages of {USERS} users, {options.stack} stack, all on these cores, "
            f"open model",
            found.held_text,
            f"≥ {TARGET_PER_S:.0f}/s, none lost",
            found.failed_text,
            found.reached(TARGET_PER_S),
        )
    ]


def _trial(options: Options, api: list[str], rate: float) -> DurableTrial:
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
        return DurableTrial(rate, lost, lag_ms, response_ms)
