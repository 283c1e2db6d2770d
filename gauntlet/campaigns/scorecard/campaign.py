"""Tries what has no record yet: synthetic histories in this process, servers in child processes."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from gauntlet.campaigns import child_runs, record_files
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.campaigns.progress import Say
from gauntlet.campaigns.scorecard import synthetic_histories
from gauntlet.campaigns.scorecard.results import acted, record_of
from gauntlet.campaigns.scorecard.trials import Record, Records, Subject, Trial, open_trials
from gauntlet.core.errors import Exit
from gauntlet.runner.manifest import commit_of


def read(file: Path) -> Records:
    """Return the records of a file."""
    return Records(record_files.read(file, Record))


class Campaign:
    """The trials of some subjects, of which each that ended is recorded."""

    def __init__(self, file: Path, out: Path, *, jobs: int, say: Say) -> None:
        self._file = file
        self._out = out
        self._jobs = jobs
        self._say = say
        self._commit = commit_of(Path(__file__).parent)
        self._done = itertools.count(1)
        self._total = 0
        self._failures: set[str] = set()

    def run(self, subjects: Sequence[Subject], seeds: int | None) -> Exit:
        """Run until no trial is open; a subject that is missed gets further seeds.

        The exit code is 1 if the records contain a miss or a false alarm, and 3 if trials ended
        without a verdict.
        """
        tried: set[str] = set()
        while todo := self._open(subjects, seeds, tried):
            self._total += len(todo)
            tried |= {trial.name for trial in todo}
            self._try([trial for trial in todo if trial.subject.scenario is None])
            self._run([trial for trial in todo if trial.subject.scenario is not None])
        records = read(self._file)
        found = [record for subject in subjects for record in records.current(subject).values()]
        for record in found:
            if record.bad:
                what = "missed" if record.part.wrong else "false alarm"
                self._say(f"{what}: {record.key}/{record.seed} {record.sentence}".rstrip())
        if any(record.bad for record in found):
            return Exit.FAILED
        return Exit.HARNESS if self._failures else Exit.OK

    def _open(self, subjects: Sequence[Subject], seeds: int | None, tried: set[str]) -> list[Trial]:
        """Return the open trials that this campaign has not tried, since some end without one."""
        trials = open_trials(subjects, read(self._file), seeds=seeds)
        return [trial for trial in trials if trial.name not in tried]

    def _try(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._record(synthetic_histories.try_out(trial, self._commit))

    def _run(self, trials: Sequence[Trial]) -> None:
        planned = [
            Planned(t, t.name, {**(t.subject.scenario or {}), "seed": t.seed}, t.subject.options)
            for t in trials
        ]
        child_runs.run_all(planned, self._out, self._jobs, self._finish)

    def _finish(self, child: Child[Trial]) -> None:
        run = child.run_directory()
        result = None if run is None else run.read_result()
        if run is None or result is None or not child.ended_as(result):
            self._failures.add(child.item.name)
            code, file = child.process.returncode, child.folder / "output.txt"
            self._report(f"{child.item.name}: no verdict (exit {code}); see {file}")
            return
        commit = run.read_manifest().get("commit")
        record = record_of(child.item, result, commit, child.elapsed_s())
        bug = child.item.subject.options[-1:]
        if bug and bug[0].endswith(".py"):
            record = structs.replace(record, acted=acted(run.logs, Path(bug[0])))
        self._record(record)
        if not record.settled:
            self._failures.add(child.item.name)

    def _record(self, record: Record) -> None:
        record_files.append(self._file, record)
        name = f"{record.key}/{record.seed}"
        self._report(f"{name}: {record.verdict} {record.first}".rstrip())

    def _report(self, line: str) -> None:
        self._say(f"{next(self._done)}/{self._total} {line}")
