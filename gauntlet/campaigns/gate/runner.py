"""Runs one version of a scenario as a child process, and reads what came out."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.campaigns.gate import reading
from gauntlet.campaigns.gate.outcome import Run, RunStopped, Version
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.core.errors import Exit, GauntletError, Interrupted, first_exit
from gauntlet.core.scenario.model import to_builtins


class Runner:
    """Makes the runs of a gate, one after the other, below one folder.

    `labels` describe the candidate; the reference is another version of the system.
    """

    def __init__(self, out: Path, labels: Mapping[str, str], options: tuple[str, ...] = ()) -> None:
        self._out = out
        self._labels = [f"--label={name}={value}" for name, value in labels.items()]
        self._options = options

    def run(self, subject: Subject, version: Version, number: int) -> Run:
        """Run a scenario once."""
        started = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        bug = ("--bug", subject.bug) if subject.bug else ()
        server = ("--server-python", subject.python) if subject.python else ()
        planned = Planned(
            None,
            f"{subject.name}-{version}-{number}",
            to_builtins(subject.scenario),
            (*bug, *server, *(self._labels if version == "candidate" else ()), *self._options),
        )
        found: list[Run] = []

        def finish(child: Child[None]) -> None:
            empty = Run(subject.name, version, number, 0, "", (), "", started, child.elapsed_s())
            found.append(completed(empty, child))

        timeout_s = child_runs.TIMEOUT_S + subject.scenario.load.duration_s
        try:
            child_runs.run_all([planned], self._out, 1, finish, timeout_s, finish)
        except (Interrupted, KeyboardInterrupt) as error:
            if found:
                raise RunStopped(found[0]) from error
            raise
        return found[0]


def completed(empty: Run, child: Child[None]) -> Run:
    """Return the run with what its directory holds, or as an error if it holds no result."""
    returned = child.exit_code()
    run = child.run_directory()
    output = child.folder / "output.txt"
    try:
        if child.late:
            reason = f"The run did not end within {child.elapsed_s():.0f} s; see {output}."
            return _failed(empty, Exit.HARNESS, child.folder, reason)
        if run is None:
            broken = Exit.HARNESS if returned == Exit.OK else returned
            return _failed(empty, broken, child.folder, f"The run has no result; see {output}.")
        result = run.read_result()
        cases = reading.cases(result)
        verdict = result["verdict"]
        reasons = tuple(map(reading.writable, verdict["reasons"]))
        status, own = str(verdict["status"]), Exit(verdict["exit_code"])
        system, sha256 = reading.system(run), reading.digest(run)
    except (GauntletError, KeyError, OSError, TypeError, ValueError) as error:
        return _failed(empty, Exit.HARNESS, child.folder, f"The result cannot be read: {error}")
    code = first_exit({own, returned})
    values, unusable = reading.values(run)
    if code != own:  # a fault was not healed, or the process broke after it wrote the result
        reason = f"The process ended with exit {child.process.returncode}; see {output}."
        status, reasons = "error", (reason, *reasons)
        values, unusable = {}, "the process did not end as the result says"
    return msgspec.structs.replace(
        empty,
        exit_code=int(code),
        status=status,
        reasons=reasons,
        path=str(run.path),
        cases=cases,
        values=values,
        unusable=unusable,
        system=system,
        sha256=sha256,
    )


def _failed(empty: Run, code: int, folder: Path, reason: str) -> Run:
    return msgspec.structs.replace(
        empty,
        exit_code=int(code),
        status="error",
        reasons=(reason,),
        path=str(folder),
        unusable="the run has no usable result",
    )
