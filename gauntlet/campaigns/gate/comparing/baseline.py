"""A stored baseline: the gates of a folder, each of which is one session of measurements."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gauntlet.campaigns import record_files
from gauntlet.campaigns.gate.comparing.measurements import Sessions
from gauntlet.campaigns.gate.outcome import FILE, SCHEMA_VERSION, BaselineGate, Gate, Run
from gauntlet.core.errors import ConfigError
from gauntlet.reports.comparison import machines


class Baseline(NamedTuple):
    """The figures of a baseline, and the gates that they are from, in the same order."""

    sessions: Sessions = ()
    gates: tuple[BaselineGate, ...] = ()


def read(folder: Path, machine: Mapping[str, Any], digests: Mapping[str, str]) -> Baseline:
    """Return a baseline; ConfigError if it is not one for this machine and suite.

    `digests` are those of the scenarios to compare. Gates that did not pass, and calibrations, are
    left out.
    """
    files = sorted(folder.rglob(FILE)) if folder.is_dir() else []
    if not files:
        raise ConfigError(
            f"compare.baseline must be a folder with a {FILE} of an earlier gate; got {folder}"
        )
    gates = [(file, gate) for file, gate in _gates(files) if _is_usable(gate)]
    if not gates:
        raise ConfigError(
            f"compare.baseline must be a folder with a gate that passed; {folder} has only others, "
            "or calibrations"
        )
    sessions = [_session(file, gate, machine, digests) for file, gate in gates]
    return Baseline(sessions, tuple(_named(file, gate, digests) for file, gate in gates))


def _is_usable(gate: Gate) -> bool:
    return gate.verdict.status in ("pass", "warn") and gate.mode != "calibration"


def _gates(files: list[Path]) -> Iterator[tuple[Path, Gate]]:
    for file in files:
        yield (
            file,
            record_files.read_whole(
                file,
                Gate,
                SCHEMA_VERSION,
                "the result of a gate",
                "Record the baseline again with this version of Gauntlet",
            ),
        )


def _named(file: Path, gate: Gate, digests: Mapping[str, str]) -> BaselineGate:
    return BaselineGate(
        id=gate.id,
        started=gate.started,
        runs=sum(_counts(run, digests) for run in gate.runs),
        file=str(file),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )


def _counts(run: Run, digests: Mapping[str, str]) -> bool:
    """Return whether a run is one of the baseline; an inconclusive one that was repeated is not."""
    return run.version == "candidate" and not run.set_aside and run.scenario in digests


def _session(
    file: Path, gate: Gate, machine: Mapping[str, Any], digests: Mapping[str, str]
) -> dict[tuple[str, str], list[float]]:
    for name in machines.differing_sizes(gate.machine, machine):
        raise ConfigError(
            f"{file} was recorded on another machine: {name} was {gate.machine.get(name)}, and "
            f"is {machine.get(name)} here. Record the baseline on this machine, or compare "
            "with `against`"
        )
    own = {scenario.name: scenario.digest for scenario in gate.scenarios}
    for name, digest in digests.items():
        if own.get(name, digest) != digest:
            raise ConfigError(
                f"{file} was recorded with another load, other faults, or another adapter, stack, "
                f"layout or bug of {name}; record the baseline again"
            )
    missing = sorted(digests.keys() - own.keys())
    if missing:
        raise ConfigError(f"{file} has no runs of {', '.join(missing)}")
    values: dict[tuple[str, str], list[float]] = {}
    for run in gate.runs:
        if _counts(run, digests):
            for name, value in run.values.items():
                if not 0 <= value < float("inf"):
                    raise ConfigError(
                        f"{file}: {name} of {run.path} must be a finite number of zero or more; "
                        f"got {value}"
                    )
                values.setdefault((run.scenario, name), []).append(value)
    return values
