"""Compare the simulated reconnect storm with real ones: `python -m benchmarks.reconnects`.

Each run kills both edges of the reference server and starts them again after three seconds. All
clients lose their connection at once, are refused until an edge is up, and come back by their
backoff. The simulation knows how many they were, how long a handshake took before, and when the
first client that was accepted dialled, which is taken for the time at which an edge was up. Each
run is a line of `benchmarks/records/reconnects.jsonl`. From that time on, the exit code is 1 if the
median of the time until 99 % are back differs from the simulated one by more than 25 %.
"""

import argparse
import math
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
import numpy as np

from gauntlet.campaigns import child_runs, record_files
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.campaigns.plan.estimates.storm import Storm, simulate
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.verdict.judge import history_of
from gauntlet.runner.manifest import commit_of

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "records" / "reconnects.jsonl"
SHARES = {"half": 0.5, "most": 0.9, "nearly_all": 0.99}
DIFFERENCE_MAX = 0.25
# Far more than a small storm needs, so that backoff decides.
_SERVED_PER_S = 1_000.0
_SIMULATIONS = 40


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until half, 90 % and 99 % of the lost clients are back; null if they are not."""

    half: float | None
    most: float | None
    nearly_all: float | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A real storm beside the simulated one."""

    seed: int
    lost: int
    up_s: float
    handshake_s: float
    real: Times
    simulated: Times
    commit: str | None


def scenario(seed: int, users: int) -> dict[str, object]:
    """Return the run: both edges are killed, and started again."""
    return {
        "version": 1,
        "name": "edges-lost",
        "about": "Both edges are killed, and their clients come back when they are up again.",
        "seed": seed,
        "target": {"adapter": "reference", "stack": "embedded"},
        "load": {"users": users, "rate": "10/s", "ramp": "4s", "steady": "16s"},
        "faults": [
            {
                "id": "lost",
                "kind": "kill",
                "target": "edge",
                "at": "6s",
                "for": "3s",
                "params": {"count": 2},
            }
        ],
    }


class Observed(NamedTuple):
    """When the lost clients were back and the edges up, and how long a handshake took before."""

    back_s: list[float]
    up_s: float
    handshake_s: float


def observed(run: RunDir) -> Observed:
    """Return the storm of a run; its zero is when the connections were lost."""
    history = history_of(run)
    (fault,) = history.events.faults
    if fault.requested_ns is None or fault.healed_ns is None:
        raise ValueError("the edges were not killed, or not started again")
    found = history.sessions.connections
    lost = (found.up_ns < fault.requested_ns) & (found.down_ns < fault.healed_ns)
    lost &= found.down_ns > fault.requested_ns
    zero_ns = int(np.median(found.down_ns[lost]))
    connects = history.records[history.records["kind"] == Kind.CONNECT]
    before = connects[connects["t_ns"] < fault.requested_ns]
    back = []
    for session in found.session[lost]:
        later = found.up_ns[(found.session == session) & (found.up_ns > zero_ns)]
        back.append(float(later.min() - zero_ns) / NS_PER_S if len(later) else math.inf)
    # The heal ends later, when the control API has found the edges up.
    first_ns = int(connects["ref_ns"][connects["t_ns"] > zero_ns].min())
    handshake_s = float(np.median(before["t_ns"] - before["ref_ns"])) / NS_PER_S
    return Observed(sorted(back), (first_ns - zero_ns) / NS_PER_S, handshake_s)


def simulated(lost: int, up_s: float, handshake_s: float) -> Times:
    """Return the medians over several simulations; a small storm depends on chance."""
    storm = Storm(
        lost=lost,
        served_per_s=_SERVED_PER_S,
        reroute_s=up_s,
        lost_share=1.0,
        refused=True,
        delay_s=handshake_s,
    )
    courses = [simulate(storm, seed=seed) for seed in range(1, _SIMULATIONS + 1)]
    return Times(
        **{
            name: _known(median(course.until(share) for course in courses))
            for name, share in SHARES.items()
        }
    )


def record_of(seed: int, run: RunDir) -> Record:
    """Return the record of a run."""
    found = observed(run)
    count = len(found.back_s)
    real = {
        name: _known(found.back_s[max(0, math.ceil(share * count) - 1)])
        for name, share in SHARES.items()
    }
    up_s, handshake_s = round(found.up_s, 3), round(found.handshake_s, 4)
    return Record(
        seed=seed,
        lost=count,
        up_s=up_s,
        handshake_s=handshake_s,
        real=Times(**real),
        simulated=simulated(count, up_s, handshake_s),
        commit=commit_of(Path(__file__).parent),
    )


def _known(seconds: float) -> float | None:
    return None if math.isinf(seconds) else round(seconds, 3)


def difference(records: list[Record], name: str) -> float:
    """Return by which share the median of the real storms differs from the simulated one.

    The time in which no edge was up is left out: it is known to the simulation.
    """

    def middle(kind: str) -> float:
        times = [(getattr(getattr(record, kind), name), record.up_s) for record in records]
        return median(math.inf if time is None else time - up_s for time, up_s in times)

    return middle("real") / middle("simulated") - 1


def main() -> int:
    """Run what has no record yet, and compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconnects", description=__doc__)
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "reconnects")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--users", type=int, default=80)
    options = parser.parse_args()
    known = {record.seed for record in record_files.read(options.records, Record)}

    def finish(child: Child[int]) -> None:
        run = child.run_directory()
        if run is None:
            print(f"seed {child.item}: no result; see {child.folder}")
            return
        record = record_of(child.item, run)
        record_files.append(options.records, record)
        print(f"seed {record.seed}: {record.lost} lost, {record.real} {record.simulated}")

    seeds = [seed for seed in range(1, options.runs + 1) if seed not in known]
    planned = [Planned(seed, f"storm-{seed}", scenario(seed, options.users)) for seed in seeds]
    child_runs.run_all(planned, options.out, 1, finish)
    records = list(record_files.read(options.records, Record))
    if not records:
        return 1
    for name in SHARES:
        print(f"{name}: real differs from simulated by {100 * difference(records, name):+.0f} %")
    return 0 if abs(difference(records, "nearly_all")) <= DIFFERENCE_MAX else 1


if __name__ == "__main__":
    raise SystemExit(main())
