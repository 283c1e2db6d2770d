"""The highest rate of round trips that one worker on one core sustains on a fast echo."""

from dataclasses import dataclass

from benchmarks.load import rate_search, trial
from benchmarks.load.echo_server import run_echo_server
from benchmarks.load.options import Options
from benchmarks.load.rate_search import RateTrial
from benchmarks.table import Row

CONNECTIONS = 100
TARGET_PER_S = 50_000.0
START_RATE = TARGET_PER_S / rate_search.STEP**2  # so that the target itself is tried
LAG_P99_MS = 10.0  # above it, the generator does not send when it should


@dataclass(frozen=True)
class EchoTrial(RateTrial):
    """The result at one rate."""

    @property
    def held(self) -> bool:
        """Whether every message came back, and the sends were on time."""
        return self.lost == 0 and self.lag_p99_ms <= LAG_P99_MS


def rows(options: Options) -> list[Row]:
    """Return one row: the highest measured rate that was held."""

    def try_rate(rate: float) -> EchoTrial:
        measured = trial.measure_engine(echo, CONNECTIONS, rate, options.seconds, options.run_mode)
        return EchoTrial(rate, measured.missing, measured.lag_p99_ms)

    with run_echo_server() as echo:
        found = rate_search.search(START_RATE, try_rate)
    return [
        Row(
            "highest",
            f"round trips of one worker on one core, {CONNECTIONS} connections, open model, "
            f"lag p99 ≤ {LAG_P99_MS:.0f} ms",
            found.held_text,
            f"≥ {TARGET_PER_S:.0f}/s",
            found.failed_text,
            found.reached(TARGET_PER_S),
        )
    ]
