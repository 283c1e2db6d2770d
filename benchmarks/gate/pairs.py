"""Makes triples of runs, one after the other: two of the same system, and one of a slow one."""

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gate import records
from benchmarks.gate.records import Arm, RunRecord
from benchmarks.gate.subject import digest, subject
from gauntlet.campaigns import record_files
from gauntlet.campaigns.gate.outcome import Run
from gauntlet.campaigns.gate.runner import Runner
from gauntlet.core.errors import Exit
from gauntlet.runner import manifest


def make(file: Path, out: Path, count: int, changes: Sequence[str]) -> None:
    """Make the triples that a file of records lacks, up to `count` of this load and machine.

    A triple is recorded when it is complete, because only runs that were neighbours are compared.
    """
    runner, machine = Runner(out, {}), manifest.machine()
    wanted = digest(subject(1, changes), machine)
    known = {each["slow"].seed for each in records.triples(records.read_runs(file), wanted)}
    for seed in range(1, count + 1):
        if seed in known:
            continue
        triple = []
        for arm in records.order(seed):
            found = _run(runner, seed, arm, changes)
            triple.append(_record(seed, arm, wanted, found))
            print(f"{seed} {arm}: {found.status} {_figures(found)}", flush=True)
        for record in triple:
            record_files.append(file, record)


def _run(runner: Runner, seed: int, arm: Arm, changes: Sequence[str]) -> Run:
    one = subject(seed, changes, slow=arm == "slow")
    found = runner.run(one, "reference" if arm == "first" else "candidate", seed)
    if found.exit_code in (Exit.CONFIG, Exit.ROLLBACK):
        raise SystemExit(f"{seed} {arm}: {' '.join(found.reasons)} See {found.path}")
    return found


def _record(seed: int, arm: Arm, wanted: str, run: Run) -> RunRecord:
    return RunRecord(
        seed=seed,
        arm=arm,
        subject=wanted,
        started=run.started,
        seconds=round(run.seconds, 1),
        exit_code=run.exit_code,
        status=run.status,
        unusable=run.unusable,
        values={name: round(value, 4) for name, value in sorted(run.values.items())},
        load=round(os.getloadavg()[0], 2),
        commit=manifest.commit_of(Path(__file__).parent),
        machine=manifest.machine(),
    )


def _figures(run: Run) -> str:
    if run.unusable:
        return f"({run.unusable})"
    shown = ("ack_p50_ms@steady", "delivery_p50_ms@steady", "stack_cores@run")
    return " ".join(f"{name} {run.values[name]:.3g}" for name in shown if name in run.values)
