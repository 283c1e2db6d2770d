"""Repeat a capacity search, or predict mixes that no unit cost was learned from.

    python -m benchmarks.capacity searches --count 5 -- steady \
        --bug benchmarks/capacity/limited.py --start 20 --set load.users=40 \
        --set load.steady=15s --no-unit-costs
    python -m benchmarks.capacity mixes capacity.json --set load.steady=10s
    python -m benchmarks.capacity show

Each search and each mix is appended to benchmarks/records/capacity.jsonl when it has ended. What
the file has already of the same load on the same machine is not repeated.
"""

import argparse
import datetime as dt
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.capacity import records
from benchmarks.capacity.records import Record
from benchmarks.table import plain
from gauntlet.campaigns import record_files
from gauntlet.campaigns.capacity import record
from gauntlet.campaigns.capacity.record import Capacity
from gauntlet.campaigns.capacity.trials import Runner, TrialRequest
from gauntlet.core.errors import Exit
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.overrides import settings
from gauntlet.runner import manifest
from gauntlet.scenarios import library

FILE = Path(__file__).resolve().parents[1] / "records" / "capacity.jsonl"
_DIRECTORY = "capacity-directory: "
_GOOD = {Exit.OK, Exit.FAILED, Exit.INCONCLUSIVE}
# Mixes of other loads than those of `gauntlet.campaigns.capacity.cost_levels`.
_STORM = "reconnect_storm: {weight: 0.001, at: [4s, 7s, 10s], offline: 1s, percent: 50}"
MIXES = {
    "one-to-one": ["load.workload={direct: 1}", "load.rate=40/s", "load.users=60"],
    "rooms of 50": ["load.workload={group: {size: 50}}", "load.rate=8/s", "load.users=100"],
    "reconnect storm": [
        f"load.workload={{direct: 1, group: {{weight: 1, size: 10}}, {_STORM}}}",
        "load.rate=30/s",
        "load.users=60",
    ],
}


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say, and show all records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity")
    parser.add_argument("what", choices=("searches", "mixes", "show"))
    parser.add_argument("rest", nargs="*", help="the record, or arguments of `gauntlet capacity`")
    parser.add_argument("--count", type=int, default=records.SEARCHES)
    parser.add_argument("--records", type=Path, default=FILE)
    parser.add_argument("--out", type=Path, default=Path("runs/capacity-benchmark"))
    parser.add_argument("--scenario", help="of the mixes (default: that of the record)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    if options.what == "searches":
        _searches(options)
    elif options.what == "mixes":
        _mixes(options)
    print(plain(records.rows(records.read(options.records))))
    return 0


def _searches(options: argparse.Namespace) -> None:
    words = options.rest or ["steady", "--no-unit-costs"]
    subject = _subject(words)
    known = [
        each
        for each in records.read(options.records)
        if each.kind == "search" and each.subject == subject
    ]
    for _ in range(len(known), options.count):
        command = [sys.executable, "-m", "gauntlet", "capacity", *words, "--out", str(options.out)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="", flush=True)
        last = (done.stdout.splitlines() or [""])[-1]
        if done.returncode not in _GOOD or not last.startswith(_DIRECTORY):
            raise SystemExit(f"the search ended with exit {done.returncode}")
        found = record.read(Path(last.removeprefix(_DIRECTORY)) / record.FILE).sustainable[0]
        _append(
            options.records,
            Record(
                kind="search",
                subject=subject,
                low=found.low,
                high=found.high,
                **_circumstances(["gauntlet", "capacity", *words]),
            ),
        )


def _mixes(options: argparse.Namespace) -> None:
    fitted = record.read(Path(options.rest[0]))
    subject = _subject([fitted.scenario.sha256, *options.set])
    known = {
        each.mix
        for each in records.read(options.records)
        if each.kind == "mix" and each.trusted and each.subject == subject
    }
    for name, changes in MIXES.items():
        if name not in known:
            base = library.find(options.scenario or fitted.scenario.name)
            scenario = settings.apply(base, changes + options.set)
            _append(options.records, _mix(options, fitted, name, scenario, subject))


def _mix(
    options: argparse.Namespace, fitted: Capacity, name: str, scenario: Scenario, subject: str
) -> Record:
    request = TrialRequest("rate_per_s", "steady", scenario.load.rate_per_s, scenario, name)
    trial = Runner(options.out).run(request)
    cores: dict[str, float] = {}
    for key, used in trial.use.items():
        component, _, resource = key.rpartition("/")
        if resource == "cpu_s":
            tier = trial.tiers.get(component, component)
            cores[tier] = cores.get(tier, 0.0) + used
    expected = records.predicted(fitted.unit_costs, trial.measured)
    both = {tier: (expected[tier], cores[tier]) for tier in expected if tier in cores}
    print(f"{name}: {trial.outcome} {trial.reason}".strip(), flush=True)
    return Record(
        kind="mix",
        subject=subject,
        mix=name,
        predicted=sum(each for each, _ in both.values()) if both else None,
        measured=sum(each for _, each in both.values()) if both else None,
        trusted=trial.outcome != "refused",
        components={tier: (round(a, 5), round(b, 5)) for tier, (a, b) in both.items()},
        **_circumstances(["python -m benchmarks.capacity mixes", *options.rest]),
    )


def _circumstances(words: Sequence[str]) -> dict[str, Any]:
    return {
        "commit": manifest.commit_of(Path(__file__).parent),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": " ".join(words),
    }


def _subject(words: Sequence[str]) -> str:
    plain = json.dumps([*words, manifest.machine()["cores"], manifest.machine()["memory_mb"]])
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def _append(file: Path, found: Record) -> None:
    record_files.append(file, found)
    print(msgspec.json.encode(found).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
