"""Runs storms, shrinks those that fail, and records the outcome of each."""

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.campaigns import bug_identity, child_runs, record_files
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.campaigns.progress import Say
from gauntlet.campaigns.storm import drawing, shrinking
from gauntlet.campaigns.storm.menu import menu_of, unavailable
from gauntlet.core.errors import Exit, first_exit
from gauntlet.core.scenario.model import Duration, Fault, Load, Scenario, to_builtins
from gauntlet.core.scenario.moments import text
from gauntlet.runner.manifest import commit_of

# What tells storms apart: scenario, stack, bug, seed, minutes, faults, and what else was planned.
Key = tuple[str, str, str, int, float, tuple[str, ...], str]

# A run that ends without a verdict, or inconclusive on a busy machine, is repeated this often.
_REPETITIONS = 1


class Outcome(msgspec.Struct, frozen=True):
    """How one run ended: its exit code, the first reason, and what failed by name."""

    exit_code: int
    reason: str
    failed: tuple[str, ...]
    directory: str
    judged: bool = True  # whether there is a result

    @property
    def red(self) -> bool:
        """Whether a check or an objective failed, or the system stayed broken after the heal."""
        return self.judged and self.exit_code in (Exit.FAILED, Exit.ROLLBACK)

    @property
    def is_verdict(self) -> bool:
        """Whether the run passed or is red, so that it need not be repeated."""
        return self.red or self.exit_code == Exit.OK


class Record(msgspec.Struct, frozen=True):
    """One storm: its faults, its outcome, and the fewest faults that still fail, if it failed.

    `digest` is that of the storm. Records of earlier versions have none, and count for no storm.
    """

    scenario: str
    seed: int
    minutes: float
    stack: str
    bug: str
    commit: str | None
    faults: tuple[str, ...]
    outcome: Outcome
    smallest: tuple[str, ...] = ()
    minimal: bool = False
    attempts: int = 0
    replay: str = ""
    digest: str = ""

    @property
    def key(self) -> Key:
        """What was run."""
        own = (self.scenario, self.stack, self.bug, self.seed, self.minutes)
        return (*own, self.faults, self.digest)


class Storm(msgspec.Struct, frozen=True):
    """What to run: a scenario whose faults are replaced by those of the seed.

    `only` are ids of faults, to repeat a part of the storm; without any, all of them act.
    """

    scenario: Scenario
    name: str  # of the scenario on the command line
    seed: int
    minutes: float
    bug: str = ""
    only: tuple[str, ...] | None = None
    options: tuple[str, ...] = ()  # further ones of `gauntlet run`

    def planned(self) -> Scenario:
        """Return the scenario of the storm with all of its faults that this machine can run."""
        faults = [fault for fault in self._drawn() if not unavailable(fault.kind)]
        return msgspec.structs.replace(
            self.scenario, name="storm", seed=self.seed, load=self._load(), faults=faults
        )

    @property
    def digest(self) -> str:
        """A digest of all that a run of the storm is given: load, target, objectives and faults.

        The file of a bug of the user is part of it; the name of any other bug is in the record.
        """
        plain = to_builtins(self.planned())
        plain.pop("seed", None)  # a record has it itself
        if (bug := bug_identity.identity_of(self.bug)) != self.bug:
            plain["bug"] = bug
        return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]

    def left_out(self) -> dict[str, str]:
        """Return why this machine cannot run a fault, by the id of each such fault."""
        reasons = {fault.id: unavailable(fault.kind) for fault in self._drawn()}
        return {name: reason for name, reason in reasons.items() if reason}

    def _drawn(self) -> tuple[Fault, ...]:
        """Return the same faults on every machine, so that their ids mean the same."""
        load = self._load()
        return drawing.draw(menu_of(self.scenario), self.seed, load.ramp, load.steady)

    def _load(self) -> Load:
        return with_minutes(self.scenario.load, self.minutes)

    def replay(self, ids: Sequence[str]) -> str:
        """Return the command that repeats the storm with only these faults."""
        words = ["gauntlet", "storm", self.name, "--stack", self.scenario.target.stack]
        words += ["--seed", str(self.seed), "--minutes", f"{self.minutes!r}"]
        words += ["--bug", self.bug] if self.bug else []
        words += [*self.options, "--only", ",".join(ids) or "none"]
        return shlex.join(words)


def _key(storm: Storm, faults: tuple[str, ...]) -> Key:
    stack = storm.scenario.target.stack
    own = (storm.name, stack, storm.bug, storm.seed, storm.minutes)
    return (*own, faults, storm.digest)


def with_minutes(load: Load, minutes: float) -> Load:
    """Return the load with a length of `minutes` after its ramp."""
    return msgspec.structs.replace(load, steady=Duration(minutes * 60))


def describe(fault: Fault) -> str:
    """Return a fault in one line: `f2-kill: kill edge at 12.3 s for 1.5 s`."""
    params = "".join(f", {name} {value}" for name, value in fault.params.items())
    return f"{fault.id}: {fault.kind} {fault.target} {text(fault.at)} for {fault.for_:g} s{params}"


class Campaign:
    """Runs storms one after the other; each one is appended to `records` when it is done."""

    def __init__(self, records: Path | None, out: Path, *, attempts: int, say: Say) -> None:
        self._records = records
        self._out = out
        self._attempts = attempts
        self._say = say
        self._commit = commit_of(Path(__file__).parent)

    def recorded(self, storm: Storm) -> Outcome | None:
        """Return the recorded verdict of a storm with the same faults, if there is one."""
        if self._records is None or storm.only is not None:
            return None
        same = _key(storm, tuple(map(describe, storm.planned().faults)))
        found = [
            record.outcome
            for record in record_files.read(self._records, Record)
            if record.key == same and record.outcome.is_verdict
        ]
        return found[-1] if found else None

    def run(self, storm: Storm) -> Outcome:
        """Run a storm, shrink it if it fails, and record it."""
        planned, digest = storm.planned(), storm.digest
        if storm.only is not None:
            planned = _with(planned, [f for f in planned.faults if f.id in storm.only])
        self._say(f"storm {storm.seed}: {len(planned.faults)} faults")
        for fault in planned.faults:
            self._say(f"  {describe(fault)}")
        for name, reason in storm.left_out().items():
            self._say(f"  left out: {name}, because {reason}")
        outcome = self._outcome(storm, planned)
        self._say(f"storm {storm.seed}: {_verdict(outcome)}")
        record = Record(
            scenario=storm.name,
            seed=storm.seed,
            minutes=storm.minutes,
            stack=storm.scenario.target.stack,
            bug=storm.bug,
            commit=self._commit,
            faults=tuple(map(describe, planned.faults)),
            outcome=outcome,
            digest=digest,
        )
        try:
            if outcome.red and self._attempts:
                record = self._shrink(storm, planned, record)
        finally:  # an interrupt of the shrinking does not lose what was found before
            if self._records is not None:
                record_files.append(self._records, record)
        return outcome

    def _shrink(self, storm: Storm, planned: Scenario, record: Record) -> Record:
        """Return the record with the fewest faults with which the same check still fails.

        The first one of those that failed: the others may be its consequences, or concern something
        that needs no fault.
        """
        name = next(iter(record.outcome.failed), "")

        def fails(faults: tuple[Fault, ...]) -> bool:
            found = self._outcome(storm, _with(planned, faults), repeat=False)
            still = found.red and name in (found.failed or ("",))
            shown = ", ".join(fault.id for fault in faults) or "no fault"
            self._say(f"  {'still fails' if still else _verdict(found)} with {shown}")
            return still

        smallest = shrinking.shrink(planned.faults, fails, self._attempts)
        ids = tuple(fault.id for fault in smallest.items)
        replay = storm.replay(ids)
        self._say(
            f"storm {storm.seed}: {name or 'it'} fails with {len(ids)} of "
            f"{len(planned.faults)} faults: {', '.join(ids) or 'none is needed'}"
            + ("" if smallest.minimal else " (perhaps fewer: no attempts were left)")
        )
        self._say(f"repeat it: {replay}")
        return msgspec.structs.replace(
            record,
            smallest=ids,
            minimal=smallest.minimal,
            attempts=smallest.attempts,
            replay=replay,
        )

    def _outcome(self, storm: Storm, scenario: Scenario, *, repeat: bool = True) -> Outcome:
        """Run a scenario; a run without a clear verdict is repeated."""
        outcome = self._once(storm, scenario)
        for _ in range(_REPETITIONS if repeat else 0):
            if outcome.is_verdict:
                break
            self._say(f"  {_verdict(outcome)}; once more")
            outcome = self._once(storm, scenario)
        return outcome

    def _once(self, storm: Storm, scenario: Scenario) -> Outcome:
        options = (*(("--bug", storm.bug) if storm.bug else ()), *storm.options)
        planned = Planned(None, f"storm-{storm.seed}", to_builtins(scenario), options)
        found: list[Outcome] = []
        child_runs.run_all(
            [planned],
            self._out,
            1,
            lambda child: found.append(_outcome_of(child)),
            child_runs.TIMEOUT_S + scenario.load.duration_s,
        )
        return found[0]


def _with(scenario: Scenario, faults: Sequence[Fault]) -> Scenario:
    return msgspec.structs.replace(scenario, faults=list(faults))


def _outcome_of(child: Child[None]) -> Outcome:
    run = child.run_directory()
    code, output = child.exit_code(), child.folder / "output.txt"
    if run is None:
        code = Exit.HARNESS if code == Exit.OK else code
        return Outcome(int(code), f"no result; see {output}", (), str(child.folder), judged=False)
    result: dict[str, Any] = run.read_result()
    failed = [check["id"] for check in result["checks"] if check["verdict"] == "invalid"]
    failed += [each["id"] for each in result["objectives"] if each["verdict"] == "invalid"]
    failed += [
        f"heal of {fault['id']}"
        for fault in result["faults"]
        if fault["requested_at_s"] is not None and fault["healed_at_s"] is None
    ]
    reasons = result["verdict"]["reasons"] or [""]
    if not child.ended_as(result):
        reasons = [f"The process ended with exit {child.process.returncode}; see {output}."]
    code = first_exit({code, Exit(result["verdict"]["exit_code"])})
    return Outcome(int(code), reasons[0], tuple(failed), str(run.path))


def _verdict(outcome: Outcome) -> str:
    name = Exit(outcome.exit_code).name.lower()
    return f"{name} (exit {outcome.exit_code}) {outcome.reason}".rstrip()
