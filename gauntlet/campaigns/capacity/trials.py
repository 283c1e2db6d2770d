"""Makes one trial: runs a scenario as a child process, and reads what came out."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.capacity import reading
from gauntlet.campaigns.capacity.record import During, Trial, What
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.core.errors import Exit, HistoryError, Interrupted, first_exit
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Scenario, to_builtins

_ERROR = "gauntlet: "
_REASON_MAX = 300


class TrialRequest(NamedTuple):
    """The trial to make; `step` names a level of the unit costs."""

    what: What
    during: During
    level: float
    scenario: Scenario
    step: str = ""

    @property
    def name(self) -> str:
        """A name for folders and for people."""
        unit = "/s" if self.what == "rate_per_s" else " connections"
        return f"{self.step or self.during} {self.level:g}{unit}"


class TrialRunner(Protocol):
    """Makes a trial: by a child process, or in a test."""

    def run(self, request: TrialRequest) -> Trial:
        """Run a scenario once."""
        ...


class MetricsSampler(Protocol):
    """What samples the metrics that a system exports, while a run lasts."""

    def start(self) -> None:
        """Start to sample."""

    def stop(self, run: RunDir | None) -> None:
        """Stop, and write the samples into the directory of the run, if there is one."""

    @property
    def tiers(self) -> Mapping[str, str]:
        """The tier of each component."""
        ...


class Runner:
    """Makes trials one after the other, below one folder."""

    def __init__(
        self, out: Path, options: tuple[str, ...] = (), sampler: MetricsSampler | None = None
    ) -> None:
        self._out = out
        self._options = options
        self._sampler = sampler

    def run(self, request: TrialRequest) -> Trial:
        """Run a scenario once; an interrupt stops the run and is raised."""
        name = request.name.replace("/s", "").replace(" ", "-")
        planned = Planned(None, name, to_builtins(request.scenario), self._options)
        found: list[Child[None]] = []
        timeout_s = child_runs.TIMEOUT_S + request.scenario.load.duration_s
        with ExitStack() as stack:
            if self._sampler is not None:
                self._sampler.start()
                sampler = self._sampler
                stack.callback(lambda: sampler.stop(found[0].run_directory() if found else None))
            try:
                child_runs.run_all([planned], self._out, 1, found.append, timeout_s, found.append)
            except (Interrupted, KeyboardInterrupt):
                if not found or found[0].exit_code() != Exit.ROLLBACK:
                    raise  # else what could not be healed is worse than the interrupt
        tiers = self._sampler.tiers if self._sampler is not None else {}
        return completed(request, found[0], tiers)


def completed(request: TrialRequest, child: Child[None], tiers: Mapping[str, str]) -> Trial:
    """Return the trial with what the run showed; it is refused if there is no result."""
    code = child.exit_code()
    trial = Trial(
        what=request.what,
        during=request.during,
        level=request.level,
        outcome="refused",
        reason=f"The run has no result (exit {code}): {_last_line(child.folder / 'output.txt')}",
        run=None,
        step=request.step,
        exit_code=int(Exit.HARNESS if code == Exit.OK else code),
    )
    run = child.run_directory()
    if child.late or run is None:
        return trial
    return judged(trial, run, code, tiers)


def judged(trial: Trial, run: RunDir, code: Exit, tiers: Mapping[str, str]) -> Trial:
    """Return a trial with what its run directory says."""
    try:
        found = reading.judge(run, trial.during)
        own = Exit(run.read_result()["verdict"]["exit_code"])
        known = {**reading.tiers(run), **tiers}
    except HistoryError as error:
        return msgspec.structs.replace(trial, reason=str(error))
    outcome, reason = found.outcome, found.reason
    if code != own:  # a fault was not healed, or the process broke after it wrote the result
        outcome, reason = "refused", f"The process ended with exit {code}, unlike its result."
    used = {key.rpartition("/")[0] for key in found.use}
    return msgspec.structs.replace(
        trial,
        outcome=outcome,
        reason=reason,
        run=reading.provenance(run),
        measured={name: round(value, 4) for name, value in found.measured.items()},
        use={name: round(value, 5) for name, value in found.use.items()},
        tiers={name: tier for name, tier in known.items() if name in used},
        violated=found.violated,
        exit_code=int(first_exit({code, own})),
    )


def _last_line(output: Path) -> str:
    """Return the last line that a run printed: its error, if it has one."""
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if line.startswith(_ERROR)]
    return (errors or said or [f"see {output}"])[-1].removeprefix(_ERROR)[:_REASON_MAX]
