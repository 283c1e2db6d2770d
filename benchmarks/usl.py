"""Examine whether the intervals of a scaling fit cover the truth: `python -m benchmarks.usl`.

Each of 200 simulated systems obeys the Universal Scalability Law with a known peak, between n = 6
and 120. Its throughput is measured at 6 to 10 levels, up to 0.4 to 2.5 times the peak, with an
error of 1 to 5 %, once or twice each. The fit sees only the measurements. Every system is a line
of `benchmarks/records/usl.jsonl`. The exit code is 1 if fewer than 85 % of the 90 % intervals
cover the truth, among all systems or among those whose peak was not refused.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from gauntlet.campaigns.plan.usl.fit import Array, Fit, fit, peak_interval
from gauntlet.campaigns.plan.usl.report import refusal

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "records" / "usl.jsonl"
SYSTEMS = 200
COVERED_MIN = 0.85


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A simulated system, and what the fit said of it; an end that is null is infinite."""

    seed: int
    peak: float
    alpha: float
    noise: float
    levels: int
    measurements: int
    measured_to: float
    fitted: float | None
    low: float
    high: float | None
    covered: bool
    refused: str


def measured(seed: int) -> tuple[Fit, float, Array, Array]:
    """Return a system, the error of its measurements, and the measurements."""
    random = np.random.default_rng(seed)
    alpha = float(np.exp(random.uniform(np.log(0.005), np.log(0.2))))
    peak = float(np.exp(random.uniform(np.log(6), np.log(120))))
    truth = Fit(float(random.uniform(100, 5_000)), alpha, (1 - alpha) / peak**2, 0.0)
    noise = float(random.uniform(0.01, 0.05))
    levels = int(random.integers(6, 11))
    top = max(float(levels), peak * float(random.uniform(0.4, 2.5)))
    n = np.unique(np.round(np.geomspace(1, top, levels)))
    n = np.repeat(n, random.integers(1, 3))
    errors = np.exp(noise * random.standard_normal(len(n)))
    return truth, noise, n, truth.throughput(n) * errors


def examined(seed: int) -> Record:
    """Return what the fit says of one system."""
    truth, noise, n, throughput = measured(seed)
    best = fit(n, throughput)
    low, high = peak_interval(n, throughput, best)
    levels = len(np.unique(n))
    return Record(
        seed=seed,
        peak=round(truth.peak, 3),
        alpha=round(truth.alpha, 5),
        noise=round(noise, 4),
        levels=levels,
        measurements=len(n),
        measured_to=float(n.max()),
        fitted=_finite(best.peak),
        low=round(low, 3),
        high=_finite(high),
        covered=low <= truth.peak <= high,
        refused=refusal(best, high, float(n.max()), levels),
    )


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else round(value, 3)


def coverage(records: Sequence[Record]) -> tuple[float, float]:
    """Return the share of intervals that cover the truth: of all, and of those not refused."""
    told = [record for record in records if not record.refused]
    return (
        sum(record.covered for record in records) / len(records),
        sum(record.covered for record in told) / max(1, len(told)),
    )


def main() -> int:
    """Examine all systems, and write their records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usl", description=__doc__)
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--systems", type=int, default=SYSTEMS)
    options = parser.parse_args()
    records = [examined(seed) for seed in range(1, options.systems + 1)]
    lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    options.records.write_bytes(lines)
    told = [record for record in records if not record.refused]
    of_all, of_told = coverage(records)
    print(f"{len(records)} systems: {100 * of_all:.1f} % of the intervals cover the peak")
    print(f"{len(told)} not refused: {100 * of_told:.1f} % cover the peak")
    widths = [(record.high or math.inf) / record.low for record in told]
    print(f"median width of those: a factor of {np.median(widths):.2f}")
    return 0 if min(of_all, of_told) >= COVERED_MIN else 1


if __name__ == "__main__":
    raise SystemExit(main())
